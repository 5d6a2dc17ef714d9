"""Tickets that a person took out of our hands are left alone, whatever happens, until taken up again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sync.operations.accounts import on_command_line
from sync.operations.acts import Done
from sync.operations.errors import Refused
from sync.operations.parked import ParkedQuery, parked_of, try_again, try_one_again
from sync.operations.ticket_acts import forget, set_aside
from sync.sandbox.memory import MemoryTracker
from sync.store import claims
from sync.store.engine import Store
from sync.store.ticket_search import Standing, standing_of
from tests.walks.world import RULES, World, issue_event

ME = on_command_line()
Taking = Callable[[Store, object, str, float], Done]
BOTH = pytest.mark.parametrize("take", [set_aside, forget], ids=["set aside", "forgotten"])


@pytest.fixture
def followed(world_on_each_store: World) -> World:
    """A ticket in Jira that is as its rule wants it."""
    world_on_each_store.deliver(issue_event("issue_created", "one", at=1))
    world_on_each_store.settle()
    return world_on_each_store


@BOTH
def test_a_ticket_out_of_our_hands_is_left_alone_by_deliveries_and_edits(
    followed: World, jira: MemoryTracker, take: Taking
) -> None:
    take(followed.store, ME, "DATA-1", followed.clock.time())
    before = jira.alive[0].fields["summary"]
    event = issue_event("issue_updated", "one", at=60, title="another title")
    followed.deliver(event, issue_event("issue_closed", "one", at=61))
    followed.write_rules(RULES.replace("{{", "Edited: {{", 1))
    followed.settle()
    assert [one.fields["summary"] for one in jira.alive] == [before]
    (row,) = followed.rows()
    assert row.due_at is None
    wanted = Standing.PARKED if take is set_aside else Standing.FORGOTTEN
    assert standing_of(row, followed.clock.time()) is wanted


@BOTH
def test_once_taken_up_again_it_is_brought_to_where_its_rule_wants_it(
    followed: World, jira: MemoryTracker, take: Taking
) -> None:
    take(followed.store, ME, "DATA-1", followed.clock.time())
    followed.deliver(issue_event("issue_updated", "one", at=60, title="another title"))
    followed.settle()
    try_one_again(followed.store, ME, "DATA-1", followed.clock.time())
    followed.settle()
    assert "another title" in jira.alive[0].fields["summary"]
    assert len(jira.alive) == 1
    (row,) = followed.rows()
    assert (row.aside, row.parked, row.due_at) == (None, None, None)


@BOTH
def test_a_walk_under_way_does_not_take_it_back(followed: World, take: Taking) -> None:
    followed.deliver(issue_event("issue_updated", "one", at=60, title="another title"))
    while followed.triage.batch():
        pass
    now = followed.clock.time()
    (claim,) = claims.claim(followed.store, owner="test", now=now, lease=120, limit=1)
    take(followed.store, ME, "DATA-1", now)
    followed.converger.walk(claim)
    followed.settle()
    (row,) = followed.rows()
    wanted = Standing.PARKED if take is set_aside else Standing.FORGOTTEN
    assert standing_of(row, followed.clock.time()) is wanted
    assert row.due_at is None


def test_all_parked_tickets_are_tried_again_but_those_that_a_person_set_aside(
    followed: World, jira: MemoryTracker
) -> None:
    set_aside(followed.store, ME, "DATA-1", followed.clock.time())
    now = followed.clock.time()
    (group,) = parked_of(followed.store, ParkedQuery()).groups
    assert "set aside by command line" in group.reason
    assert try_again(followed.store, ME, ParkedQuery(), now).retried == 0
    assert try_again(followed.store, ME, ParkedQuery(group=group.id), now).retried == 1
    followed.settle()
    assert parked_of(followed.store, ParkedQuery()).groups == []


@BOTH
def test_who_and_when_is_in_the_journal_and_twice_is_refused(followed: World, take: Taking) -> None:
    now = followed.clock.time()
    take(followed.store, ME, "DATA-1", now)
    with pytest.raises(Refused, match="already"):
        take(followed.store, ME, "one", now + 60)
    assert any(f"by {ME.name}" in line for line in followed.journal())


def test_a_ticket_that_is_not_made_yet_is_not_made(world: World, jira: MemoryTracker) -> None:
    world.deliver(issue_event("issue_created", "one", at=1))
    while world.triage.batch():
        pass
    forget(world.store, ME, "one", world.clock.time())
    world.settle()
    assert jira.alive == []
