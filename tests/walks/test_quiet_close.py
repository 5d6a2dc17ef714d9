"""A quiet close: until the subject has stayed closed long enough, the ticket keeps the status it had."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from sync.domain.errors import Refused, Unknown
from sync.domain.ticket import TicketRef
from sync.sandbox.memory import DONE, IN_PROGRESS, TO_DO, MemoryTracker
from tests.walks.test_generations import ruled
from tests.walks.world import World, issue_event

Tell = Callable[..., None]


@pytest.fixture
def tell(world: World) -> Tell:
    """Something happens upstream at this moment, and everything due now is walked."""
    world.write_rules(ruled('close_after = "10m"'))

    def now(type_: str, **fields: str) -> None:
        moment = datetime.fromtimestamp(world.clock.time(), UTC)
        body = issue_event(type_, "i1", at=world.clock.time() % 3600, **fields)
        world.deliver({**body, "event_time": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")})
        while world.step():
            pass
        world.clock.sleep(10)

    return now


def investigating(tell: Tell) -> None:
    tell("issue_status_updated", status="ISSUE_STATUS_INVESTIGATING")


def test_it_closes_once_the_subject_has_stayed_closed(
    world: World, jira: MemoryTracker, tell: Tell
) -> None:
    tell("issue_created")
    investigating(tell)
    tell("issue_closed")
    assert jira.alive[0].status == IN_PROGRESS
    world.settle(within=700)
    assert jira.alive[0].status == DONE


@pytest.mark.parametrize("lost", ["before", "after"])
def test_it_waits_although_a_move_before_it_has_no_known_end(
    world: World, jira: MemoryTracker, tell: Tell, lost: str
) -> None:
    tell("issue_created")
    if lost == "before":
        jira.fail("transition", lambda: Refused("rate limit", retry_after=60))
    else:
        jira.fail("transition", lambda: Unknown("the reply was lost"), "after")
    investigating(tell)
    tell("issue_closed")
    world.settle(within=300)
    assert jira.alive[0].status == TO_DO, "the last status that is known to have been dealt with"
    tell("issue_updated", title="it is back")
    world.settle(within=3600)
    assert jira.alive[0].status == TO_DO
    tell("issue_closed")
    world.settle(within=3600)
    assert jira.alive[0].status == DONE


def test_it_waits_although_a_person_moved_the_ticket_to_another_project(
    world: World, jira: MemoryTracker, tell: Tell
) -> None:
    tell("issue_created")
    (ticket,) = jira.alive
    ticket.ref, ticket.project = TicketRef(ticket.ref.id, "OPS-7"), "OPS"
    tell("issue_closed", title="and another title")
    world.settle(within=300)
    assert (ticket.status, ticket.fields["summary"]) == (TO_DO, "and another title")
    world.settle(within=3600)
    assert ticket.status == DONE
