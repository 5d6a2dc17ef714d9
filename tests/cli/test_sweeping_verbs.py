"""``reconcile``, ``backfill`` and ``adopt``, against the simulated systems on real sockets."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select
from structlog.testing import capture_logs
from typer.testing import CliRunner

from sync.bootstrap.http import Background
from sync.bootstrap.simulated import SimulatedJira, start_jira
from sync.cli.main import app
from sync.sandbox.coalesce import CoalesceSandbox, Outbox
from sync.sandbox.coalesce.app import create_app
from sync.sandbox.coalesce.outbox import DeliveryFaults
from sync.sandbox.coalesce.rest import CLIENT_ID, CLIENT_SECRET, CoalesceRest
from sync.store.engine import Store, open_store
from sync.store.tables import SweepRunRow, TicketRow
from sync.web.server import listen

RULE = """
[[rule]]
name = "issues"
when = { kind = "issue" }
project = "DATA"
issue_type = "Bug"
[rule.fields]
summary = "{{ subject.title }}"
"""


@pytest.fixture(scope="module")
def jira() -> Iterator[SimulatedJira]:
    started = start_jira(index_lag=0.0)
    yield started
    started.stop()


@pytest.fixture
def upstream() -> Iterator[CoalesceSandbox]:
    sandbox = CoalesceSandbox(seed=4)
    rest = CoalesceRest(Outbox(sandbox, faults=DeliveryFaults(silent=1.0)))
    server = Background(create_app(rest), listen("127.0.0.1", 0), name="upstream")
    server.start()
    sandbox.url = server.url  # type: ignore[attr-defined]
    yield sandbox
    server.stop(5)


@pytest.fixture
def config(
    tmp_path: Path,
    sqlite_template: Path,
    monkeypatch: pytest.MonkeyPatch,
    jira: SimulatedJira,
    upstream: CoalesceSandbox,
) -> Path:
    for name in os.environ:
        if name.startswith("TICKET_SYNC_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "rules.toml").write_text(RULE)
    site = "\n".join(f"{name} = {json.dumps(value)}" for name, value in jira.settings().items())
    file = tmp_path / "config.toml"
    file.write_text(
        f"""
