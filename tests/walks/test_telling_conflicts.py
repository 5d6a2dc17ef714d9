"""Both sides acted: the later act wins, whatever is lost or late on its way to us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.domain.history import Person
from sync.sandbox.memory_ticket import DONE, IN_PROGRESS, TO_DO
from sync.store import parking, tickets
from sync.store.engine import Store
from sync.worker.sweeps.runner import Runner
from sync.worker.sweeps.upstream import IssuesSweep
from tests.walks.both_ways import ANNA, BothWays, both_ways, quiet

ROBOT = Person("robot", "Automation for Jira")


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules") as made:
        yield made


def sweep(world: BothWays) -> None:
    """Ask both sides what has changed."""
    Runner(world.store, world.clock, "test").run(
        IssuesSweep(world.store, world.triage, world.upstream.api)
    )
    world.look()
    world.settle()


def marks(world: BothWays) -> list[str]:
    """The marks that were set, by anybody, oldest first."""
    events = [one for one in world.sandbox.events if one["type"] == "issue_status_updated"]
    return [str(one["issue"]["status"]) for one in events]


LOST = ["nothing", "Jira's webhook", "upstream's webhook"]


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("gap", [4.0, 12.0, 30.0, 90.0])
def test_upstreams_later_act_opens_a_ticket_that_a_person_closed(
    world: BothWays, gap: float, lost: str
) -> None:
    issue, ticket = world.opened()
    ticket.move(DONE, world.clock.time(), ANNA, "Done")
    if lost != "Jira's webhook":
        world.look()
        world.pass_time(gap)
    else:
        world.clock.sleep(gap)
    world.sandbox.mark(issue.id, "investigating")
    if lost == "upstream's webhook":
        world.send_nothing()
    world.settle()
    world.clock.sleep(300)
    sweep(world)
    assert (issue.status, ticket.status) == ("investigating", IN_PROGRESS)
    assert marks(world) in (["investigating"], ["fixed", "investigating"])
    quiet(world)


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("gap", [12.0, 30.0, 90.0])
def test_a_persons_later_close_marks_over_upstreams_act(
    world: BothWays, gap: float, lost: str
) -> None:
    issue, ticket = world.opened()
    world.sandbox.mark(issue.id, "investigating")
    if lost == "upstream's webhook":
        world.send_nothing()
    world.pass_time(gap)
    ticket.move(DONE, world.clock.time(), ANNA, "Done")
    if lost != "Jira's webhook":
        world.look()
    world.settle()
    world.clock.sleep(300)
    sweep(world)
    assert (issue.status, ticket.status) == ("fixed", DONE)
    assert marks(world) == ["investigating", "fixed"]
    quiet(world)


@pytest.mark.parametrize("again", [True, False], ids=["closed again later", "closed before"])
def test_a_ticket_that_was_closed_again_while_we_were_away_is_a_later_act(
    world: BothWays, again: bool
) -> None:
    issue, ticket = world.opened()
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    world.clock.sleep(600)
    ticket.move(TO_DO, world.clock.time(), ANNA, "")
    if not again:
        world.clock.sleep(60)
        ticket.move(DONE, world.clock.time(), ANNA, "Done")
    world.clock.sleep(60)
    world.sandbox.mark(issue.id, "investigating")
    if again:
        world.clock.sleep(60)
        ticket.move(DONE, world.clock.time(), ANNA, "Done")
    world.clock.sleep(600)
    world.look()
    world.settle()
    assert (issue.status, ticket.status) == (
        ("fixed", DONE) if again else ("investigating", IN_PROGRESS)
    )
    quiet(world)


@pytest.mark.parametrize("first", ["Jira", "upstream"])
def test_acts_within_the_tie_are_upstreams(world: BothWays, first: str) -> None:
    issue, ticket = world.opened()
    if first == "upstream":
        world.sandbox.mark(issue.id, "investigating")
        world.clock.sleep(3)
    world.act(ticket, DONE, resolution="Done")
    if first == "Jira":
        world.clock.sleep(3)
        world.sandbox.mark(issue.id, "investigating")
    world.settle()
    assert (issue.status, ticket.status) == ("investigating", IN_PROGRESS)
    assert marks(world) == ["investigating"]
    quiet(world)


def test_without_the_time_of_a_mark_jira_wins_only_if_it_is_surely_later(world: BothWays) -> None:
    world.sandbox.comments_update = True
    issue, ticket = world.opened()
    world.sandbox.mark(issue.id, "investigating")
    world.send_nothing()
    world.clock.sleep(60)
    ticket.move(DONE, world.clock.time(), ANNA, "Done")
    world.clock.sleep(60)
    # The API now says that the issue changed after the ticket was closed.
    world.sandbox.comment(issue.id, "Looking.", {"name": "Ben", "email": {"user_email": "b@x.io"}})
    world.look()
    world.settle()
    assert (issue.status, ticket.status) == ("investigating", IN_PROGRESS)
    quiet(world)


def test_a_clock_of_jira_that_is_ahead_costs_no_time_and_no_refusal(world: BothWays) -> None:
    issue, ticket = world.opened()
    began = world.clock.time()
    ticket.move(DONE, began + 90, ANNA, "Done")
    world.look()
    world.settle()
    assert issue.status == "fixed"
    assert world.clock.time() - began < 30
    assert "not told" not in "\n".join(world.journal())
    # Nor does it make an earlier act the later one.
    world.clock.sleep(200)
    ticket.move(TO_DO, world.clock.time() + 90, ANNA, "")
    world.look()
    world.pass_time(12)
    world.sandbox.mark(issue.id, "investigating")
    world.settle()
    assert (issue.status, ticket.status) == ("investigating", IN_PROGRESS)
    quiet(world)


def test_robots_that_turn_a_ticket_round_are_held_until_a_person_retries(world: BothWays) -> None:
    issue, ticket = world.opened()
    other, kept = world.opened()

    def robots() -> None:
        if ticket.status == DONE:
            world.act(ticket, IN_PROGRESS, who=ROBOT, resolution="")
        if issue.status != "fixed":
            world.sandbox.mark(issue.id, "fixed")

    for _ in range(12):
        robots()
        world.pass_time(20)
    assert len(marks(world)) <= 8
    acts = len(ticket.acts)
    assert "held: Jira and upstream turned each other" in "\n".join(world.journal())
    world.act(kept, DONE, resolution="Done")
    world.settle()
    assert other.status == "fixed"
    world.sandbox.mark(issue.id, "expected")
    world.settle()
    world.clock.sleep(60)
    world.act(ticket, TO_DO, resolution="")
    world.settle()
    assert (issue.status, len(ticket.acts)) == ("expected", acts + 1)
    with world.store.write() as session:
        row = tickets.find(session, ticket.ref.key)
        assert row is not None
        parking.retry(session, [row], world.clock.time(), "by hand")
    world.settle()
    assert (issue.status, ticket.status) == ("expected", TO_DO)
    world.clock.sleep(60)
    world.act(ticket, IN_PROGRESS)
    world.settle()
    assert (issue.status, ticket.status) == ("investigating", IN_PROGRESS)
    quiet(world)
