"""While upstream does not answer, Jira is kept right, and what is to be told is told later."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from sync.adapters.coalesce import ApiUpstream
from sync.domain.errors import Missing, Outage, Refused, SiteDown, Unknown
from sync.sandbox.memory_ticket import DONE
from sync.store.engine import Store
from sync.worker.walk.breaker import FIRST, LONGEST, TRIAL, UNANSWERED, Breaker, Untold
from sync.worker.walk.watched import WatchedReads, WatchedUpstream
from tests.clock import SimulatedClock
from tests.walks.both_ways import STAND_IN, BothWays, both_ways
from tests.walks.test_lost_news import BEN, TALKING, copied

pytestmark = pytest.mark.proof

DOWN: dict[str, dict[str, Any]] = {
    "no connection": {"status": 0},
    "failing": {"status": 503},
    "failing on each call": {"status": 500},
    "token refused": {"status": 401},
    "rate limit": {"status": 429, "retry_after": 120.0},
    "no answer to marks": {"status": 0, "path": "mark-", "after": False},
}


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules", TALKING) as made:
        yield made


def let_pass(world: BothWays, seconds: float) -> None:
    """Let time pass in which walks go on as they are due."""
    end = world.clock.time() + seconds
    while world.clock.time() < end:
        world.send()
        world.step()
        world.clock.sleep(5)


@pytest.mark.parametrize("how", DOWN.values(), ids=DOWN)
def test_while_upstream_is_down_jira_is_kept_right_and_the_act_is_told_afterwards(
    world: BothWays, how: dict[str, Any]
) -> None:
    issue, ticket = world.opened()
    world.upstream.rest.faults.add(**how)
    world.act(ticket, DONE, resolution="Done")
    world.clock.sleep(20)
    asked = world.upstream.rest.asked.total()
    let_pass(world, 600)
    world.sandbox.update_issue(issue.id, title="orders is still stale")
    let_pass(world, 3000)
    [row] = world.rows()
    assert (row.parked, row.error != "", row.due_at is not None) == (None, True, True)
    assert (ticket.status, issue.status) == (DONE, "")
    assert ticket.fields["summary"] == "orders is still stale"
    # Each walk may make three tries of a read, and the token's call with each.
    assert world.upstream.rest.asked.total() - asked < 200
    world.upstream.rest.faults.clear()
    let_pass(world, LONGEST * 2 + TRIAL)
    [row] = world.rows()
    assert (issue.status, row.error, row.due_at) == ("fixed", "", None)
    assert [one["type"] for one in world.sandbox.events].count("issue_status_updated") == 1


def test_while_one_ticket_finds_upstream_down_others_do_not_call_it(world: BothWays) -> None:
    issues = [world.opened()[0] for _ in range(5)]
    world.upstream.rest.faults.add(status=503, retry_after=300)
    for ticket in list(world.jira.alive):
        world.act(ticket, DONE, resolution="Done")
    world.clock.sleep(20)
    asked = world.upstream.rest.asked.total()
    world.step()
    assert world.upstream.rest.asked.total() - asked == 1
    assert [row.parked for row in world.rows()] == [None] * 5
    world.upstream.rest.faults.clear()
    let_pass(world, 800)
    assert [issue.status for issue in issues] == ["fixed"] * 5


def test_an_issue_on_which_upstream_always_fails_holds_up_no_other(world: BothWays) -> None:
    bad, first = world.opened()
    world.upstream.rest.faults.add(status=500, path=bad.id)
    world.act(first, DONE, resolution="Done")
    world.clock.sleep(20)
    let_pass(world, 300)
    other, second = world.opened()
    world.act(second, DONE, resolution="Done")
    let_pass(world, 60)
    assert (bad.status, other.status) == ("", "fixed")
    assert [row.parked for row in world.rows()] == [None, None]


def test_comments_from_upstream_are_copied_while_nothing_can_be_told(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.sandbox.comment(issue.id, "Which table?", BEN)
    world.sandbox.update_issue(issue.id)
    world.send()
    while world.triage.batch():
        pass
    world.upstream.rest.faults.add(status=503)
    world.act(ticket, DONE, resolution="Done")
    world.clock.sleep(20)
    world.step()
    assert (copied(ticket), issue.status) == (["Which table?"], "")


def test_a_read_that_does_not_get_through_shows_as_trouble_until_one_does(world: BothWays) -> None:
    api = world.upstream.api
    way = WatchedUpstream(ApiUpstream(api, STAND_IN, world.clock), world.clock)
    reads, issue = WatchedReads(api, way), world.sandbox.open_issue()
    world.upstream.rest.faults.add(status=503)
    with pytest.raises(Refused):
        reads.issues([issue.id])
    assert "503" in way.trouble
    world.upstream.rest.faults.clear()
    assert [one.ref.id for one in reads.issues([issue.id])] == [issue.id]
    assert way.trouble == ""


# The breaker by itself.


def fails(breaker: Breaker, fault: Exception) -> float:
    """How long the source is not called after a call that ends so."""
    with pytest.raises(Untold) as raised, breaker.call("coalesce"):
        raise fault
    return raised.value.wait


def refused_at_once(breaker: Breaker) -> bool:
    try:
        with breaker.call("coalesce"):
            raise AssertionError
    except Untold:
        return True
    except AssertionError:
        return False


def test_each_further_failure_doubles_the_pause_up_to_the_longest() -> None:
    clock = SimulatedClock()
    breaker, waits = Breaker(clock), []
    for _ in range(9):
        waits.append(fails(breaker, Refused("no connection")))
        clock.sleep(waits[-1])
    assert waits == [FIRST * 2**n for n in range(6)] + [LONGEST] * 3


def test_calls_under_way_together_that_fail_are_one_failure() -> None:
    breaker, under_way = Breaker(SimulatedClock()), Barrier(8)

    def call() -> float:
        try:
            with breaker.call("coalesce"):
                under_way.wait(10)
                raise Refused("no connection")
        except Untold as untold:
            return untold.wait

    with ThreadPoolExecutor(8) as pool:
        waits = [one.result() for one in [pool.submit(call) for _ in range(8)]]
    assert waits == [FIRST] * 8


def test_a_pause_that_upstream_asks_for_is_kept() -> None:
    breaker = Breaker(SimulatedClock())
    assert fails(breaker, Refused("limit", retry_after=900)) == 900
    assert refused_at_once(breaker)


def test_after_a_pause_one_call_tries_and_the_others_wait_for_it() -> None:
    clock = SimulatedClock()
    breaker = Breaker(clock)
    clock.sleep(fails(breaker, SiteDown("401", outage=Outage.AUTHENTICATION)))
    with breaker.call("coalesce"):
        # Most answers come soon, so that nobody waits as long as this call may take.
        with pytest.raises(Untold) as raised, breaker.call("coalesce"):
            raise AssertionError
        assert raised.value.wait == FIRST
    assert not refused_at_once(breaker)


def test_only_several_calls_without_an_answer_in_a_row_are_a_pause() -> None:
    breaker = Breaker(SimulatedClock())
    waits = [fails(breaker, Unknown("lost")) for _ in range(UNANSWERED)]
    assert waits[:-1] == [0.0] * (UNANSWERED - 1)
    assert waits[-1] > 0


def test_an_answer_of_any_kind_ends_the_row_of_failures() -> None:
    breaker = Breaker(SimulatedClock())
    for _ in range(5):
        fails(breaker, Unknown("lost"))
        with pytest.raises(Missing), breaker.call("coalesce"):
            raise Missing("404")
    assert not refused_at_once(breaker)
