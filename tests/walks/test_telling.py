"""What people do in Jira is told upstream, once, and what comes back of it does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.sandbox.memory_ticket import DONE, IN_PROGRESS, TO_DO
from sync.store.engine import Store
from tests.walks.both_ways import BothWays, both_ways, quiet
from tests.walks.world import World

ALL = 'comments = "all"\ncopy_comments = true'


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules") as made:
        yield made


@pytest.fixture
def talking(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules", ALL) as made:
        yield made


def test_a_closed_ticket_marks_its_issue_and_the_mark_comes_back_unheard(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    assert issue.status == "fixed"
    assert issue.actor is not None
    assert issue.actor["name"] == "Anna"
    assert (ticket.status, ticket.talk) == (DONE, {})
    quiet(world)


def test_a_drag_through_three_columns_is_one_act(world: BothWays) -> None:
    issue, ticket = world.opened()
    events = len(world.sandbox.events)
    world.act(ticket, IN_PROGRESS)
    world.step()
    world.clock.sleep(3)
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    assert issue.status == "fixed"
    assert len(world.sandbox.events) == events + 1


def test_a_resolution_that_is_edited_later_ends_as_no_action_needed(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    world.clock.sleep(20)
    ticket.resolve("Won't Do", world.clock.time())
    world.look()
    world.settle()
    assert issue.status == "no_action_needed"
    assert ticket.status == DONE
    quiet(world)


def test_a_later_mark_upstream_opens_a_ticket_that_a_person_closed(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, DONE, resolution="Done")
    world.clock.sleep(30)
    world.sandbox.mark(issue.id, "investigating")
    world.settle()
    assert ticket.status == IN_PROGRESS
    assert issue.status == "investigating"
    quiet(world)


def test_a_mark_that_was_ours_is_followed_also_when_upstream_sets_it_again(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, IN_PROGRESS)
    world.settle()
    assert issue.status == "investigating"
    for status, place in [("fixed", DONE), ("investigating", IN_PROGRESS), ("expected", DONE)]:
        world.clock.sleep(300)
        world.sandbox.mark(issue.id, status)
        world.settle()
        assert (issue.status, ticket.status) == (status, place)
    quiet(world)


def test_a_later_close_in_jira_stands_against_an_earlier_mark(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.sandbox.mark(issue.id, "investigating")
    world.clock.sleep(30)
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    assert (ticket.status, issue.status) == (DONE, "fixed")
    quiet(world)


def test_a_ticket_that_a_person_declined_stays_closed(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, DONE, resolution="Won't Do")
    world.settle()
    world.clock.sleep(60)
    world.sandbox.mark(issue.id, "investigating")
    world.settle()
    assert ticket.status == DONE
    assert 'a person closed DATA-1 as "Won\'t Do"' in "\n".join(world.journal())
    quiet(world)


def test_a_mark_of_ours_is_taken_off_when_the_ticket_goes_back(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, IN_PROGRESS)
    world.settle()
    assert issue.status == "investigating"
    world.clock.sleep(60)
    world.act(ticket, TO_DO)
    world.settle()
    assert issue.status in ("", None)
    assert ticket.status == TO_DO
    quiet(world)


def test_a_mark_that_somebody_else_set_is_not_overwritten_by_what_fits_it(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.sandbox.mark(issue.id, "expected")
    world.settle()
    assert ticket.status == DONE
    quiet(world)
    assert issue.status == "expected"


def test_comments_are_told_once_each(talking: BothWays) -> None:
    issue, ticket = talking.opened()
    talking.say(ticket, "+1")
    talking.say(ticket, "+1")
    talking.say(ticket, "for the team", public=False)
    talking.settle()
    assert [text.split("\n\n")[1] for text in talking.remarks(issue)] == ["+1", "+1"]
    quiet(talking)
    assert len(talking.remarks(issue)) == 2


def test_when_telling_is_turned_on_nothing_from_before_is_told(world: BothWays) -> None:
    world.edit(None)
    issue, ticket = world.opened()
    world.act(ticket, DONE, resolution="Done")
    world.say(ticket, "before")
    world.settle()
    world.edit(ALL)
    world.settle()
    quiet(world)
    assert (issue.status or "", world.remarks(issue), ticket.status) == ("", [], DONE)
    world.act(ticket, IN_PROGRESS)
    world.settle()
    assert issue.status == "investigating"


def test_an_incident_ends_and_opens_again_with_its_ticket(world: BothWays) -> None:
    incident = world.sandbox.open_incident([])
    world.settle()
    ticket = world.jira.alive[-1]
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    assert incident.state == "closed"
    quiet(world)
    world.clock.sleep(60)
    world.act(ticket, IN_PROGRESS, resolution="")
    world.settle()
    assert incident.state == "open"
    assert len(world.jira.alive) == 1
    quiet(world)


def test_what_is_said_while_an_incident_is_closed_is_told_to_it(talking: BothWays) -> None:
    incident = talking.sandbox.open_incident([])
    talking.settle()
    ticket = talking.jira.alive[-1]
    talking.act(ticket, DONE, resolution="Done")
    talking.clock.sleep(1)
    talking.say(ticket, "a false alarm")
    talking.settle()
    talking.say(ticket, "after it was over")
    talking.settle()
    assert incident.state == "closed"
    assert [one.message.split("\n\n")[1] for one in incident.remarks] == ["a false alarm"]
    quiet(talking)


def test_a_ticket_is_announced_once(sqlite_store: Store, tmp_path: Path) -> None:
    with both_ways(sqlite_store, tmp_path / "rules", "announce = true") as world:
        issue, ticket = world.opened()
        address = world.jira.browse_url(ticket.ref.key)
        assert world.remarks(issue) == [f"Jira ticket {ticket.ref.key}:\n\n{address}"]
        quiet(world)
        assert len(world.remarks(issue)) == 1


def test_an_issue_is_acknowledged_when_its_ticket_is_made(
    sqlite_store: Store, tmp_path: Path
) -> None:
    with both_ways(sqlite_store, tmp_path / "rules", 'acknowledge = "made"') as world:
        issue, ticket = world.opened()
        assert (issue.status, ticket.status, ticket.talk) == ("investigating", TO_DO, {})
        quiet(world)


def test_an_issue_that_somebody_marked_meanwhile_is_not_acknowledged(
    sqlite_store: Store, tmp_path: Path
) -> None:
    with both_ways(sqlite_store, tmp_path / "rules", 'acknowledge = "made"') as world:
        issue = world.sandbox.open_issue()
        world.send()
        world.sandbox.mark(issue.id, "expected")
        world.settle()
        assert issue.status == "expected"
        assert world.jira.alive[-1].status == DONE
        quiet(world)


# Faults of upstream.


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 0, "after": True},
        {"status": 0},
        {"status": 503, "after": True},
        {"status": 503},
        {"status": 429, "retry_after": 7.0},
    ],
    ids=["reply lost", "connection lost", "failed after the work", "failed", "rate limit"],
)
def test_each_act_is_told_once_whatever_happens_to_its_call(
    talking: BothWays, fault: dict[str, float | bool]
) -> None:
    issue, ticket = talking.opened()
    for path in ("mark-fixed", "comment"):
        talking.upstream.rest.faults.add(path=path, count=2, **fault)
    talking.say(ticket, "the loader was down")
    talking.act(ticket, DONE, resolution="Done")
    talking.settle(within=3600)
    assert issue.status == "fixed"
    assert len(talking.remarks(issue)) == 1
    assert [event["type"] for event in talking.sandbox.events].count("issue_status_updated") == 1
    quiet(talking)
    assert len(talking.remarks(issue)) == 1


def test_after_a_lost_reply_a_later_act_of_a_person_upstream_stands(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.upstream.rest.faults.add(path="mark-fixed", count=1, status=0, after=True)
    world.act(ticket, DONE, resolution="Done")
    world.clock.sleep(16)
    world.step()
    world.clock.sleep(1)
    world.sandbox.mark(issue.id, "investigating")
    world.settle(within=3600)
    assert (issue.status, ticket.status) == ("investigating", IN_PROGRESS)
    quiet(world)


def test_a_mark_without_a_reply_whose_delivery_is_late_is_not_taken_for_undone(
    world: BothWays,
) -> None:
    issue, ticket = world.opened()
    world.sandbox.mark(issue.id, "expected")
    world.send()
    world.clock.sleep(30)
    world.act(ticket, IN_PROGRESS)
    world.upstream.rest.faults.add(path="mark-", count=1, status=503, after=True)
    World.settle(world)
    assert (ticket.status, issue.status) == (IN_PROGRESS, "investigating")
    quiet(world)
    assert (ticket.status, issue.status) == (IN_PROGRESS, "investigating")


def test_what_both_sides_say_alike_is_agreed_so_that_a_later_mark_counts(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, IN_PROGRESS)
    world.settle()
    world.clock.sleep(30)
    world.sandbox.mark(issue.id, "fixed")
    world.clock.sleep(30)
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    world.clock.sleep(60)
    world.sandbox.mark(issue.id, "investigating")
    world.settle()
    assert (ticket.status, issue.status) == (IN_PROGRESS, "investigating")
    quiet(world)


def test_after_a_lost_reply_somebody_who_sets_the_mark_from_before_again_stands(
    world: BothWays,
) -> None:
    issue, ticket = world.opened()
    world.sandbox.mark(issue.id, "investigating")
    world.settle()
    world.clock.sleep(60)
    world.upstream.rest.faults.add(path="mark-fixed", count=1, status=0, after=True)
    world.act(ticket, DONE, resolution="Done")
    world.clock.sleep(16)
    world.step()
    world.clock.sleep(10)
    world.sandbox.mark(issue.id, "investigating")
    world.settle(within=3600)
    assert (issue.status, ticket.status) == ("investigating", IN_PROGRESS)
    told = [e for e in world.sandbox.events if e.get("issue", {}).get("status") == "fixed"]
    assert len(told) == 1
    quiet(world)


def test_a_scope_that_is_missing_turns_off_that_ability_alone(talking: BothWays) -> None:
    issue, ticket = talking.opened()
    talking.upstream.rest.faults.add(path="comment", status=403)
    talking.say(ticket, "why")
    talking.act(ticket, DONE, resolution="Done")
    talking.settle()
    assert (issue.status, issue.remarks) == ("fixed", [])
    assert "not told: comment on issue" in "\n".join(talking.journal())
    quiet(talking)


def test_an_issue_that_is_gone_upstream_is_not_told_for_ever(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.sandbox.forget(issue.id)
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    assert ticket.status == DONE
    assert "not told: mark issue" in "\n".join(world.journal())
    quiet(world)


def test_sides_that_turn_each_other_round_are_held(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, IN_PROGRESS)
    world.settle()
    for _ in range(6):
        world.clock.sleep(20)
        world.act(ticket, DONE, resolution="Done")
        world.settle()
        world.clock.sleep(20)
        world.sandbox.mark(issue.id, "investigating")
        world.settle()
    assert "held: Jira and upstream turned each other" in "\n".join(world.journal())
    acts = len(ticket.acts)
    world.clock.sleep(20)
    world.act(ticket, TO_DO)
    world.settle()
    assert len(ticket.acts) == acts + 1
    assert issue.status == "investigating"
