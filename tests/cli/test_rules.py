"""``rules``, what ``status`` and ``/health/ready`` say of them, and ``why`` with Jira at hand."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync.adapters.jira import JiraSite, JiraTracker
from sync.bootstrap.program import probes
from sync.bootstrap.simulated import SimulatedJira, start_jira
from sync.cli.main import app
from sync.settings import shipped
from sync.store import rulebook
from sync.store.engine import Store
from sync.store.inbox import Inbox
from sync.worker.daemon.daemon import Daemon
from sync.worker.rulebook.in_force import Guard
from tests.walks.world import RULES, SimulatedClock, issue_event
from tests.worker.edited import EditedWorld

EDITED = RULES.replace('["data-quality"]', '["urgent"]')


@pytest.fixture(scope="module")
def jira() -> Iterator[SimulatedJira]:
    started = start_jira(index_lag=0.0)
    yield started
    started.stop()


@pytest.fixture
def world(
    sqlite_store: Store, jira: SimulatedJira, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EditedWorld]:
    """One ticket in the simulated Jira, and the verbs configured for it. Every edit waits."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    site = jira.settings()
    lines = "\n".join(f'{name} = "{value}"' for name, value in site.items())
    Path("config.toml").write_text(
        f'[store]\nurl = "sqlite:///{sqlite_store.place}"\n[coalesce]\nsigning_secrets = ["x"]\n'
        f"[sites.main]\n{lines}\n"
    )
    clock = SimulatedClock(time.time() - 60)
    tracker = JiraTracker(
        JiraSite("main", site["url"], token=site["token"], email=site["email"]), clock
    )
    made = EditedWorld(sqlite_store, tracker, clock, tmp_path / "mappings", guard=Guard(most=0))
    made.deliver(issue_event("issue_created", tmp_path.name, at=1))
    made.settle()
    yield made
    made.close()


def call(*args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(args))
    return result.exit_code, result.stdout, result.stderr


def test_show_tells_whether_the_rules_on_disk_are_in_force(world: EditedWorld) -> None:
    code, out, _ = call("rules", "show")
    assert code == 0
    assert "In force since" in out
    world.edit(EDITED)
    code, out, _ = call("rules", "show")
    assert code == 1
    assert "An edit of the rules would change 1 and make 0 tickets; it waits for" in out
    world.write_rules("[[rule]")
    assert call("rules", "show")[0] == 2


def test_accept_puts_them_in_force_once(world: EditedWorld) -> None:
    world.edit(EDITED)
    out = call("rules", "accept", "--json")[1]
    # Before the answer stand the log's lines about the calls to Jira, which only tests show.
    data = json.loads(out[out.index("{\n") :])
    assert (data["new"], data["changed"]) == (True, 1)
    assert call("rules", "accept")[1] == "These rules are in force already; nothing waits.\n"
    assert call("rules", "show")[0] == 0


def test_what_jira_would_not_take_is_accepted_by_force_alone(world: EditedWorld) -> None:
    before = world.in_force()
    world.write_rules(EDITED.replace("[rule.fields]", '[rule.fields]\npriority = "Hihgest"'))
    code, out, _ = call("rules", "accept")
    assert code == 2
    assert "Not in force" in out
    assert "rules.toml:8: rule 'everything': fields.priority: 'Hihgest' is not a value" in out
    assert world.in_force() == before
    code, out, _ = call("rules", "accept", "--force")
    assert code == 0
    assert "In force" in out
    assert "'Hihgest'" in out
    assert world.in_force() != before


def test_versions_are_listed_compared_and_reverted_to(world: EditedWorld) -> None:
    world.edit(EDITED)
    assert call("rules", "accept")[0] == 0
    data = json.loads(call("rules", "history", "--json")[1])
    assert [one["how"] for one in data["versions"]] == ["accepted by hand", "the first start"]
    first = str(data["versions"][-1]["id"])
    assert "(in force)" in call("rules", "history")[1]
    patch = call("rules", "diff", first)[1]
    assert "--- a/rules.toml" in patch
    assert '+labels = ["urgent"]' in patch
    code, out, _ = call("rules", "revert", first)
    assert (code, out.split(".")[0]) == (0, "Saved rules")
    assert (world.folder / "rules.toml").read_text() == RULES
    code, out, _ = call("rules", "take-back")
    assert code == 0
    assert out.startswith("Taken back: rules.toml as in force before.")
    assert (world.folder / "rules.toml").read_text() == EDITED
    # Pressed twice, it is one act.
    assert call("rules", "take-back")[1].startswith("Already done by command line on")
    assert call("rules", "diff", "99")[0] == 1


