"""What was told upstream and what was not is seen in the status, the metrics, the log and health."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from rich.console import Console
from structlog.testing import capture_logs

from sync.adapters.coalesce import ApiUpstream
from sync.bootstrap.upstreams import Standing, upstream_probes
from sync.cli.status import pictured
from sync.operations.status import status_of
from sync.sandbox.memory_ticket import DONE
from sync.store.engine import Store
from sync.worker.walk.converge import Converger
from sync.worker.walk.telling import Ways
from sync.worker.walk.watched import WatchedUpstream
from tests.walks.both_ways import STAND_IN, BothWays, both_ways

TALK = 'comments = "all"\ncopy_comments = true'


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules", TALK) as made:
        yield made


def watched(world: BothWays) -> WatchedUpstream:
    """The world's way to upstream, watched as the daemon's is."""
    way = WatchedUpstream(ApiUpstream(world.upstream.api, STAND_IN, world.clock), world.clock)
    world.converger = Converger(
        world.store,
        {world.jira.site: world.jira},
        world.rules,
        world.clock,
        jitter=lambda: 0.5,
        ways=Ways({"coalesce": way}, {"coalesce": world.upstream.api}),
    )
    return way


def noted(world: BothWays, way: WatchedUpstream) -> None:
    Standing(world.store, {"coalesce": way}, lambda: True, world.clock).note()


def status(world: BothWays) -> dict[str, Any]:
    data = asdict(status_of(world.store, world.clock.time()))
    assert json.dumps(data)
    return data["upstream"]


def shown(world: BothWays) -> str:
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    for part in pictured(status_of(world.store, world.clock.time())):
        console.print(part)
    return console.export_text()


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_acts_are_counted_by_kind_with_the_time_of_the_last(world: BothWays) -> None:
    assert "upstream" not in shown(world)
    _, ticket = world.opened()
    told = {"site": "main", "action": "mark_upstream", "result": "ok"}
    before = metric("ticket_sync_actions_total", **told)
    world.say(ticket, "the loader was down")
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    world.clock.sleep(600)
    found = status(world)
    assert found["told_in_a_day"] == {"mark_upstream": 1, "comment_upstream": 1}
    assert found["last_told_seconds_ago"] >= 600
    assert "last 10 min ago; in a day: marks 1, comments 1" in shown(world)
    assert metric("ticket_sync_actions_total", **told) == before + 1


def test_what_was_not_told_is_counted_with_the_reason(world: BothWays) -> None:
    way = watched(world)
    _, ticket = world.opened()
    world.upstream.rest.faults.add(path="comment", status=403)
    world.say(ticket, "why")
    world.settle()
    noted(world, way)
    found = status(world)
    assert found["not_told_in_a_day"] == {"comment_upstream": 1}
    (reason,) = found["not_told_because"]
    assert reason.startswith("the API credentials may not comment on issues (403")
    assert list(found["standing"]["coalesce"]["off"]) == ["comment on issues"]
    assert "coalesce: cannot comment on issues: the API credentials may not" in shown(world)


def test_each_act_is_one_line_of_the_log_that_names_the_ticket(world: BothWays) -> None:
    _, ticket = world.opened()
    with capture_logs() as lines:
        world.act(ticket, DONE, resolution="Done")
        world.settle()
    (line,) = [one for one in lines if one["event"] == "mark_upstream"]
    assert (line["ticket"], line["rule"]) == ("DATA-1", "everything")
    assert line["what"].endswith("upstream as fixed for Anna")


def test_upstream_that_is_down_is_reported_until_an_act_gets_through(world: BothWays) -> None:
    way = watched(world)
    book: Any = SimpleNamespace(current=lambda: SimpleNamespace(tells=True))
    probe = upstream_probes({"coalesce": way}, book, world.store)["telling coalesce"]
    _, ticket = world.opened()
    assert probe().ok
    world.upstream.rest.faults.add(path="mark-fixed", status=503, count=1)
    world.act(ticket, DONE, resolution="Done")
    world.clock.sleep(16)
    world.step()
    noted(world, way)
    assert not probe().ok
    assert not probe().vital
    assert metric("ticket_sync_upstream_down", source="coalesce") == 1
    assert "upstream down" in shown(world)
    world.settle(within=3600)
    noted(world, way)
    assert probe().ok
    assert metric("ticket_sync_upstream_down", source="coalesce") == 0
    assert metric("ticket_sync_upstream_last_told_seconds", source="coalesce") > 0
    assert "upstream down" not in shown(world)
