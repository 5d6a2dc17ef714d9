"""Bulkhead: calls about one project that hang wait for each other, and everything else goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from sync.adapters.jira.calls.bulkhead import Bulkhead, Lane
from sync.adapters.jira.calls.gate import Gate
from sync.domain.errors import Refused, Stalled, Unknown
from tests.adapters.jira.world import World, desired
from tests.clock import SimulatedClock

POST = "POST issue"


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def bulkhead(clock: SimulatedClock) -> Bulkhead:
    return Bulkhead("main", clock, ceiling=8, hang_after=3.0, first=15.0, cap=300.0)


def _hang(
    bulkhead: Bulkhead, clock: SimulatedClock, seconds: float = 30.0, project: str = "SLOW"
) -> None:
    with bulkhead.passage(Lane(project, POST)):
        clock.sleep(seconds)


def _answer(bulkhead: Bulkhead, project: str = "DATA", endpoint: str = POST) -> None:
    with bulkhead.passage(Lane(project, endpoint)) as passage:
        passage.answered = True


@contextmanager
def _under_way(bulkhead: Bulkhead, *projects: str) -> Iterator[None]:
    with ExitStack() as open_:
        for project in projects:
            open_.enter_context(bulkhead.passage(Lane(project, POST)))
        yield


def test_calls_under_way_for_too_long_close_their_lane_and_no_other(
    bulkhead: Bulkhead, clock: SimulatedClock
) -> None:
    with _under_way(bulkhead, "SLOW", "SLOW"):
        clock.sleep(2.9)
        assert bulkhead.stalled() == frozenset()
        clock.sleep(0.1)
        assert bulkhead.stalled() == {"SLOW"}
        with pytest.raises(Stalled) as fault:
            _answer(bulkhead, "SLOW")
        assert (fault.value.project, "SLOW" in str(fault.value)) == ("SLOW", True)
        _answer(bulkhead, "SLOW", "GET issue/*")
        _answer(bulkhead, "DATA")


def test_a_slow_call_that_is_answered_opens_its_lane_again(
    bulkhead: Bulkhead, clock: SimulatedClock
) -> None:
    with _under_way(bulkhead, "SLOW"), bulkhead.passage(Lane("SLOW", POST)) as passage:
        clock.sleep(20)
        assert bulkhead.stalled() == {"SLOW"}
        passage.answered = True
    _answer(bulkhead, "SLOW")
    with _under_way(bulkhead, *["SLOW"] * 6):
        assert bulkhead.stalled() == frozenset()


def test_a_lane_that_hung_takes_a_quarter_of_the_calls_until_one_is_answered(
    bulkhead: Bulkhead, clock: SimulatedClock
) -> None:
    with _under_way(bulkhead, *["SLOW"] * 8):
        clock.sleep(30)
    for _ in range(5):
        assert bulkhead.stalled() == frozenset()
        with _under_way(bulkhead, "SLOW", "SLOW"):
            assert bulkhead.stalled() == {"SLOW"}
            with pytest.raises(Stalled):
                _answer(bulkhead, "SLOW")
            clock.sleep(30)
    _answer(bulkhead, "SLOW")
    with _under_way(bulkhead, *["SLOW"] * 6):
        assert bulkhead.stalled() == frozenset()


def test_a_lane_that_goes_on_hanging_is_tried_ever_more_rarely(
    bulkhead: Bulkhead, clock: SimulatedClock
) -> None:
    waits = []
    for _ in range(19):
        begun = clock.time()
        while "SLOW" in bulkhead.stalled():
            clock.sleep(0.5)
        waits.append(clock.time() - begun)
        _hang(bulkhead, clock)
    assert waits == [0] * 12 + [15, 30, 60, 120, 240, 300, 300]
    clock.sleep(300)
    _answer(bulkhead, "SLOW")
    _hang(bulkhead, clock)
    assert bulkhead.stalled() == frozenset()


def test_a_connection_that_breaks_at_once_is_not_one_that_hangs(
    bulkhead: Bulkhead, clock: SimulatedClock
) -> None:
    for _ in range(20):
        _hang(bulkhead, clock, seconds=0.2)
    assert bulkhead.stalled() == frozenset()


def test_as_many_calls_as_hang_are_lent_while_the_rest_of_the_site_answers(
    bulkhead: Bulkhead, clock: SimulatedClock
) -> None:
    with _under_way(bulkhead, *["SLOW"] * 5, *["DEAD"] * 3):
        assert bulkhead.lent() == 0
        clock.sleep(4)
        assert bulkhead.lent() == 2, "one for each project, to find out"
        _answer(bulkhead, "DATA")
        assert bulkhead.lent() == 8
        clock.sleep(7)
        assert bulkhead.lent() == 2
    assert bulkhead.lent() == 0


def test_no_more_is_lent_than_three_times_the_ceiling(
    bulkhead: Bulkhead, clock: SimulatedClock
) -> None:
    with _under_way(bulkhead, *(f"P{n}" for n in range(60))):
        clock.sleep(4)
        assert bulkhead.lent() == 8
        _answer(bulkhead, "DATA")
        assert bulkhead.lent() == 24


def test_who_waits_at_the_gate_gets_the_turn_of_a_call_that_hangs() -> None:
    clock, hanging = SimulatedClock(), threading.Event()
    gate = Gate(clock, ceiling=1, patience=5.0, lent=lambda: int(hanging.is_set()))
    through = threading.Event()

    def other() -> None:
        with gate.turn("GET x"):
            through.set()

    with gate.turn("POST issue"):
        waiting = threading.Thread(target=other)
        waiting.start()
        assert not through.wait(0.3)
        hanging.set()
        assert through.wait(10)
        waiting.join(10)
        assert gate.limit == 1


def test_a_hanging_project_is_announced_once_and_others_are_made(world: World) -> None:
    fault = world.jira.faults.add("hang", method="POST", project="FLOW")
    drafts = [world.tracker.draft(desired(f"k{n}", project="FLOW")) for n in range(20)]
    faults = []
    with capture_logs() as logs:
        for draft in drafts:
            with pytest.raises((Unknown, Stalled)) as raised:
                world.tracker.create(draft)
            faults.append(type(raised.value))
    assert faults == [Unknown] * 12 + [Stalled] * 8
    assert fault.hits == 12
    assert world.tracker.health.stalled() == {"FLOW"}
    gauge = "ticket_sync_project_stalled", {"site": "main", "project": "FLOW"}
    assert REGISTRY.get_sample_value(*gauge) == 1
    world.make("another")
    world.jira.faults.clear()
    world.clock.sleep(15)
    with capture_logs() as later:
        world.tracker.create(drafts[0])
    assert world.tracker.health.stalled() == frozenset()
    assert REGISTRY.get_sample_value(*gauge) == 0
    warned = [line["event"] for line in logs if line["log_level"] == "warning"]
    assert warned == [
        "calls hang: further calls to the same endpoint and project wait, all others go on"
    ]
    assert [line["event"] for line in later if line["log_level"] == "warning"] == [
        "calls are answered again"
    ]
    assert len(world.jira.tickets()) == 2


def test_a_write_whose_reply_hung_stays_unknown_although_no_second_try_is_allowed(
    world: World,
) -> None:
    ref = world.make()
    world.jira.faults.add("hang", method="PUT", project="DATA", after=True)
    for _ in range(12):
        with pytest.raises(Unknown):
            world.tracker.edit_comment(ref, "1", "words")
    with pytest.raises(Stalled):
        world.tracker.edit_comment(ref, "1", "words")


def test_one_that_asks_for_metadata_and_is_not_answered_holds_up_nobody_else(world: World) -> None:
    tracker = world.another(read_timeout=0.4)
    asked, go_on = threading.Event(), threading.Event()

    def hold(method: str, path: str, *how: object) -> object:
        if "createmeta/FLOW" in path:
            asked.set()
            go_on.wait(30)
        return handle(method, path, *how)

    handle = world.jira.handle
    world.jira.handle = hold  # type: ignore[method-assign, assignment]
    wish = desired(project="FLOW", issue_type=("Bug", "Task"))
    first = threading.Thread(target=lambda: tracker.draft(wish))
    first.start()
    assert asked.wait(10)
    with pytest.raises(Refused, match="another thread waits"):
        tracker.draft(wish)
    go_on.set()
    first.join(10)
    assert tracker.draft(wish).issue_type == "Bug"