def test_an_undo_is_shown_first_and_done_with_yes(world: EditedWorld) -> None:
    def walked() -> None:
        world.notice()
        world.clock.sleep(6)
        world.settle()

    def labels() -> str:
        return ",".join(world.tracker.read(world.rows()[0].jira_id or "").fields["labels"])

    walked()
    assert call("rules", "revert", "--undo")[0] == 1
    assert call("rules", "revert", "3", "--undo")[0] == 2
    assert call("rules", "revert", "--yes")[0] == 2
    world.edit(EDITED)
    assert call("rules", "accept")[0] == 0
    walked()
    assert "urgent" in labels()
    code, out, _ = call("rules", "revert", "--undo")
    assert code == 0
    assert "Labels: put back: +data-quality -urgent" in out
    assert "1 ticket would be put back. Fields: 1 put back." in out
    assert "Do it: ticket-sync rules revert --undo --yes" in out
    out = call("rules", "revert", "--undo", "--json")[1]
    # The log of the test comes first.
    data = json.loads(out[out.index("{\n") :])
    assert (data["version"], data["to"], data["counts"]["back"]) == (2, 1, 1)
    assert "urgent" in labels()
    assert (world.folder / "rules.toml").read_text() == EDITED
    code, out, _ = call("rules", "revert", "--undo", "--yes")
    assert (code, out.startswith("Saved rules.toml.")) == (0, True)
    # Every edit waits here, so this one waits as well; asked once more, the edit is under way.
    assert "not in force yet" in " ".join(call("rules", "revert", "--undo")[2].split())
    assert call("rules", "accept")[0] == 0
    walked()
    assert "urgent" not in labels()
    assert "data-quality" in labels()


def test_status_and_readiness_tell_of_an_edit_that_waits_and_of_a_bad_one(
    world: EditedWorld,
) -> None:
    inbox = Inbox(world.store)
    daemon = Daemon(world.store, {}, {}, world.book.current, world.clock)
    probe = probes(world.store, inbox, {}, world.book, daemon)["rules"]
    try:
        assert probe().ok
        world.edit(EDITED)
        assert "waits for `ticket-sync rules accept`" in probe().words
        assert "waits for" in json.loads(call("status", "--json")[1])["rules"]["waiting"]
        world.edit("[[rule]]")
        found = probe()
        assert (found.ok, found.vital) == (False, False)
        assert "rules.toml:1" in found.words
        assert "rules.toml:1" in call("status")[1]
    finally:
        inbox.close()


def test_the_schema_is_the_one_that_comes_with_the_rules() -> None:
    code, out, _ = call("rules", "schema")
    assert code == 0
    assert out == (shipped("mappings") / "rules.schema.json").read_text("utf-8")


def why(world: EditedWorld) -> tuple[dict[str, str], str, str]:
    """Who wrote each field by name, why Jira was not asked, and what stands on stderr."""
    (row,) = world.rows()
    code, out, err = call("why", row.jira_key, "--json")
    assert code == 0
    # Logs go to stderr; in this process they precede the JSON.
    data = json.loads(out[out.index("{\n") :])
    return {field["name"]: field["by"] for field in data["fields"]}, data["jira_not_asked"], err


def test_why_asks_jira_who_wrote_each_field(world: EditedWorld, jira: SimulatedJira) -> None:
    (row,) = world.rows()
    jira.site.person.edit(row.jira_key, summary="mine")
    by, not_asked, err = why(world)
    assert (not_asked, err) == ("", "")
    assert by["Summary"] == "a person"
    assert by["Description"] == "ticket-sync"


def test_why_still_asks_jira_while_a_rule_file_has_a_slip(world: EditedWorld) -> None:
    world.edit("[[rule]")
    by, not_asked, err = why(world)
    assert (not_asked, err) == ("", "")
    assert by["Summary"] == "ticket-sync"


def test_why_goes_by_the_rules_in_force_while_an_edit_waits(world: EditedWorld) -> None:
    # By the rules on disk nobody keeps the ticket any more, so its fields would have no names.
    world.edit(RULES.replace('name = "everything"', 'name = "others"\nwhen = { title = "x" }'))
    assert world.waiting() is not None
    by, not_asked, err = why(world)
    assert (not_asked, err) == ("", "")
    assert by["Summary"] == "ticket-sync"


def test_why_goes_by_the_rules_on_disk_only_where_none_are_in_force_and_says_so(
    world: EditedWorld,
) -> None:
    with world.store.write() as session:
        rulebook.clear(session, rulebook.IN_FORCE)
    by, not_asked, err = why(world)
    assert (not_asked, by["Summary"]) == ("", "ticket-sync")
    assert err == "No rules are in force that can be used: those on disk are used.\n"
    world.write_rules("[[rule]")
    assert "rules.toml:1" in why(world)[1]


def test_reconcile_goes_by_the_rules_in_force_while_a_rule_file_has_a_slip(
    world: EditedWorld,
) -> None:
    world.edit("[[rule]")
    assert call("reconcile", "--sweep", "own")[0] == 0
