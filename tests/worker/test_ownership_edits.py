"""An edit of who owns a field reaches the tickets that exist, as a walk for any other reason would."""

from __future__ import annotations

from itertools import permutations

import pytest

from sync.domain.rule import Ownership
from sync.operations.accounts import on_command_line
from sync.operations.parked import try_one_again
from sync.sandbox.memory import MemoryTicket, MemoryTracker
from sync.worker.foresight.forecast import forecast_all
from tests.walks.world import RULES, issue_event
from tests.worker.conftest import Make
from tests.worker.edited import EditedWorld
from tests.worker.test_rulebook import opened

MINE = "a person's words"


def owned(by: Ownership) -> str:
    return RULES + f'\n[rule.ownership]\nsummary = "{by}"\n'


def ticket_of(world: EditedWorld, jira: MemoryTracker, name: str) -> MemoryTicket:
    (row,) = (one for one in world.rows() if one.key.endswith(name))
    return jira.tickets[str(row.jira_id)]


def with_both_sides(world: EditedWorld, jira: MemoryTracker) -> None:
    """Four tickets: left as made, changed by a person, changed upstream, and changed by both."""
    opened(world, "none", "person", "upstream", "both")
    for name in ("person", "both"):
        ticket_of(world, jira, name).fields["summary"] = MINE
    for name in ("upstream", "both"):
        world.deliver(issue_event("issue_updated", name, at=50, title="orders is late"))
    world.settle()


def summaries(jira: MemoryTracker) -> list[str]:
    return [str(one.fields["summary"]) for one in jira.alive]


@pytest.mark.parametrize(("before", "after"), list(permutations(Ownership, 2)))
def test_tickets_follow_an_edit_of_who_owns_a_field(
    make: Make, jira: MemoryTracker, before: Ownership, after: Ownership
) -> None:
    world = make(owned(before))
    with_both_sides(world, jira)
    world.edit(owned(after))
    world.settle()
    seen = summaries(jira)
    asked = world.store, world.rules(), {"main": jira}, world.clock.time()
    assert not forecast_all(*asked, live=after is not Ownership.SOURCE).whole().tickets
    for one in list(jira.alive):
        try_one_again(world.store, on_command_line(), one.ref.key, world.clock.time())
    world.settle()
    if after is Ownership.SOURCE:
        # What people wrote before is taken back when the ticket is next read.
        assert MINE not in summaries(jira)
    else:
        assert summaries(jira) == seen
        assert ticket_of(world, jira, "person").fields["summary"] == MINE


def test_an_edit_that_leaves_a_field_to_its_ticket_costs_no_call(
    make: Make, jira: MemoryTracker
) -> None:
    world = make(owned(Ownership.SOURCE))
    with_both_sides(world, jira)
    before = jira.calls.total()
    for by in (Ownership.SHARED, Ownership.YIELD, Ownership.TICKET):
        world.edit(owned(by))
        world.settle()
    assert jira.calls.total() == before
