"""Tickets at rest, spared or gone: nothing wakes them but a subject that is open."""

from __future__ import annotations

import pytest

from sync.domain.errors import Rejected
from sync.sandbox.memory import MemoryTracker
from sync.store.gathered import Gathered
from sync.worker.walk import converge
from sync.worker.walk.facts import Facts, facts_of
from tests.walks.test_generations import read, ruled
from tests.walks.world import World, issue_event


def test_a_subject_that_comes_back_in_the_instant_its_ticket_is_spared_gets_one(
    world_on_each_store: World, jira: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_on_each_store
    world.write_rules(ruled('hold = "10m"'))
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.step()
    world.deliver(issue_event("issue_closed", "i1", at=2))
    read(world)
    late = [issue_event("issue_updated", "i1", at=3)]
    came_back_at: list[float] = []

    def gather_slowly(about: Gathered) -> Facts:
        facts = facts_of(about)
        while late:
            came_back_at.append(world.clock.time())
            world.deliver(late.pop())
            read(world)
        return facts

    monkeypatch.setattr(converge, "facts_of", gather_slowly)
    world.settle(within=3600)
    (ticket,) = jira.alive
    assert ticket.created_at - came_back_at[0] == pytest.approx(600, abs=5), "it is held anew"


def test_what_was_parked_and_then_spared_is_not_parked_any_more(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(ruled('hold = "10m"'))
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.step()
    world.clock.sleep(700)
    jira.fail("create", lambda: Rejected("a field is wrong"))
    world.step()
    assert world.rows()[0].parked_at
    world.deliver(issue_event("issue_closed", "i1", at=2))
    world.settle()
    (row,) = world.rows()
    assert (row.state, row.due_at) == ("spared", None)
    assert (row.parked, row.parked_at, row.error, row.attempts) == (None, None, "", 0)


def test_what_was_parked_and_is_gone_now_is_not_parked_any_more(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(ruled('on_deleted = "ignore"'))
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()
    jira.fail("read", lambda: Rejected("the project may not be seen"))
    world.deliver(issue_event("issue_updated", "i1", at=2, title="new"))
    world.step()
    assert world.rows()[0].parked_at
    jira.alive[0].deleted = True
    world.settle(within=7 * 3600)
    (row,) = world.rows()
    assert (row.state, row.due_at) == ("gone", None)
    assert (row.parked, row.parked_at, row.error, row.attempts) == (None, None, "", 0)
