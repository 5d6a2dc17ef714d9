"""A workflow with few ways: To Do, Start, In Progress, Finish, Done, Reopen, To Do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sync.domain.actions import Comment
from sync.domain.errors import Unknown
from sync.domain.ticket import Hop, TicketRef
from sync.sandbox.memory import DONE, IN_PROGRESS, TO_DO, WONT_DO, MemoryTracker
from sync.store import leases
from sync.store.engine import Store
from tests.walks.test_lifecycle import A
from tests.walks.world import RULES, SimulatedClock, World, issue_event

INVESTIGATING = 'investigating = { category = "indeterminate" }'
STARTED = INVESTIGATING.replace('category = "indeterminate"', 'transition = "Start"')
NOWHERE = INVESTIGATING.replace('category = "indeterminate"', 'status = "Verified"')
CLOSED_AS_NO = RULES.replace(
    'no_action_needed = { category = "done", prefer = ["Done"] }',
    'no_action_needed = { category = "done", prefer = ["Won\'t Do"] }',
)


class Killed(BaseException):
    """The process ends here."""


class Workflow(MemoryTracker):
    """Offers one transition from each status. ``moves`` are the ones that were taken."""

    WAYS: ClassVar = {
        TO_DO.id: [Hop("11", "Start", IN_PROGRESS)],
        IN_PROGRESS.id: [Hop("21", "Finish", DONE)],
        DONE.id: [Hop("31", "Reopen", TO_DO)],
    }

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock, workflows={"DATA": self.WAYS})
        self.moves: list[str] = []

    def transition(
        self, ref: TicketRef, hop: Hop, fields: Mapping[str, Any], comment: Comment | None = None
    ) -> None:
        self.moves.append(hop.name)
        super().transition(ref, hop, fields, comment)


Build = Callable[[MemoryTracker, str], World]


@pytest.fixture
def build(sqlite_store: Store, clock: SimulatedClock, tmp_path: Path) -> Iterator[Build]:
    made: list[World] = []

    def world(tracker: MemoryTracker, rules: str) -> World:
        made.append(World(sqlite_store, tracker, clock, tmp_path / "workflow", rules))
        made[0].deliver(issue_event("issue_created", A, at=1))
        made[0].settle()
        return made[0]

    yield world
    for one in made:
        one.close()


def _status(at: float, word: str) -> dict[str, Any]:
    return issue_event("issue_status_updated", A, at=at, status=f"ISSUE_STATUS_{word}")


@pytest.mark.parametrize("end", [lambda: Unknown("lost"), Killed], ids=["lost reply", "kill"])
def test_a_transition_by_name_of_which_nobody_heard_is_not_walked_in_a_circle(
    build: Build, clock: SimulatedClock, end: Callable[[], BaseException]
) -> None:
    jira = Workflow(clock)
    world = build(jira, RULES.replace(INVESTIGATING, STARTED))
    jira.fail("transition", end, "after")
    world.deliver(_status(2, "INVESTIGATING"))
    try:
        world.settle()
    except Killed:
        leases.release_all_of(world.store, leases.owners(world.store))
        world.settle()
    assert jira.moves == ["Start"]
    assert jira.alive[0].status == IN_PROGRESS
    assert world.rows()[0].parked is None


def test_a_ticket_that_a_person_started_is_not_led_through_done_to_be_started_again(
    build: Build, clock: SimulatedClock
) -> None:
    jira = Workflow(clock)
    world = build(jira, RULES.replace(INVESTIGATING, STARTED))
    jira.alive[0].status = IN_PROGRESS
    world.deliver(_status(2, "INVESTIGATING"))
    world.settle()
    assert jira.moves == []
    assert "transition 'Start'" in world.rows()[0].error


def test_a_ticket_for_which_there_is_no_way_is_led_over_its_workflow_once(
    build: Build, clock: SimulatedClock
) -> None:
    jira = Workflow(clock)
    world = build(jira, RULES.replace(INVESTIGATING, NOWHERE))
    world.deliver(_status(2, "INVESTIGATING"))
    world.settle()
    assert jira.moves == ["Start", "Finish"]
    for _ in range(10):
        clock.sleep(8 * 3600)
        world.settle()
    assert jira.moves == ["Start", "Finish"]
    assert world.rows()[0].parked is not None
    # Upstream goes on: a way that exists is walked from where the ticket stands.
    world.deliver(issue_event("issue_updated", A, at=3, title="open again"), _status(4, "OPEN"))
    world.settle()
    assert jira.alive[0].status == TO_DO
    assert world.rows()[0].parked is None


@pytest.mark.parametrize("heard", [True, False], ids=["heard", "its reply lost"])
def test_what_we_closed_ourselves_with_a_no_is_reopened(
    build: Build, clock: SimulatedClock, heard: bool
) -> None:
    jira = MemoryTracker(clock)
    world = build(jira, CLOSED_AS_NO)
    if not heard:
        jira.fail("transition", lambda: Unknown("lost"), "after")
    world.deliver(_status(2, "NO_ACTION_NEEDED"))
    world.settle()
    assert (jira.alive[0].status, jira.alive[0].resolution) == (WONT_DO, "Won't Do")
    world.deliver(issue_event("issue_updated", A, at=3, title="it is back"))
    world.settle()
    assert jira.alive[0].status == TO_DO


def test_a_persons_no_over_our_own_close_is_respected(build: Build, clock: SimulatedClock) -> None:
    jira = MemoryTracker(clock)
    world = build(jira, CLOSED_AS_NO)
    world.deliver(_status(2, "NO_ACTION_NEEDED"))
    world.settle()
    jira.alive[0].resolution = "Duplicate"
    world.deliver(issue_event("issue_updated", A, at=3, title="it is back"))
    world.settle()
    assert jira.alive[0].status == WONT_DO


def test_a_usual_close_is_one_read_and_one_write(build: Build, clock: SimulatedClock) -> None:
    jira = MemoryTracker(clock)
    world = build(jira, RULES)
    world.deliver(_status(2, "FIXED"))
    world.settle()
    assert (jira.calls["read"], jira.calls["transition"]) == (1, 1)
