"""Writes whose end is not on record: it is found out what became of them, before anything else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sync.domain.errors import Refused, Unknown
from sync.domain.ticket import Block, Document, JiraStatus
from sync.sandbox.memory import DONE, IN_PROGRESS, TO_DO, MemoryTicket, MemoryTracker
from sync.store import leases, tickets
from tests.walks.world import RULES, World, issue_event

MINE = Block("Ask me first.", "Ask me first.")


class Killed(BaseException):
    """The process is gone in the middle of a call."""


def _lost() -> BaseException:
    return Unknown("the reply was lost")


ENDS = pytest.mark.parametrize("end", [_lost, Killed], ids=["reply lost", "kill -9"])


def _only(jira: MemoryTracker) -> MemoryTicket:
    (ticket,) = jira.alive
    return ticket


def _words(ticket: MemoryTicket) -> list[str]:
    return [block.identity for block in ticket.fields["description"].blocks]


def _go_on(world: World) -> None:
    """Settle, through the death of the process if it comes to that."""
    try:
        world.settle()
    except Killed:
        leases.release_all_of(world.store, leases.owners(world.store))
        world.settle()


def _look(world: World, ticket: MemoryTicket) -> None:
    """As a sweep does that saw a change."""
    with world.store.write() as session:
        row = tickets.find(session, ticket.ref.key)
        assert row is not None
        tickets.make_due(row, world.clock.time(), "a sweep", look=True)
    world.settle()


@ENDS
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_description_is_replaced_and_not_doubled(
    world: World, jira: MemoryTracker, end: Callable[[], BaseException], moment: str
) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1, description="first"))
    world.settle()
    jira.fail("update", end, moment)  # type: ignore[arg-type]
    world.deliver(issue_event("issue_updated", "i1", at=2, description="second"))
    _go_on(world)
    assert _words(_only(jira)) == ["second"]
    world.deliver(issue_event("issue_updated", "i1", at=3, description="third"))
    world.settle()
    assert _words(_only(jira)) == ["third"]


@ENDS
def test_what_a_person_wrote_around_ours_stays(
    world: World, jira: MemoryTracker, end: Callable[[], BaseException]
) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1, description="first"))
    world.settle()
    ticket = _only(jira)
    ticket.fields["description"] = Document((MINE, *ticket.fields["description"].blocks))
    jira.fail("update", end, "after")
    world.deliver(issue_event("issue_updated", "i1", at=2, description="second"))
    _go_on(world)
    assert _words(ticket) == ["Ask me first.", "second"]
    world.deliver(issue_event("issue_updated", "i1", at=3, description="third"))
    world.settle()
    assert _words(ticket) == ["Ask me first.", "third"]


@ENDS
def test_what_a_person_did_after_it_is_not_overruled(
    world: World, jira: MemoryTracker, end: Callable[[], BaseException]
) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1, title="first"))
    world.settle()
    ticket = _only(jira)
    real = jira.update

    def update(*how: object) -> None:
        try:
            real(*how)  # type: ignore[arg-type]
        except BaseException:
            ticket.fields["summary"] = "a person's words"
            raise

    jira.update = update  # type: ignore[method-assign, assignment]
    jira.fail("update", end, "after")
    world.deliver(issue_event("issue_updated", "i1", at=2, title="second"))
    _go_on(world)
    assert ticket.fields["summary"] == "a person's words"


def test_a_field_that_is_always_ours_stays_so(world: World, jira: MemoryTracker) -> None:
    fields = '[rule.ownership]\npriority = "source"\n\n[rule.fields]\n'
    priority = 'priority = "{{ subject.title }}"\n'
    world.write_rules(RULES.replace("[rule.fields]\n", fields + priority, 1))
    world.deliver(issue_event("issue_created", "i1", at=1, title="Low"))
    world.settle()
    jira.fail("update", _lost, "after")
    world.deliver(issue_event("issue_updated", "i1", at=2, title="High"))
    world.settle()
    _only(jira).fields["priority"] = "Low"
    _look(world, _only(jira))
    assert _only(jira).fields["priority"] == "High"


def test_an_update_that_was_refused_is_not_taken_for_made(
    world: World, jira: MemoryTracker
) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1, title="first"))
    world.settle()
    _only(jira).fields["summary"] = "a person's words"
    jira.fail("update", lambda: Refused("not now"))
    world.deliver(issue_event("issue_updated", "i1", at=2, title="second"))
    world.settle()
    assert _only(jira).fields["summary"] == "second", "upstream changed it after them"


class Late:
    """Lets Jira carry a call out some seconds after it was given up."""

    def __init__(self, world: World, jira: MemoryTracker, name: str, seconds: float) -> None:
        self.world, self.jira = world, jira
        self.real = getattr(jira, name)
        self.at, self.call = 0.0, None
        self.seconds = seconds
        setattr(jira, name, self._give_up)
        jira.read = self._read(jira.read)  # type: ignore[method-assign]

    def _give_up(self, *how: object) -> None:
        if self.at:
            self.real(*how)
            return
        self.at, self.call = self.world.clock.time() + self.seconds, how
        raise Unknown("no answer in time")

    def land(self) -> None:
        if self.call and self.world.clock.time() >= self.at:
            how, self.call = self.call, None
            self.real(*how)

    def _read(self, real: Callable[..., object]) -> Callable[..., object]:
        def read(*how: object, **more: object) -> object:
            self.land()
            return real(*how, **more)

        return read


def test_an_update_that_lands_late_does_not_undo_a_newer_one(
    world: World, jira: MemoryTracker
) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1, title="first"))
    world.settle()
    jira.afterwork = 30.0
    late = Late(world, jira, "update", seconds=20.0)
    world.deliver(issue_event("issue_updated", "i1", at=2, title="second"))
    world.step()
    world.deliver(issue_event("issue_updated", "i1", at=3, title="third"))
    world.settle()
    world.clock.sleep(60)
    late.land()
    assert _only(jira).fields["summary"] == "third"


@pytest.mark.parametrize(
    "status, wanted", [("ISSUE_STATUS_FIXED", DONE), ("ISSUE_STATUS_UNSPECIFIED", TO_DO)]
)
def test_a_move_that_lands_late_does_not_undo_a_newer_one(
    world: World, jira: MemoryTracker, status: str, wanted: JiraStatus
) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()
    jira.afterwork = 30.0
    late = Late(world, jira, "transition", seconds=20.0)
    busy = "ISSUE_STATUS_INVESTIGATING"
    world.deliver(issue_event("issue_status_updated", "i1", at=2, status=busy))
    world.step()
    world.deliver(issue_event("issue_status_updated", "i1", at=3, status=status))
    world.settle()
    world.clock.sleep(60)
    late.land()
    assert _only(jira).status == wanted


def test_a_move_that_never_landed_is_made_again(world: World, jira: MemoryTracker) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()
    jira.fail("transition", _lost, "before")
    busy = "ISSUE_STATUS_INVESTIGATING"
    world.deliver(issue_event("issue_status_updated", "i1", at=2, status=busy))
    world.settle()
    assert _only(jira).status == IN_PROGRESS


def test_a_move_that_was_refused_is_made_again_without_waiting_for_it(
    world: World, jira: MemoryTracker
) -> None:
    jira.longest_call = 300.0
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()
    jira.fail("transition", lambda: Refused("not now"))
    busy = "ISSUE_STATUS_INVESTIGATING"
    begun = world.clock.time()
    world.deliver(issue_event("issue_status_updated", "i1", at=2, status=busy))
    world.settle()
    assert _only(jira).status == IN_PROGRESS
    assert world.clock.time() - begun < 60
