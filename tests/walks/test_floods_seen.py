"""What waits and what is held is seen everywhere, and the verbs decide on it without a daemon."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY
from rich.console import Console
from typer.testing import CliRunner

from sync.bootstrap.upstreams import refresh_untold, upstream_probes
from sync.cli import plan, retry, status, upstream
from sync.cli.main import app
from sync.operations.status import status_of
from sync.sandbox.memory_ticket import TO_DO
from sync.store.engine import Store
from sync.web.health import Check
from sync.worker.foresight.forecast import forecast_all
from tests.walks.both_ways import BothWays, both_ways
from tests.walks.test_floods import ALL, close, daemon, held_ticket, marked, opened

CONFIG = """
[store]
url = "sqlite:///{file}"
[coalesce]
signing_secrets = [{{ env = "NOT_SET_HERE" }}]
[sites.main]
url = "https://jira.example.com"
token = {{ env = "NOT_SET_HERE" }}
"""
UNTOLD = "3 acts wait for `ticket-sync upstream accept` or `ticket-sync upstream reject`"


@pytest.fixture
def world(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BothWays]:
    for name in os.environ:
        if name.startswith("TICKET_SYNC_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(CONFIG.format(file=sqlite_store.place))
    with both_ways(sqlite_store, tmp_path / "rules", ALL) as made:
        made.converger = daemon(made, most=1)
        # The verbs go by the machine's clock, and the world has one of its own.
        for verb in (upstream, retry):
            monkeypatch.setattr(verb, "time", SimpleNamespace(time=made.clock.time))
        yield made


def call(*args: str) -> tuple[int, str]:
    """Exit code and output."""
    result = CliRunner().invoke(app, list(args))
    return result.exit_code, result.stdout + result.stderr


def text_of_status(world: BothWays) -> str:
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    for part in status.pictured(status_of(world.store, world.clock.time())):
        console.print(part)
    return console.export_text()


def health(world: BothWays) -> Check:
    book = SimpleNamespace(current=world.rules)
    ways = {"coalesce": SimpleNamespace(trouble="", off=dict)}
    return upstream_probes(ways, book, world.store)["untold"]()  # type: ignore[arg-type]


def metric(world: BothWays, name: str) -> float | None:
    refresh_untold(world.store)
    return REGISTRY.get_sample_value(name)


def test_nothing_waits_as_long_as_the_guard_lets_everything_through(world: BothWays) -> None:
    opened(world, 1)
    words = "Nothing waits to be told upstream, and no ticket is held.\n"
    assert call("upstream") == call("upstream", "show") == (0, words)
    assert call("upstream", "accept") == (0, "Nothing waits.\n")
    assert call("upstream", "reject", "--rule", "x") == (0, "Nothing of rule 'x' waits.\n")
    assert health(world) == Check(True, vital=False)
    assert "untold" not in text_of_status(world)


def test_what_waits_is_seen_everywhere(world: BothWays) -> None:
    close(world, opened(world, 4))
    assert call("upstream")[1].splitlines() == [
        "Rule 'everything': 3 acts of 3 tickets",
        f"{UNTOLD}, on 3 tickets.",
    ]
    data = json.loads(call("upstream", "show", "--json")[1])
    by_rule = [{"rule": "everything", "acts": 3, "tickets": 3}]
    waiting = {"acts": 3, "tickets": 3, "by_rule": by_rule}
    assert data == {"waiting": waiting, "accepted": 0, "held": 0, "held_tickets": []}
    assert UNTOLD in text_of_status(world)
    assert asdict(status_of(world.store, 0.0))["upstream"]["waiting"] == waiting
    assert health(world) == Check(False, UNTOLD, vital=False)
    keys = [row.jira_key for row in world.rows() if row.admission]
    assert "NOT TOLD: 1 act waits for `ticket-sync" in call("why", keys[0], "--offline")[1]
    assert metric(world, "ticket_sync_upstream_waiting_acts") == 3


def test_plan_names_what_waits_and_does_not_foresee_that_it_is_told(world: BothWays) -> None:
    close(world, opened(world, 4))
    trackers = {"main": world.jira}
    made = forecast_all(world.store, world.rules(), trackers, world.clock.time(), live=True)
    lines = "\n".join(plan.pictured(made.whole()))
    assert "! 3 acts wait for `ticket-sync upstream accept`" in lines
    assert "upstream as fixed" not in lines
    assert json.loads("".join(plan.as_json_text(made)))["counts"]["untold"] == 3


def test_accept_tells_what_still_waits_when_the_daemon_looks_again(world: BothWays) -> None:
    pairs = opened(world, 4)
    close(world, pairs)
    again = next(ticket for issue, ticket in pairs if not issue.status)
    again.move(TO_DO, world.clock.time())
    words = "Accepted 3 acts of 3 tickets: told as soon as a daemon has looked at them again.\n"
    assert call("upstream", "accept") == (0, words)
    assert call("upstream")[1] == "What waited on 3 tickets is accepted, and will be told.\n"
    world.settle()
    assert marked(pairs) == 3
    assert "a person accepted that upstream is told what waits" in "\n".join(world.journal())


def test_reject_tells_nothing_and_leaves_other_rules_alone(world: BothWays) -> None:
    pairs = opened(world, 4)
    close(world, pairs)
    assert call("upstream", "reject", "--rule", "another")[1] == (
        "Nothing of rule 'another' waits.\n"
    )
    code, out = call("upstream", "reject", "--rule", "everything", "--json")
    assert (code, json.loads(out)) == (0, {"rejected": {"tickets": 3, "acts": 3}})
    world.settle()
    assert marked(pairs) == 1
    assert health(world).ok


def test_older_comments_are_asked_for_by_ticket_or_by_rule(world: BothWays) -> None:
    world.edit(None)
    (first, second) = opened(world, 2)
    for _, ticket in (first, second):
        world.say(ticket, "from before")
    world.settle()
    world.edit(ALL)
    world.settle()
    key = first[1].ref.key
    assert call("upstream", "comments", key) == (
        0,
        "The older comments of 1 ticket will be told, if the rule tells comments.\n",
    )
    world.settle()
    assert [len(world.remarks(issue)) for issue, _ in (first, second)] == [1, 0]
    assert call("upstream", "comments", "--rule", "everything")[0] == 0
    world.settle()
    assert call("upstream")[1].startswith("Rule 'everything': 1 act of 1 ticket\n")
    code, out = call("upstream", "comments", second[1].ref.key)
    assert (code, out) == (0, "1 ticket left out: they wait, are held, or are not in Jira.\n")
    assert call("upstream", "comments", "DATA-99")[0] == 1
    assert call("upstream", "comments") == (2, "Name a ticket, or --rule NAME.\n")


def test_a_held_ticket_is_named_with_why_until_a_retry(world: BothWays) -> None:
    world.converger = daemon(world)
    _, ticket = held_ticket(world)
    key = ticket.ref.key
    why = "Jira and upstream turned each other 6 times in ten minutes"
    assert call("upstream")[1] == (f"{key} is held: {why}; `ticket-sync retry {key}` ends that.\n")
    assert f"{key} is held: {why}" in text_of_status(world)
    told = json.loads(call("why", key, "--offline", "--json")[1])["ticket"]["untold"]
    assert told == f"held, because {why}; `ticket-sync retry {key}` ends that"
    (named,) = asdict(status_of(world.store, 0.0))["upstream"]["held_tickets"]
    assert (named["ticket"], named["why"]) == (key, why)
    assert health(world).words.startswith("1 ticket is held: Jira and upstream")
    assert metric(world, "ticket_sync_upstream_held_tickets") == 1
    assert call("retry", key) == (
        0,
        f"{key} will be tried at once. It is held no more: both sides count as agreed.\n",
    )
    world.settle()
    assert health(world).ok
