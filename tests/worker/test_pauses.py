"""A pause that Jira asked one daemon for holds for the others on the store."""

from __future__ import annotations

import pytest

from sync.domain.errors import Refused
from sync.store.engine import Store
from sync.worker.daemon.pauses import Pauses
from tests.adapters.jira.world import World, desired


@pytest.fixture
def world() -> World:
    return World("cloud")


def test_who_was_not_asked_to_wait_waits_too(store: Store, world: World) -> None:
    asked, other = world.tracker, world.another()
    draft = other.draft(desired())
    world.jira.faults.add(
        "rate_limit", method="POST", count=1, reason="jira-quota-tenant-based", retry_after=30
    )
    with pytest.raises(Refused):
        asked.create(draft)
    one = Pauses(store, {"main": asked.health}, world.clock)
    two = Pauses(store, {"main": other.health}, world.clock)
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
        Pauses(store, {"main": tracker.health}, world.clock).share()
    other.create(draft)
    assert len(world.jira.tickets()) == 1
