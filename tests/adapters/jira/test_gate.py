"""The gate: one for all threads of a site, waiting as long as Jira asked and no longer."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from sync.adapters.jira.calls import gate as gate_module
from sync.adapters.jira.calls.gate import Gate
from sync.adapters.jira.calls.rate_limits import Limit, limit_of, retry_after
from sync.domain.actions import Change
from sync.domain.errors import Refused, Scope
from sync.domain.ticket import FieldKind
from sync.ports import SystemClock
from sync.sandbox.jira import Limits
from tests.adapters.jira.world import World
from tests.clock import START, SimulatedClock


def _gate(**how: float) -> tuple[Gate, SimulatedClock]:
    clock = SimulatedClock()
    return Gate(clock, ceiling=int(how.get("ceiling", 8)), patience=how.get("patience", 5.0)), clock


def _seconds(gate: Gate, clock: SimulatedClock, endpoint: str, ticket: str = "") -> float:
    begun = clock.time()
    with gate.turn(endpoint, ticket, write=bool(ticket)):
        return clock.time() - begun


def test_a_burst_limit_slows_that_endpoint_alone() -> None:
    gate, clock = _gate()
    gate.slow_down(Limit(Scope.ENDPOINT, 3.0), "POST issue")
    assert _seconds(gate, clock, "GET issue/*") == 0
    assert 3 <= _seconds(gate, clock, "POST issue") < 3.4


def test_a_quota_limit_pauses_everything() -> None:
    gate, clock = _gate()
    gate.slow_down(Limit(Scope.SITE, 4.0), "POST issue")
    assert 4 <= _seconds(gate, clock, "GET issue/*") < 4.5


def test_a_limit_on_one_tickets_writes_leaves_other_tickets_alone() -> None:
    gate, clock = _gate()
    gate.slow_down(Limit(Scope.TICKET, 2.0), "PUT issue/*", "10001")
    assert _seconds(gate, clock, "PUT issue/*", "10002") == 0
    assert _seconds(gate, clock, "GET issue/*") == 0
    assert 2 <= _seconds(gate, clock, "PUT issue/*", "10001") < 2.3


def test_who_would_wait_too_long_is_sent_away_with_the_time_to_come_back() -> None:
    gate, clock = _gate()
    gate.slow_down(Limit(Scope.SITE, 600.0), "GET x")
    with pytest.raises(Refused) as fault, gate.turn("GET x"):
        raise AssertionError("let through")
    assert 600 <= (fault.value.retry_after or 0) <= 660
    assert fault.value.scope is Scope.SITE
    assert clock.slept == []


def test_a_limit_without_a_time_waits_longer_each_time_until_a_call_goes_well() -> None:
    gate, clock = _gate(patience=1000)
    pauses = []
    for _ in range(8):
        pauses.append(gate.slow_down(Limit(Scope.SITE, None), "x"))
        _seconds(gate, clock, "x")
    assert pauses[0] < pauses[2] < pauses[4]
    assert max(pauses) <= 66
    gate.speed_up()
    assert gate.slow_down(Limit(Scope.SITE, None), "x") < 3


def test_calls_that_are_refused_together_without_a_time_make_one_short_pause() -> None:
    gate, clock = _gate()
    for _ in range(8):
        gate.slow_down(Limit(Scope.SITE, None), "x")
    assert _seconds(gate, clock, "x") < 0.5


def test_calls_under_way_halve_on_a_limit_and_grow_back_to_the_ceiling() -> None:
    gate, clock = _gate(ceiling=8)
    gate.slow_down(Limit(Scope.ENDPOINT, 0.1), "x")
    gate.slow_down(Limit(Scope.ENDPOINT, 0.1), "x")
    assert gate.limit == 4, "echoes of one limit count once"
    clock.sleep(2)
    gate.slow_down(Limit(Scope.ENDPOINT, 0.1), "x")
    assert gate.limit == 2
    for _ in range(100):
        gate.speed_up()
    assert gate.limit == 8


def test_a_clock_that_is_set_back_makes_no_wait_longer() -> None:
    gate, clock = _gate()
    gate.slow_down(Limit(Scope.SITE, 2.0), "GET x")
    clock.set(-6 * 3600)
    assert 2 <= _seconds(gate, clock, "GET x") < 2.3


def test_a_place_that_is_free_is_taken_although_the_one_woken_for_it_has_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate_module, "_RECHECK_SECONDS", 20.0)
    gate = Gate(SystemClock(), ceiling=1, patience=20.0)
    went = {name: threading.Event() for name in ("POST a", "GET b")}

    def call(endpoint: str) -> None:
        with suppress(Refused), gate.turn(endpoint):
            went[endpoint].set()

    threads = [threading.Thread(target=call, args=(endpoint,)) for endpoint in went]
    with gate.turn("GET x"):
        for number, thread in enumerate(threads):
            thread.start()
            while len(gate._turns._waiters) <= number:  # type: ignore[attr-defined]
                threading.Event().wait(0.01)
        gate.slow_down(Limit(Scope.ENDPOINT, 60.0), "POST a")
    assert went["GET b"].wait(10)
    for thread in threads:
        thread.join(10)
    assert not went["POST a"].is_set()


def test_no_more_calls_than_allowed_are_under_way_at_once() -> None:
    gate, _ = _gate(ceiling=3)
    lock, inside, peak = threading.Lock(), 0, 0
    start = threading.Barrier(12)

    def work() -> None:
        nonlocal inside, peak
        start.wait()
        for _ in range(30):
            with gate.turn("x"):
                with lock:
                    inside += 1
                    peak = max(peak, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert peak <= 3


def test_writes_to_one_ticket_are_spaced_within_jiras_windows() -> None:
    gate, clock = _gate(patience=60)
    times = []
    for _ in range(200):
        with gate.turn("PUT issue/*", "1", write=True):
            times.append(clock.time())
    for seconds, most in ((2.0, 20), (30.0, 100)):
        assert max(sum(1 for t in times if at <= t < at + seconds) for at in times) < most


def test_many_writes_to_one_ticket_meet_no_limit_of_the_site(world: World) -> None:
    world = World(world.kind, patience=60)
    world.jira.site.limits = Limits(cloud=world.cloud)
    ref = world.make()
    for number in range(120):
        change = Change("summary", "Summary", FieldKind.PLAIN, None, f"number {number}")
        world.tracker.update(ref, [change])
    assert all(one.status != 429 for one in world.exchanges)
    assert world.jira.ticket(ref.id).summary == "number 119"


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "1.5"}, 1.5),
        (
            {"Retry-After": format_datetime(datetime.fromtimestamp(START + 30, UTC), usegmt=True)},
            30,
        ),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "99999999"}, 3600),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
        ({"X-RateLimit-Reset": datetime.fromtimestamp(START + 60, UTC).isoformat()}, 60),
        ({"X-RateLimit-Reset": str(START + 9)}, 9),
    ],
    ids=str,
)
def test_the_wait_is_read_however_it_is_written(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, START) == seconds


@pytest.mark.parametrize(
    "reason, scope",
    [
        ("jira-burst-based", Scope.ENDPOINT),
        ("jira-per-issue-on-write", Scope.TICKET),
        ("jira-quota-global-based", Scope.SITE),
        ("jira-quota-tenant-based", Scope.SITE),
        ("", Scope.SITE),
        ("something-new", Scope.SITE),
    ],
)
def test_what_a_limit_covers_is_told_by_its_reason(reason: str, scope: Scope) -> None:
    assert limit_of({"RateLimit-Reason": reason}, START).scope is scope


def test_tickets_that_jira_asked_to_wait_or_that_were_written_are_forgotten_in_time() -> None:
    gate, clock = _gate()

    def remembered() -> int:
        return sum(len(kept) for kept in vars(gate).values() if isinstance(kept, dict))

    for number in range(300):
        with gate.turn("PUT issue/*", f"written {number}", write=True):
            clock.sleep(2)
        gate.slow_down(Limit(Scope.TICKET, 1.0), "PUT issue/*", f"refused {number}")
        assert remembered() < 30
