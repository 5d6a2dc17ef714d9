"""The pacer: Jira's rate limits are used and not overrun, by any number of daemons."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.adapters.jira.calls.pacer import SITE, Pacer
from sync.adapters.jira.calls.rate_limits import Announced, announced
from sync.domain.pace import Pace, fair_share
from sync.sandbox.jira import Limits
from sync.sandbox.jira.site.call import Problem
from tests.adapters.jira.pacing import ENDPOINT, METHOD, Traffic
from tests.adapters.jira.world import World, desired

SETTLED_SECONDS = 10.0


def _site(limit: float, *, cloud: bool = True, silent: bool = False) -> Limits:
    return Limits({METHOD: limit}, issue_writes=(), cloud=cloud, silent=silent)


def _assert_used_and_not_overrun(traffic: Traffic, seconds: float) -> None:
    since = traffic.now + SETTLED_SECONDS
    traffic.run(seconds)
    calls = (traffic.now - since) * traffic.limits.bursts[METHOD]
    # At a small limit, single calls of each daemon are more than two or five per cent.
    assert traffic.refusals(since) <= max(3 * traffic.daemons, 0.02 * calls)
    assert traffic.took(since) >= 0.95 * calls - 2 * traffic.daemons


@pytest.mark.parametrize("daemons", [1, 2, 4])
@pytest.mark.parametrize("limit", [10, 50, 200])
def test_a_limit_is_used_and_not_overrun(limit: float, daemons: int) -> None:
    _assert_used_and_not_overrun(Traffic(_site(limit), daemons), 40)


@pytest.mark.parametrize("daemons", [1, 2, 4])
@pytest.mark.parametrize("before, after", [(10, 100), (100, 10), (20, 200), (200, 20)])
def test_a_limit_that_becomes_another_is_followed(
    before: float, after: float, daemons: int
) -> None:
    traffic = Traffic(_site(before), daemons)
    traffic.run(20)
    traffic.limits.bursts = {METHOD: after}
    _assert_used_and_not_overrun(traffic, 40)


@settings(max_examples=15, deadline=None)
@given(
    limits=st.lists(st.floats(4, 200), min_size=1, max_size=3),
    daemons=st.integers(1, 4),
    cloud=st.booleans(),
    latency=st.floats(0.002, 0.03),
    seed=st.integers(0, 1000),
    quiet=st.floats(0, 40),
    store_away=st.booleans(),
)
def test_whatever_the_limits_and_the_daemons_they_are_used_and_not_overrun(
    limits: list[float],
    daemons: int,
    cloud: bool,
    latency: float,
    seed: int,
    quiet: float,
    store_away: bool,
) -> None:
    """``quiet``: for so long there is nothing to do, before all there is comes at once. The store may be
    away for a while: for longer, nothing could be walked, and there would be no calls."""
    traffic = Traffic(
        _site(limits[0], cloud=cloud),
        daemons,
        latency=latency,
        seed=seed,
        idle=lambda now: 30 < now < 30 + quiet,
        away=lambda now: store_away and 15 < now < 35,
    )
    _assert_used_and_not_overrun(traffic, 30)
    traffic.run(quiet)
    for limit in limits[1:]:
        traffic.limits.bursts = {METHOD: limit}
        _assert_used_and_not_overrun(traffic, 30)


@pytest.mark.parametrize("daemons", [1, 2, 4])
@pytest.mark.parametrize("limit", [10, 50, 200])
def test_a_limit_that_nobody_tells_is_found_out(limit: float, daemons: int) -> None:
    _assert_used_and_not_overrun(Traffic(_site(limit, silent=True), daemons), 60)


@pytest.mark.parametrize("daemons", [1, 2, 4])
@pytest.mark.parametrize("before, after", [(10, 100), (100, 10), (20, 200), (200, 20)])
def test_a_limit_that_nobody_tells_is_found_again_when_it_becomes_another(
    before: float, after: float, daemons: int
) -> None:
    traffic = Traffic(_site(before, silent=True), daemons)
    traffic.run(40)
    traffic.limits.bursts = {METHOD: after}
    _assert_used_and_not_overrun(traffic, 50)


@pytest.mark.parametrize("daemons", [1, 2, 4])
def test_a_limit_that_nobody_tells_is_found_out_on_a_busy_machine(daemons: int) -> None:
    traffic = Traffic(_site(10, silent=True), daemons, latency=0.1, late=0.1)
    traffic.run(70)
    assert traffic.refusals(SETTLED_SECONDS) < 0.04 * 600
    assert traffic.took(SETTLED_SECONDS) > 0.9 * 600


class Waits(Limits):
    """A site that tells how long to wait, and no limit."""

    def call(self, method: str, template: str, now: float) -> dict[str, str]:
        try:
            super().call(method, template, now)
        except Problem as problem:
            about = ("Retry-After", "RateLimit-Reason")
            problem.headers = {name: problem.headers[name] for name in about}
            raise
        return {}


@pytest.mark.parametrize("daemons", [1, 2, 4])
@pytest.mark.parametrize("limit", [10, 50, 200])
def test_a_limit_of_which_only_the_wait_is_told_is_found_out(limit: float, daemons: int) -> None:
    traffic = Traffic(Waits({METHOD: limit}, issue_writes=()), daemons)
    _assert_used_and_not_overrun(traffic, 60)


def test_a_try_without_enough_to_do_proves_nothing() -> None:
    busy = itertools.count()
    traffic = Traffic(_site(10, silent=True), idle=lambda now: now > 20 and next(busy) % 3 > 0)
    traffic.run(120)
    (pace,) = traffic.all[0].pacer.paces(traffic.now)
    assert pace.limit < 20


def test_a_limit_that_jira_tells_wrongly_is_not_believed_for_long() -> None:
    class Wrong(Limits):
        def call(self, method: str, template: str, now: float) -> dict[str, str]:
            return super().call(method, template, now) | {"X-RateLimit-Limit": "150"}

    traffic = Traffic(Wrong({METHOD: 15.0}, issue_writes=()))
    traffic.run(30)
    _assert_used_and_not_overrun(traffic, 60)


def test_calls_wait_for_nothing_where_no_limit_was_met_or_announced() -> None:
    pacer = Pacer()
    for number in range(10_000):
        assert pacer.wait(ENDPOINT, number, 0.0) == 0
        pacer.take(ENDPOINT, number)
        pacer.answered(ENDPOINT, Announced(100.0, 100.0, 50.0, whole_site=False), 0.0)
    assert pacer.paces(0.0) == []


def test_a_limit_is_kept_to_before_it_is_met_where_jira_tells_that_it_is_near() -> None:
    traffic = Traffic(_site(10), threads=2)
    traffic.run(60)
    assert traffic.refusals(0) <= 1


def test_a_limit_of_one_endpoint_holds_up_no_other() -> None:
    pacer = Pacer()
    pacer.refused(ENDPOINT, Announced(1.0, 1.0, 0.0, whole_site=False), 0.0, 0.0)
    assert pacer.wait(ENDPOINT, "a", 0.0) > 0
    assert pacer.wait("GET issue/*", "b", 0.0) == 0


def test_a_limit_of_the_account_holds_up_every_endpoint() -> None:
    pacer = Pacer()
    pacer.refused(SITE, Announced(1.0, 5.0, 0.0, whole_site=True), 0.0, 0.0)
    assert pacer.wait(ENDPOINT, "a", 0.0) > 0
    assert pacer.wait("GET issue/*", "b", 0.0) > 0


def test_callers_go_in_the_order_in_which_they_came() -> None:
    pacer = Pacer()
    pacer.refused(ENDPOINT, Announced(10.0, 10.0, 0.0, whole_site=False), 0.0, 0.0)
    waits = [pacer.wait(ENDPOINT, who, 0.0) for who in range(5)]
    assert waits == sorted(waits)
    assert len(set(waits)) == 5
    now = waits[0] + 0.001
    assert pacer.wait(ENDPOINT, 4, now) > 0
    assert pacer.wait(ENDPOINT, 0, now) == 0
    pacer.leave(ENDPOINT, 0)
    assert pacer.wait(ENDPOINT, 1, now) == 0, "who gives up makes room for the next"


def test_a_limit_that_nobody_waits_for_is_forgotten() -> None:
    pacer = Pacer()
    pacer.refused(ENDPOINT, None, 0.0, 0.0)
    assert pacer.paces(29.0)
    assert not pacer.paces(31.0)
    assert pacer.wait(ENDPOINT, "a", 31.0) == 0


def test_a_daemon_that_needs_little_leaves_the_rest_to_those_that_wait() -> None:
    def pace(used: float, *, waiting: bool) -> Pace:
        return Pace(ENDPOINT, 100.0, 0.0, True, used, 0, waiting)

    modest, hungry = pace(8.0, waiting=False), pace(0.0, waiting=True)
    assert fair_share(100.0, [modest, hungry]) == 45.0
    assert fair_share(100.0, [hungry, hungry, hungry]) == 25.0
    assert fair_share(100.0, []) == 100.0


@pytest.mark.parametrize(
    "headers, told",
    [
        ({}, None),
        ({"X-RateLimit-Limit": "soon", "X-RateLimit-Remaining": "1"}, None),
        ({"X-RateLimit-Limit": "0"}, None),
        ({"X-RateLimit-Limit": "nan"}, None),
        ({"X-RateLimit-Limit": "50"}, Announced(50.0, 50.0, None, whole_site=False)),
        (
            {
                "X-RateLimit-Limit": "60",
                "X-RateLimit-FillRate": "30",
                "X-RateLimit-Interval-Seconds": "60",
                "X-RateLimit-Remaining": "12",
            },
            Announced(0.5, 60.0, 12.0, whole_site=True),
        ),
        ({"X-RateLimit-Limit": "65000", "RateLimit-Reason": "jira-quota-tenant-based"}, None),
    ],
    ids=str,
)
def test_the_limit_is_read_however_it_is_written(
    headers: dict[str, str], told: Announced | None
) -> None:
    assert announced(headers) == told


@pytest.mark.parametrize("kind", ["cloud", "datacenter"])
def test_tickets_are_made_at_the_pace_that_jira_takes(kind: str) -> None:
    world = World(kind, patience=60)
    world.jira.site.limits = Limits({"POST": 10}, cloud=world.cloud)
    draft = world.tracker.draft(desired())
    begun = world.clock.time()
    for _ in range(100):
        world.tracker.create(draft)
    assert world.clock.time() - begun < 100 / 10 * 1.05
    assert [one.status for one in world.exchanges if one.status == 429] == []


def test_a_quota_is_waited_for_and_not_taken_for_a_pace() -> None:
    world = World("cloud", patience=60)
    world.jira.faults.add(
        "rate_limit", method="POST", count=1, reason="jira-quota-tenant-based", retry_after=3
    )
    draft = world.tracker.draft(desired())
    with pytest.raises(Exception, match="rate limit"):
        world.tracker.create(draft)
    world.tracker.create(draft)
    assert world.tracker.health.paces() == []
