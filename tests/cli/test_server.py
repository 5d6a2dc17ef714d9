"""Verbs that ask a running daemon in place of the store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from sync.bootstrap.http import Background
from sync.cli.main import app
from sync.domain.errors import Rejected
from sync.operations.sweeps_by_hand import Hands
from sync.sandbox.memory import MemoryTracker
from sync.web.app import create_admin
from sync.web.health import Insight
from sync.web.server import listen
from sync.worker.sweeps.runner import Runner
from tests.walks.conftest import clock, jira, world  # noqa: F401
from tests.walks.world import issue_event
from tests.web.pages.conftest import Pages, pages  # noqa: F401
from tests.web.pages.test_sweeps import Looking

pytestmark = pytest.mark.proof


@pytest.fixture
def address(pages: Pages) -> Iterator[str]:  # noqa: F811
    """The address of a daemon's pages over a real socket. Whoever asks has the right token."""
    server = Background(
        create_admin(Insight(desk=pages.desk)), listen("127.0.0.1", 0), name="admin", grace=1.0
    )
    server.start()
    yield server.url
    server.stop(5)


def test_status_by_the_daemon_is_status_by_the_store(pages: Pages, address: str) -> None:  # noqa: F811
    pages.world.deliver(b"not an event")
    pages.world.step()
    done = CliRunner().invoke(app, ["status", "--server", address, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["deliveries"]["dead"] == 1
    done = CliRunner().invoke(app, ["status", "--server", f"{address}/"])
    assert "deliveries that could not be read" in done.stdout


@pytest.mark.parametrize(
    ("url", "words", "code"),
    [
        ("http://127.0.0.1:9", "Nothing answers at http://127.0.0.1:9", 1),
        ("nonsense", "'nonsense' is not an address", 2),
        ("http://[::", "is not an address", 2),
    ],
)
def test_an_address_where_no_daemon_answers_is_told_in_words(
    url: str, words: str, code: int
) -> None:
    done = CliRunner().invoke(app, ["status", "--server", url])
    assert done.exit_code == code
    assert words in " ".join(done.stderr.split())


def test_an_address_of_something_else_is_told_in_words(tmp_path: Path, address: str) -> None:
    done = CliRunner().invoke(app, ["status", "--server", f"{address}/assets"])
    assert done.exit_code == 1
    assert done.stderr.strip() != ""


def test_versions_of_the_rules_by_the_daemon(pages: Pages, address: str) -> None:  # noqa: F811
    def call(*args: str) -> str:
        done = CliRunner().invoke(app, ["rules", *args, "--server", address])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert call("accept").startswith("In force.")
    before = (pages.world.folder / "rules.toml").read_text()
    (pages.world.folder / "rules.toml").write_text(f"# a remark\n{before}")
    assert "+# a remark" in call("diff")
    refused = CliRunner().invoke(app, ["rules", "go-on", "--server", address])
    assert (refused.exit_code, "No edit is paused" in refused.stderr) == (2, True)
    assert call("take-back").startswith("Taken back: rules.toml")
    assert (pages.world.folder / "rules.toml").read_text() == before
    data = json.loads(call("history", "--json"))
    edit = data["versions"][1]
    assert edit["how"] == "an edit that was taken back, and was never in force"
    assert call("revert", str(edit["id"])).startswith("Saved rules.toml")
    assert (pages.world.folder / "rules.toml").read_text().startswith("# a remark")


def test_the_plan_by_the_daemon_is_that_of_its_page(pages: Pages, address: str) -> None:  # noqa: F811
    pages.world.deliver(issue_event("issue_created", "a", at=1))
    pages.world.settle()
    rules = pages.world.folder / "rules.toml"
    rules.write_text(rules.read_text().replace('"data-quality"', '"urgent"'))

    def call(*args: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["plan", "--server", address, *args])
        return done.exit_code, done.stdout

    code, out = call("--exit-code")
    assert code == 3
    assert "  ~ Labels: +urgent -data-quality\n" in out
    assert "1 change, 0 new, 0 moved, 0 set aside, 0 of 1 stay\n" in out
    assert json.loads(call("--json")[1])["size"] == 1
    rules.write_text("[[rule]]\n")
    assert "No plan: mend" in call()[1]


def _said(*args: str) -> str:
    done = CliRunner().invoke(app, list(args))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_looking_after_tickets_and_deliveries_by_the_daemon(
    pages: Pages,  # noqa: F811
    jira: MemoryTracker,  # noqa: F811
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    refusal = Rejected("'Hihg' is no value", field="Priority", remedy="Did you mean 'High'?")
    jira.fail("create", lambda: refusal)
    pages.world.deliver(issue_event("issue_created", "i-1", at=1), b"no event")
    pages.world.settle()
    by = ("--server", address)
    assert "Did you mean 'High'?" in _said("parked", *by)
    assert json.loads(_said("parked", *by, "--json"))["tickets"] == 1
    assert _said("retry", "--all", *by) == "1 ticket is due, and will be tried now.\n"
    pages.world.settle()
    assert "Nothing is parked." in _said("parked", *by)
    story = _said("why", "DATA-1", *by)
    for words in ("DATA-1 is as its rule wants it", "issue_created", "create", "Who last wrote"):
        assert words in story
    (dead,) = json.loads(_said("dead", "list", *by, "--json"))
    assert "no event" in _said("dead", "show", dead["id"], *by)
    assert _said("dead", "replay", dead["id"], *by) == "1 delivery will be read again.\n"
    assert "is forgotten" in _said("forget", "DATA-1", "--why", "not ours", *by)
    assert "forgotten by" in _said("why", "DATA-1", *by)
    assert "Nothing waits to be told upstream" in _said("upstream", "show", *by)
    assert _said("upstream", "accept", *by) == "Nothing waits.\n"
    assert "retry" in _said("log", *by)


def test_the_sweeps_are_run_by_the_daemon(pages: Pages, address: str) -> None:  # noqa: F811
    runner = Runner(pages.world.store, pages.world.clock, "me")
    hands = Hands(
        pages.world.store,
        {"jira": (Looking(),)},
        lambda one, dry: runner.run(one, dry=dry, by_hand=True),
        pages.world.clock,
    )
    object.__setattr__(pages.desk.deployment, "hands", hands)
    said = _said("reconcile", "--sweep", "jira", "--dry-run", "--server", address)
    assert "A dry run of 1 sweep has begun." in said
    assert "1 missing; 1 repaired" in said
    assert runner.stop(10)


def test_what_would_be_made_is_told_by_the_daemon(
    pages: Pages,  # noqa: F811
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    pages.world.deliver(issue_event("issue_created", "i-1", at=1, title="rows are gone"))
    pages.world.settle()
    by = ("--server", address)
    (came,) = json.loads(_said("deliveries", *by, "--json"))
    assert came["id"][:13] in _said("deliveries", "--type", "issue_created", *by)
    assert "No delivery fits." in _said("deliveries", "--outcome", "dead", *by)
    ticket = json.loads(_said("preview", "--delivery", came["id"][:8], "--json", *by))["ticket"]
    assert "rows are gone" in ticket["fields"]["summary"]["value"]
    supposed = _said("preview", "--sample", "issue_created", "--title", "late again", *by)
    assert "matches  everything" in supposed
    assert "late again" in supposed
    asked = CliRunner().invoke(app, ["preview", "body.json", *by])
    assert (asked.exit_code, "name --delivery or --sample" in asked.stderr) == (2, True)
    assert _said("rules", "accept", *by).startswith("In force.")
    replayed = _said("backtest", "--since", "7d", *by)
    assert "in the last 7d." in replayed
    assert "The rules on disk are those in force." in replayed
    shown = _said("rules", "show", *by)
    assert "rules.toml: everything" in shown
    assert "In force since" in shown


def test_tickets_are_listed_by_the_daemon_page_by_page(
    pages: Pages,  # noqa: F811
    address: str,
) -> None:
    for number in range(53):
        pages.world.deliver(issue_event("issue_created", f"i{number}", at=number))
    pages.world.settle()
    done = CliRunner().invoke(app, ["list", "--server", address, "--json", "--limit", "52"])
    assert done.exit_code == 0, done.output
    keys = [one["key"] for one in json.loads(done.stdout)]
    assert keys == [row.key for row in pages.world.rows()][::-1][:52]
    done = CliRunner().invoke(app, ["list", keys[0], "--server", address, "--standing", "settled"])
    assert "orders is stale" in done.stdout
    assert "DATA-53" in done.stdout
    done = CliRunner().invoke(app, ["list", "--server", address, "--older-than", "soon"])
    assert done.exit_code == 2


def test_rules_of_a_folder_here_are_planned_and_replayed_by_the_daemon(
    pages: Pages,  # noqa: F811
    address: str,
    tmp_path: Path,
) -> None:
    pages.world.deliver(issue_event("issue_created", "a", at=1))
    pages.world.settle()
    disk = pages.world.folder / "rules.toml"
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "10-other.toml").write_text(disk.read_text().replace('"data-quality"', '"urgent"'))
    by = ("--server", address, "--rules", str(changed))
    assert _said("rules", "accept", "--server", address).startswith("In force.")
    planned = _said("plan", *by)
    assert "  ~ Labels: +urgent -data-quality\n" in planned
    assert "10-other.toml:" in planned
    assert "in the last 30d." in _said("backtest", *by)
    assert "The rules on disk are those in force" not in _said("backtest", *by)
    # Nothing of it is left, and nothing was changed.
    assert pages.json("/rules/drafts") == []
    assert [one["name"] for one in pages.json("/rules")["files"]] == ["rules.toml"]
    (changed / "10-other.toml").write_text("[[rule]")
    assert "No plan: mend" in _said("plan", *by)
    assert pages.json("/rules/drafts") == []
    alone = CliRunner().invoke(app, ["plan", "--rules", str(changed)])
    assert (alone.exit_code, "--rules is for --server" in alone.stderr) == (2, True)


def test_the_workflow_for_reviews_runs_as_it_is_written(
    pages: Pages,  # noqa: F811
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    root = Path(__file__).parents[2]
    flow = yaml.safe_load((root / "deploy" / "review" / "github.yml").read_text())
    runs = [step.get("run", "") for job in flow["jobs"].values() for step in job["steps"]]
    hooks = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text())
    lines = [line.strip() for run in runs for line in run.splitlines()]
    commands = {line for line in lines if line.startswith("ticket-sync ")}
    commands |= {hook["entry"] for hook in hooks}
    assert len(commands) == 4
    pages.world.deliver(issue_event("issue_created", "a", at=1))
    pages.world.settle()
    monkeypatch.chdir(tmp_path)
    shutil.copytree(root / "mappings", "mappings")
    shutil.copy(root / "config.example.toml", "config.toml")
    for command in sorted(commands):
        _said(*command.replace('"$TICKET_SYNC_SERVER"', address).split()[1:])
