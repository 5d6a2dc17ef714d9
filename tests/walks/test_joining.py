"""A second subject comes to a ticket that a person wrote: their words stay until there is news."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sync.operations.accounts import on_command_line
from sync.operations.ticket_moves import Linking, Merging, Splitting, link, merge, split
from sync.sandbox.memory import MemoryTicket, MemoryTracker
from sync.worker.foresight.forecast import forecast_all
from tests.walks.test_ahead import A, B, of_others, record, ticket_of
from tests.walks.world import RULES, World, issue_event

ME = on_command_line()
KEY = "DATA-501"
ALL = RULES
for one in ("title", "description"):
    ALL = ALL.replace(
        f"{{{{ subject.{one} }}}}", f"{{{{ subjects | map(attribute='{one}') | join(' + ') }}}}"
    )
GROUP = ('issue_type = "Bug"', 'issue_type = "Bug"\ngroup_by = "workspace"')
# When the second subject comes: before or after the first.
EARLIER, LATER = 5, 60


def linked(world: World) -> None:
    sites = {"main": world.tracker}, world.rules()
    link(world.store, sites, ME, Linking(B, KEY, instead=True), world.clock.time())


def merged(world: World) -> None:
    merge(world.store, ME, Merging(ticket_of(world, B), KEY), world.clock.time())


def by_itself(world: World) -> None:
    """It was recorded for the ticket, or its group brings it there."""


# How the second comes to the ticket, whether the rule groups, and what is recorded ahead.
WAYS: dict[str, tuple[Callable[[World], None], bool, tuple[str, ...]]] = {
    "recorded ahead": (by_itself, False, (A, B)),
    "by its group": (by_itself, True, (A,)),
    "linked": (linked, False, (A,)),
    "merged": (merged, False, (A,)),
}


def said(ticket: MemoryTicket) -> tuple[str, ...]:
    return str(ticket.fields["summary"]), *ticket.fields["description"].identities


@pytest.mark.parametrize("began", [EARLIER, LATER])
@pytest.mark.parametrize("rules", [RULES, ALL], ids=["of one", "of all"])
@pytest.mark.parametrize(("comes", "grouped", "ahead"), WAYS.values(), ids=WAYS)
def test_who_joins_a_ticket_that_a_person_wrote_changes_none_of_its_words(
    world: World,
    jira: MemoryTracker,
    comes: Callable[[World], None],
    grouped: bool,
    ahead: tuple[str, ...],
    rules: str,
    began: int,
) -> None:
    world.write_rules(rules.replace(*GROUP) if grouped else rules)
    theirs = of_others(jira, 1, "my words")
    words = said(theirs)
    record(world, *((one, KEY) for one in ahead))
    world.deliver(issue_event("issue_created", A, at=50, title="a", description="of a"))
    world.settle()
    world.deliver(issue_event("issue_created", B, at=began, title="b", description="of b"))
    world.settle()
    comes(world)
    world.settle()
    assert (ticket_of(world, B), said(theirs)) == (KEY, words)
    asked = world.store, world.rules(), {"main": jira}, world.clock.time()
    assert not forecast_all(*asked, live=True).whole().tickets

    if grouped:
        return
    world.clock.sleep(10)
    split(world.store, world.rules(), ME, Splitting(KEY, [B]), world.clock.time())
    world.settle()
    assert said(theirs) == words
    world.deliver(issue_event("issue_updated", A, at=90, title="news", description="of a"))
    world.settle()
    assert said(theirs)[0] == "news"