[coalesce]
signing_secrets = ["whsec"]
[coalesce.api]
client_id = "{CLIENT_ID}"
client_secret = "{CLIENT_SECRET}"
url = "{upstream.url}"
[sites.main]
{site}
"""  # type: ignore[attr-defined]
    )
    shutil.copy(sqlite_template, tmp_path / "ticket-sync.db")
    return file


def call(*args: str) -> tuple[int, str, str]:
    # Logs go to standard error outside of tests.
    with capture_logs():
        result = CliRunner().invoke(app, list(args))
    return result.exit_code, result.stdout, result.stderr


def rows(config: Path, table: type) -> list:
    store: Store = open_store(f"sqlite:///{config.parent / 'ticket-sync.db'}")
    try:
        with store.read() as session:
            return list(session.exec(select(table)))
    finally:
        store.close()


def test_reconcile_shows_the_drift_as_a_table_and_makes_it_due(
    config: Path, upstream: CoalesceSandbox
) -> None:
    issue = upstream.open_issue("rows are missing")
    code, out, _ = call("reconcile", "--dry-run", "--sweep", "upstream")
    assert code == 0
    assert f"coalesce:issue:{issue.id}" in out
    assert "missing" in out
    assert "rows are missing" in out
    assert rows(config, TicketRow) == []
    assert rows(config, SweepRunRow) == [], "a dry run leaves nothing behind"

    code, out, _ = call("reconcile", "--json")
    assert code == 0
    sweeps = {one["sweep"]: one for one in json.loads(out)}
    assert set(sweeps) == {"issues", "incidents", "deliveries", "heads", "jira:main", "own"}
    assert sweeps["issues"]["missing"] == 1
    assert len(rows(config, TicketRow)) == 1
    assert len(rows(config, SweepRunRow)) == 6
    code, out, _ = call("reconcile", "--json", "--sweep", "issues")
    assert json.loads(out)[0]["drift"] == []


def test_a_sweep_that_is_not_there_is_named_with_those_that_are(config: Path) -> None:
    code, _, err = call("reconcile", "--sweep", "upstraem")
    assert code == 2
    assert "There is no sweep 'upstraem'. There are: upstream, deliveries, jira, own" in err


def test_without_credentials_the_other_sweeps_run(config: Path) -> None:
    text = config.read_text()
    head, rest = text.split("[coalesce.api]")
    config.write_text(head + rest[rest.index("[sites.main]") :])
    code, out, _ = call("reconcile", "--json")
    assert code == 0
    assert [one["sweep"] for one in json.loads(out)] == ["jira:main", "own"]
    code, _, err = call("reconcile", "--sweep", "upstream")
    assert code == 2
    assert "[coalesce.api]" in err
    code, _, err = call("backfill", "--since", "1d")
    assert code == 2
    assert "client_id" in err


def test_backfill_counts_by_rule_and_then_brings_in(
    config: Path, upstream: CoalesceSandbox
) -> None:
    for n in range(3):
        upstream.open_issue(f"check {n}")
    code, out, _ = call("backfill", "--since", "1d", "--dry-run")
    assert code == 0
    assert "rule issues: 3" in out
    assert rows(config, TicketRow) == []
    code, out, _ = call("backfill", "--since", "1d", "--rate", "2")
    assert code == 0
    assert "3 issues and incidents looked at" in out
    assert len(rows(config, TicketRow)) == 3


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--since", "soon"), "'soon' is no span of time"),
        (("--since", "1d", "--rule", "isues"), "There is no rule 'isues'. There are: 'issues'."),
    ],
)
def test_backfill_says_what_is_wrong_with_its_options(
    config: Path, args: tuple[str, ...], words: str
) -> None:
    code, _, err = call("backfill", *args)
    assert code == 2
    assert words in err


def test_adopt_takes_over_a_ticket_from_a_csv_dry_run_first(
    config: Path, upstream: CoalesceSandbox, jira: SimulatedJira
) -> None:
    issue = upstream.open_issue("rows are missing")
    key = jira.site.person.create("DATA", "Bug", "somebody's words")
    Path("pairs.csv").write_text(f"subject,ticket\n{issue.id},{key}\n")
    code, out, _ = call("adopt", "--csv", "pairs.csv")
    assert code == 0
    assert "Nothing was done. Add --apply" in out
    assert rows(config, TicketRow) == []
    code, out, _ = call("adopt", "--csv", "pairs.csv", "--apply", "--json")
    assert code == 0
    assert json.loads(out)[0]["fate"] == "adopt"
    assert [row.jira_key for row in rows(config, TicketRow)] == [key]
    code, out, _ = call("adopt", "--csv", "pairs.csv", "--apply", "--json")
    assert json.loads(out)[0]["fate"] == "already"


def test_adopt_finds_by_label_and_reports_conflicts(
    config: Path, upstream: CoalesceSandbox, jira: SimulatedJira
) -> None:
    issue = upstream.open_issue("rows are missing")
    first = jira.site.person.create("DATA", "Bug", f"see {issue.id}", labels=["from-elsewhere"])
    second = jira.site.person.create("DATA", "Bug", f"{issue.id} too", labels=["from-elsewhere"])
    code, out, _ = call("adopt", "--label", "from-elsewhere", "--apply", "--json")
    assert code == 1
    assert {one["ticket"]: one["fate"] for one in json.loads(out)} == {
        first: "adopt",
        second: "conflict",
    }


def test_adopt_records_ahead_what_is_not_known_and_shows_and_takes_it_back(
    config: Path, jira: SimulatedJira
) -> None:
    key = jira.site.person.create("DATA", "Bug", "somebody's words")
    id_ = "0e8f6c1e-0000-4000-8000-00000000000a"
    Path("pairs.csv").write_text(f"{id_.upper()},{key}\n")
    code, out, _ = call("adopt", "--csv", "pairs.csv", "--json")
    assert code == 1
    assert "it can be recorded ahead" in json.loads(out)[0]["words"]
    code, out, _ = call("adopt", "--csv", "pairs.csv", "--ahead", "--apply", "--json")
    assert (code, json.loads(out)[0]["fate"]) == (0, "ahead")
    assert f"{id_} takes {key} once it is heard of" in call("adopt", "--recorded")[1]
    code, _, err = call("why", id_)
    assert code == 1
    assert f"Nothing was heard of it yet. {id_} takes {key} once it is heard of" in err
    assert json.loads(call("status", "--json")[1])["tickets"]["recorded_ahead"] == 1
    assert f"Taken back: {id_}, {key}" in call("adopt", "--remove", id_)[1]
    assert "Already done by" in call("adopt", "--remove", id_)[1], "as by a button pressed twice"
    code, _, err = call("adopt", "--remove", "DATA-999")
    assert (code, "Nothing is recorded ahead for" in err) == (1, True)
    assert "Nothing is recorded ahead." in call("adopt", "--recorded")[1]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            ("--markers", "--pattern", "(x)"),
            "A pattern looks at tickets that a query or a label finds",
        ),
        (("--jql", "project = DATA", "--in", "summary"), "Give a pattern"),
        (
            ("--jql", "project = DATA", "--pattern", "x"),
            "has 0 groups. Put one part in parentheses",
        ),
        (
            ("--jql", "project = DATA", "--pattern", "(x)", "--match", "key"),
            "none of id, title, entity",
        ),
        (
            ("--jql", "project = DATA", "--pattern", "(x)", "--in", "Sumary"),
            "Did you mean 'Summary'",
        ),
        (("--markers", "--ahead"), "Only an id can be recorded ahead"),
    ],
)
def test_adopt_says_what_is_wrong_with_its_options(
    config: Path, jira: SimulatedJira, args: tuple[str, ...], words: str
) -> None:
    code, _, err = call("adopt", *args)
    assert (code, words in " ".join(err.split())) == (2, True), err


def test_adopt_finds_a_known_issue_by_a_pattern(
    config: Path, upstream: CoalesceSandbox, jira: SimulatedJira
) -> None:
    issue = upstream.open_issue("rows are missing")
    key = jira.site.person.create("DATA", "Bug", f"[{issue.id}] late", labels=["old"])
    args = ("--label", "old", "--pattern", r"\[(.+?)\]", "--in", "summary")
    code, out, _ = call("adopt", *args, "--apply", "--json")
    assert (code, json.loads(out)[0]["fate"]) == (0, "adopt")
    assert [row.jira_key for row in rows(config, TicketRow)] == [key]
    # A ticket that is kept has nothing to be found in it.
    code, out, _ = call("adopt", "--label", "old", "--pattern", "table (.+)", "--json")
    assert (code, json.loads(out)[0]["fate"]) == (0, "already")
    code, _, err = call("adopt", "--jql", "project = = DATA")
    assert (code, "cannot be looked for" in err) == (2, True)


@pytest.mark.parametrize("line", ["only-one", "a,DATA-1,more"])
def test_a_line_of_a_csv_that_cannot_be_read_is_named(config: Path, line: str) -> None:
    Path("pairs.csv").write_text(f"subject,ticket\n{line}\n")
    code, _, err = call("adopt", "--csv", "pairs.csv")
    assert code == 2
    assert f"pairs.csv:2: '{line}' is not subject,ticket" in err
    code, _, err = call("adopt", "--csv", "nowhere.csv")
    assert (code, "nowhere.csv cannot be read: No such file" in err) == (2, True)
    Path("other.csv").write_bytes("a,DATA-1\n".encode("utf-16"))
    code, _, err = call("adopt", "--csv", "other.csv")
    assert (code, "other.csv is not in UTF-8" in err) == (2, True)
