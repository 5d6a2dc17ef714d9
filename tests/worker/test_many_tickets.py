"""What plans and edits cost does not grow with each ticket: counts of statements, on both databases."""

from __future__ import annotations

import pytest

from sync.sandbox.memory import MemoryTracker
from sync.worker.foresight.forecast import forecast_all
from sync.worker.rulebook.impact import impact
from tests.transactions import transactions
from tests.walks.world import RULES, issue_event
from tests.worker.conftest import Make
from tests.worker.edited import EditedWorld
from tests.worker.test_planning import rules
from tests.worker.test_rulebook import EDITED


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
