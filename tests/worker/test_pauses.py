"""A pause that Jira asked one daemon for holds for the others, and they share Jira's limits."""

from __future__ import annotations

from contextlib import suppress

import pytest
from sqlmodel import func, select

from sync.adapters.jira import JiraTracker
from sync.domain.errors import Refused
from sync.domain.pace import Pace
from sync.rules import RuleSet
from sync.sandbox.jira import Limits
from sync.store import paces
from sync.store.engine import Store
from sync.store.tables import PaceRow
from sync.worker.daemon.pauses import SHARE_SECONDS, Pauses
from tests.adapters.jira.world import World, desired
from tests.transactions import transactions


@pytest.fixture
def world() -> World:
    return World("cloud")


def no_rules() -> RuleSet:
    return RuleSet(())


def test_who_was_not_asked_to_wait_waits_too(store: Store, world: World) -> None:
    asked, other = world.tracker, world.another()
    draft = other.draft(desired())
    world.jira.faults.add(
        "rate_limit", method="POST", count=1, reason="jira-quota-tenant-based", retry_after=30
    )
    with pytest.raises(Refused):
        asked.create(draft)
    one = Pauses(store, {"main": asked.health}, world.clock, "one", no_rules)
    two = Pauses(store, {"main": other.health}, world.clock, "two", no_rules)
    two.share()
    one.share()
    two.share()
    calls = len(world.exchanges)
    with pytest.raises(Refused, match="asked us to wait"):
        other.create(draft)
    assert len(world.exchanges) == calls
    world.clock.sleep(34)
    one.share()
    two.share()
    other.create(draft)
    assert len(world.jira.tickets()) == 1


def test_a_limit_of_one_endpoint_is_not_told_as_one_of_the_site(store: Store, world: World) -> None:
    asked, other = world.tracker, world.another()
    draft = other.draft(desired())
    world.jira.faults.add("rate_limit", method="POST", count=1, retry_after=30)
    with pytest.raises(Refused):
        asked.create(draft)
    for tracker in (asked, other):
        Pauses(store, {"main": tracker.health}, world.clock, str(id(tracker)), no_rules).share()
    other.create(draft)
    assert len(world.jira.tickets()) == 1


def _rows(store: Store) -> int:
    with store.read() as session:
        return session.exec(select(func.count()).select_from(PaceRow)).one()


def _make(world: World, daemons: list[tuple[JiraTracker, Pauses]], seconds: float) -> None:
    """Each daemon makes tickets in turn, as fast as its pace lets it."""
    draft = world.tracker.draft(desired())
    end, shared_at = world.clock.time() + seconds, 0.0
    while world.clock.time() < end:
        for tracker, _ in daemons:
            if world.clock.time() - shared_at > SHARE_SECONDS:
                shared_at = world.clock.time()
                for _, every in daemons:
                    every.share()
            with suppress(Refused):
                tracker.create(draft)
        world.clock.sleep(0.001)


def _daemons(store: Store, world: World, names: str) -> list[tuple[JiraTracker, Pauses]]:
    trackers = [(name, world.another(patience=60)) for name in names]
    return [
        (t, Pauses(store, {"main": t.health}, world.clock, name, no_rules)) for name, t in trackers
    ]


def test_daemons_share_a_limit(store: Store, world: World) -> None:
    world.jira.site.limits = Limits({"POST": 10}, issue_writes=())
    daemons = _daemons(store, world, "abc")
    _make(world, daemons, 10)
    world.exchanges.clear()
    _make(world, daemons, 20)
    made = [one.status for one in world.exchanges if one.method == "POST"]
    assert made.count(429) < 0.02 * len(made)
    assert made.count(201) > 0.95 * 20 * 10


def test_daemons_share_a_limit_that_nobody_tells(store: Store, world: World) -> None:
    world.jira.site.limits = Limits({"POST": 10}, issue_writes=(), silent=True)
    daemons = _daemons(store, world, "ab")
    _make(world, daemons, 15)
    world.exchanges.clear()
    _make(world, daemons, 30)
    made = [one.status for one in world.exchanges if one.method == "POST"]
    assert made.count(429) < 0.03 * len(made)
    assert made.count(201) > 0.9 * 30 * 10


def test_a_daemon_is_told_of_the_others_in_the_order_of_their_names(store: Store) -> None:
    pace = Pace("POST issue", 10.0, 1.0, True, 4.0, 100, True)
    with store.write() as session:
        for owner, at in (("c", 0.0), ("a", 0.5), ("b", 1.0)):
            told = paces.exchange(session, owner, at, {"main": [pace]})
    assert [(one.first, one.age, one.taken) for one in told["main"]] == [
        (True, 1.5, 102.0),
        (False, 2.0, 104.0),
    ]


def test_a_daemon_that_ends_leaves_its_share_to_the_others(store: Store, world: World) -> None:
    world.jira.site.limits = Limits({"POST": 10}, issue_writes=())
    daemons = _daemons(store, world, "ab")
    _make(world, daemons, 15)
    _make(world, daemons[:1], 5)
    world.exchanges.clear()
    _make(world, daemons[:1], 20)
    made = [one.status for one in world.exchanges if one.method == "POST"]
    assert made.count(201) > 0.95 * 20 * 10


def test_while_the_store_is_away_a_daemon_keeps_to_its_share(store: Store, world: World) -> None:
    world.jira.site.limits = Limits({"POST": 10}, issue_writes=())
    daemons = _daemons(store, world, "ab")
    _make(world, daemons, 15)
    draft = world.tracker.draft(desired())
    world.exchanges.clear()
    begun = world.clock.time()
    for _ in range(100):
        for tracker, _ in daemons:
            tracker.create(draft)
    assert [one.status for one in world.exchanges if one.status == 429] == []
    assert world.clock.time() - begun < 200 / 10 / 0.95


def test_what_nothing_limits_costs_no_statement_more(store: Store, world: World) -> None:
    ((tracker, pauses),) = _daemons(store, world, "a")
    for _ in range(20):
        tracker.create(tracker.draft(desired()))
    with transactions(store) as made:
        pauses.share()
    assert len(made) == 1
    # What sites asked for, and what people did.
    assert len(made[0]) == 2
    assert _rows(store) == 0


def test_a_limit_that_is_over_leaves_nothing_in_the_store(store: Store, world: World) -> None:
    world.jira.site.limits = Limits({"POST": 10}, issue_writes=())
    daemons = _daemons(store, world, "a")
    _make(world, daemons, 5)
    assert _rows(store) == 1
    world.clock.sleep(60)
    daemons[0][1].share()
    assert _rows(store) == 0


def test_what_a_daemon_said_that_is_gone_is_removed(store: Store, world: World) -> None:
    world.jira.site.limits = Limits({"POST": 10}, issue_writes=())
    gone, left = _daemons(store, world, "ab")
    _make(world, [gone], 5)
    world.clock.sleep(70)
    _make(world, [left], 5)
    with store.read() as session:
        assert set(session.exec(select(PaceRow.owner))) == {"b"}
