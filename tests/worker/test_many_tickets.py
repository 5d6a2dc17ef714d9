"""What plans and edits cost does not grow with each ticket: counts of statements, on both databases."""

from __future__ import annotations

import pytest
from sqlmodel import select

from sync.sandbox.memory import MemoryTracker
from sync.store.tables import TicketRow
from sync.worker.foresight.forecast import forecast_all
from sync.worker.rulebook.impact import impact
from sync.worker.rulebook.in_force import Guard
from sync.worker.walk.facts import changed_since
from tests.transactions import transactions
from tests.walks.world import RULES, issue_event
from tests.worker.conftest import Make
from tests.worker.edited import EditedWorld
from tests.worker.test_planning import rules
from tests.worker.test_rulebook import EDITED


def settled_by(world: EditedWorld) -> set[str]:
    with world.store.read() as session:
        return set(session.exec(select(TicketRow.settled_by)))


def test_a_plan_by_the_same_rules_reads_no_ticket_that_is_settled_by_them(
    make: Make, jira: MemoryTracker
) -> None:
    world = make()
    world.deliver(*(issue_event("issue_created", f"i{n}", at=1) for n in range(30)))
    world.settle()
    assert len(settled_by(world)) == 1
    assert "" not in settled_by(world)
    with transactions(world.store) as begun:
        found = forecast_all(world.store, rules(RULES), {"main": jira}, world.clock.time()).whole()
    assert (found.looked_at, found.tickets) == (30, ())
    assert not [one for many in begun for one in many if "tickets.base" in one]


def test_a_ticket_that_an_edit_left_as_it_was_is_told_of_by_every_later_plan(
    make: Make, jira: MemoryTracker
) -> None:
    world = make(guard=Guard(most=0, wait=False))
    world.deliver(issue_event("issue_created", "a", at=1))
    world.settle()
    world.edit(EDITED)
    world.settle()
    found = forecast_all(world.store, rules(EDITED), {"main": jira}, world.clock.time()).whole()
    assert len(found.tickets) == 1  # type: ignore[arg-type]


def test_a_ticket_of_an_incident_whose_rule_asks_for_more_is_looked_at(
    make: Make, jira: MemoryTracker
) -> None:
    world = make()
    world.deliver(issue_event("issue_created", "a", at=1))
    world.settle()
    closing = RULES.replace("[rule.fields]", "[rule.issues]\nclose = true\n[rule.fields]")
    assert changed_since(rules(RULES), rules(RULES))
    assert not changed_since(rules(RULES), rules(closing))
    assert not changed_since(rules(closing), rules(closing))


@pytest.mark.parametrize("plan", [True, False], ids=["plan", "impact"])
def test_an_edit_that_asks_nothing_else_of_tickets_reads_none_that_is_settled(
    make: Make, jira: MemoryTracker, plan: bool
) -> None:
    world = make()
    world.deliver(*(issue_event("issue_created", f"i{n}", at=1) for n in range(30)))
    world.settle()
    old, now = rules(RULES), world.clock.time()
    new = rules(RULES.replace("[rule.fields]", 'hold = "5m"\nwhen.workspace = "*"\n[rule.fields]'))
    with transactions(world.store) as begun:
        if plan:
            found = forecast_all(world.store, new, {"main": jira}, now, known=old).whole()
            assert (found.looked_at, found.tickets) == (30, ())
        else:
            reached = impact(world.store, old, new, now, {"main": jira})
            assert (reached.looked_at, reached.size) == (30, 0)
    assert old.digest != new.digest
    assert not [one for many in begun for one in many if "tickets.base" in one]


def statements(world: EditedWorld, tracker: MemoryTracker, *, plan: bool) -> tuple[int, int]:
    """How many statements a plan, or the impact of an edit, takes; and how many tickets it finds."""
    old, new, now = rules(RULES), rules(EDITED), world.clock.time()
    with transactions(world.store) as begun:
        if plan:
            count = len(forecast_all(world.store, new, {"main": tracker}, now).whole().tickets)
        else:
            count = impact(world.store, old, new, now, {"main": tracker}).size
    return sum(map(len, begun)), count


@pytest.mark.parametrize("plan", [True, False], ids=["plan", "impact"])
def test_a_page_of_tickets_takes_as_many_statements_as_one_ticket(
    make: Make, jira: MemoryTracker, plan: bool
) -> None:
    world = make()
    world.deliver(issue_event("issue_created", "first", at=1))
    world.settle()
    few, one = statements(world, jira, plan=plan)
    world.deliver(*(issue_event("issue_created", f"i{n}", at=2) for n in range(30)))
    world.settle()
    assert one == 1
    assert statements(world, jira, plan=plan) == (few, 31)
    assert few <= 6
