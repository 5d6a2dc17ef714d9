"""Comments: of what was done, each once, and none forgotten."""

from __future__ import annotations

from sync.domain.errors import Refused, Unknown
from sync.domain.ticket import TicketRef
from sync.sandbox.memory import DONE, IN_PROGRESS, TO_DO, MemoryTracker
from tests.walks.world import RULES, SimulatedClock, World, issue_event

TELLING = RULES.replace(
    'investigating = { category = "indeterminate" }',
    'investigating = { category = "indeterminate", comment = "Investigating." }',
)
BUSY = "ISSUE_STATUS_INVESTIGATING"


def _said(jira: MemoryTracker) -> list[str]:
    (ticket,) = jira.alive
    return [text for _, text in ticket.comments.values()]


def test_no_comment_tells_of_a_close_that_was_never_carried_out(
    world: World, jira: MemoryTracker
) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()
    jira.fail("transition", lambda: Refused("not now", retry_after=5))
    world.deliver(issue_event("issue_closed", "i1", at=2))
    world.step()
    world.deliver(issue_event("issue_updated", "i1", at=3))
    world.settle()
    assert jira.alive[0].status == TO_DO
    assert _said(jira) == []


def test_a_comment_that_jira_refused_is_made_before_that_of_the_next_status(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(TELLING)
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()
    jira.fail("comment", lambda: Refused("not now", retry_after=5))
    world.deliver(issue_event("issue_status_updated", "i1", at=2, status=BUSY))
    world.step()
    assert jira.alive[0].status == IN_PROGRESS
    world.deliver(issue_event("issue_closed", "i1", at=3))
    world.settle()
    assert jira.alive[0].status == DONE
    assert _said(jira) == ["Investigating.", "Closed upstream."]


def test_a_running_comment_whose_edit_was_refused_is_edited_later(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(
        TELLING.replace("[rule.status]", "[rule.comments]\nrunning = true\n\n[rule.status]")
    )
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.deliver(issue_event("issue_status_updated", "i1", at=2, status=BUSY))
    world.settle()
    jira.fail("edit_comment", lambda: Refused("not now", retry_after=5))
    world.deliver(issue_event("issue_closed", "i1", at=3))
    world.settle()
    assert jira.alive[0].status == DONE
    assert _said(jira) == ["Closed upstream."]


def test_a_comment_is_made_although_the_link_back_is_refused(
    world: World, jira: MemoryTracker
) -> None:
    jira.fail("link_remote", lambda: Refused("not now", retry_after=5))
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.step()
    jira.fail("link_remote", lambda: Refused("not now", retry_after=5))
    world.deliver(issue_event("issue_closed", "i1", at=2))
    world.settle()
    assert _said(jira) == ["Closed upstream."]
    assert len(jira.alive[0].remote_links) == 1


class Dawdling(MemoryTracker):
    """Carries its first comment out some seconds after the call was given up."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock)
        self.clock = clock
        self.afterwork = 30.0
        self.pending: tuple[float, TicketRef, str, str] | None = None
        self.asked = 0

    def land(self) -> None:
        if self.pending and self.clock.time() >= self.pending[0]:
            _, ref, text, marker = self.pending
            self.pending = None
            super().comment(ref, text, marker)

    def find_comment(self, ref: TicketRef, marker: str) -> str:
        self.land()
        return super().find_comment(ref, marker)

    def comment(self, ref: TicketRef, text: str, marker: str, *, public: bool = False) -> str:
        self.asked += 1
        if self.asked == 1:
            self.pending = (self.clock.time() + 20.0, ref, text, marker)
            raise Unknown("no answer in time")
        return super().comment(ref, text, marker)


def test_a_comment_that_jira_makes_after_we_gave_it_up_is_not_made_twice(
    world: World, clock: SimulatedClock
) -> None:
    jira = Dawdling(clock)
    world.close()
    other = World(world.store, jira, clock, world.folder)
    other.deliver(issue_event("issue_created", "i1", at=1))
    other.settle()
    other.deliver(issue_event("issue_closed", "i1", at=2))
    other.settle()
    clock.sleep(60)
    jira.land()
    other.settle()
    other.close()
    assert _said(jira) == ["Closed upstream."]
    assert jira.asked == 1


def test_a_comment_that_was_never_made_is_made_again_once_it_cannot_come_any_more(
    world: World, jira: MemoryTracker, clock: SimulatedClock
) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()
    jira.fail("comment", lambda: Unknown("the reply was lost"), "before")
    begun = clock.time()
    world.deliver(issue_event("issue_closed", "i1", at=2))
    world.settle()
    assert _said(jira) == ["Closed upstream."]
    assert clock.time() - begun >= jira.afterwork
