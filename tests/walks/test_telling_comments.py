"""Comments of either side are on the other once each, in their last words, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.domain.actions import Comment
from sync.domain.history import Person
from sync.sandbox.coalesce.subjects import Issue
from sync.sandbox.memory_ticket import DONE
from sync.store.engine import Store
from tests.walks.both_ways import BothWays, both_ways, quiet

ALL = 'comments = "all"\ncopy_comments = true'
BEN = {"name": "Ben", "email": {"user_email": "ben@example.com"}}


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules", ALL) as made:
        yield made


def told(world: BothWays, issue: Issue) -> list[str]:
    """What was told of each comment: its heading's last words, and its text."""
    return [" ".join(text.split("\n\n")[:-1]) for text in world.remarks(issue)]


def learn(world: BothWays, issue: Issue) -> None:
    """Have upstream asked for the comments on an issue, as a sweep does."""
    world.triage.learn(world.upstream.api.issues([issue.id]))
    world.look()
    world.settle()


@pytest.mark.parametrize("after", [True, False], ids=["reply lost", "call lost"])
def test_two_equal_comments_are_two_upstream_although_the_second_reply_is_lost(
    world: BothWays, after: bool
) -> None:
    issue, ticket = world.opened()
    world.say(ticket, "+1")
    world.pass_time(10)
    world.say(ticket, "+1")
    world.upstream.rest.faults.add(path="comment", skip=1, count=1, status=0, after=after)
    world.settle(within=3600)
    assert told(world, issue) == ["Anna in Jira: +1", "Anna in Jira: +1"]
    assert len({text.splitlines()[-1] for text in world.remarks(issue)}) == 2
    quiet(world)


def test_a_comment_that_is_edited_before_it_is_told_is_told_once_in_its_last_words(
    world: BothWays,
) -> None:
    issue, ticket = world.opened()
    id_ = world.say(ticket, "frist")
    for text in ("frist!", "first"):
        world.pass_time(8)
        ticket.reword(id_, text, world.clock.time(), public=True)
        world.look()
    world.settle()
    assert told(world, issue) == ["Anna in Jira: first"]
    quiet(world)


def test_an_edit_after_the_telling_is_told_once_more(world: BothWays) -> None:
    issue, ticket = world.opened()
    id_ = world.say(ticket, "first")
    world.settle()
    world.clock.sleep(60)
    ticket.reword(id_, "second", world.clock.time(), public=True)
    world.look()
    world.settle()
    assert told(world, issue) == ["Anna in Jira: first", "Anna edited a comment in Jira: second"]
    quiet(world)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_deleted_comment_is_not_told_and_takes_nothing_back(world: BothWays, after: bool) -> None:
    issue, ticket = world.opened()
    id_ = world.say(ticket, "oops")
    world.step()
    if after:
        world.settle()
    del ticket.talk[id_]
    world.look()
    world.settle()
    assert told(world, issue) == (["Anna in Jira: oops"] if after else [])
    quiet(world)


def test_a_comment_that_is_restricted_later_is_told_no_more(world: BothWays) -> None:
    issue, ticket = world.opened()
    id_ = world.say(ticket, "first")
    world.settle()
    world.clock.sleep(60)
    ticket.reword(id_, "the password is hunter2", world.clock.time(), public=False)
    world.look()
    world.settle()
    assert told(world, issue) == ["Anna in Jira: first"]
    quiet(world)


def test_copies_that_come_back_are_not_copied_again_although_they_hold_the_word(
    world: BothWays,
) -> None:
    world.edit('comments = { mention = "#up" }\ncopy_comments = true')
    issue, ticket = world.opened()
    world.say(ticket, "look #up")
    world.say(ticket, "not for you")
    world.sandbox.comment(issue.id, "seen #up", BEN)
    world.settle()
    learn(world, issue)
    assert world.remarks(issue)[0] == "seen #up"
    assert len(issue.remarks) == 2
    assert [text for _, text in ticket.comments.values()][-1] == "**Ben** upstream:\n\nseen #up"
    assert len(ticket.talk) == 3
    learn(world, issue)
    quiet(world)


def test_of_an_incident_and_its_issues_the_incident_is_told(world: BothWays) -> None:
    incident = world.sandbox.open_incident([])
    world.settle()
    ticket = world.jira.alive[-1]
    world.say(ticket, "on it")
    world.settle()
    assert world.remarks(incident)[0].startswith("Anna in Jira:\n\non it")
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    world.clock.sleep(60)
    world.say(ticket, "that was it")
    world.settle()
    assert len(incident.remarks) == 1
    quiet(world)


def test_comments_upstream_from_before_are_not_copied_when_they_come_to_light(
    world: BothWays,
) -> None:
    world.edit(None)
    issue, ticket = world.opened()
    world.sandbox.comment(issue.id, "before", BEN)
    world.clock.sleep(60)
    world.edit(ALL)
    world.settle()
    world.clock.sleep(60)
    learn(world, issue)
    assert ticket.talk == {}
    world.sandbox.comment(issue.id, "after", BEN)
    learn(world, issue)
    assert [text for _, text in ticket.comments.values()] == ["**Ben** upstream:\n\nafter"]
    quiet(world)


def test_the_reason_for_declining_may_follow_within_minutes(world: BothWays) -> None:
    world.edit("")
    issue, ticket = world.opened()
    world.say(ticket, "hm")
    world.clock.sleep(600)
    world.act(ticket, DONE, resolution="Won't Do")
    world.settle()
    assert issue.status == "no_action_needed"
    world.clock.sleep(120)
    world.say(ticket, "Nobody reads that table.")
    ticket.say(
        "950", Comment("Quite so.", "", public=True), world.clock.time(), Person("ben", "Ben")
    )
    world.settle()
    world.clock.sleep(600)
    world.say(ticket, "By the way.")
    world.settle()
    assert told(world, issue) == ["Anna in Jira: Nobody reads that table."]
    quiet(world)
