"""A ticket's history as the adapter reads it: in few calls, and as much of it as Jira shows."""

from __future__ import annotations

from typing import Any

import pytest

from sync.domain.history import History, Part, Person
from sync.domain.ticket import TicketRef
from sync.sandbox.jira.ready_site import ONCALL
from tests.adapters.jira.world import World

READ = "GET issue/{issue}"
COMMENTS = "GET issue/{issue}/comment"
CHANGELOG = "GET issue/{issue}/changelog"


def history(world: World, ref: TicketRef, since: float = 0.0) -> tuple[History, list[str]]:
    """The history of a ticket, and the calls that it took."""
    before = len(world.calls())
    found = world.tracker.read(ref.id, history_since=since).history
    assert found is not None
    return found, world.calls()[before:]


def statuses(found: History) -> list[str]:
    return [act.after for act in found.acts if act.part is Part.STATUS]


def moved(world: World, ref: TicketRef, times: int) -> None:
    """Let a person move a ticket to and fro, once a minute."""
    for number in range(times):
        world.clock.sleep(60)
        world.jira.person.transition(ref.key, ("In Progress", "To Do")[number % 2])


def test_a_ticket_without_comments_is_read_with_its_history_in_one_call(world: World) -> None:
    ref = world.make()
    world.tracker.read(ref.id)
    moved(world, ref, 3)
    found, calls = history(world, ref)
    assert calls == [READ]
    assert (len(statuses(found)), found.complete) == (3, True)


def test_an_act_bears_the_name_that_its_end_had_then(world: World) -> None:
    ref = world.make()
    world.jira.person.transition(ref.key, "Done", "Won't Do")
    world.jira.person.assign(ref.key, ONCALL.name)
    found, _ = history(world, ref)
    last = {act.part: act.called for act in found.acts}
    assert last == {
        Part.STATUS: "Done", Part.RESOLUTION: "Won't Do", Part.ASSIGNEE: "On-Call Engineer"
    }  # fmt: skip


def test_comments_take_one_further_call(world: World) -> None:
    ref = world.make()
    for number in range(120):
        world.jira.person.comment(ref.key, f"talk {number}")
    found, calls = history(world, ref)
    assert calls == [READ, COMMENTS]
    assert [one.text for one in found.comments] == [f"talk {number}" for number in range(120)]


def test_a_read_without_history_asks_for_nothing_more(world: World) -> None:
    ref = world.make()
    world.jira.person.comment(ref.key, "talk")
    before = len(world.exchanges)
    world.tracker.read(ref.id)
    (exchange,) = world.exchanges[before:]
    assert "comment" not in exchange.query["fields"].split(",")
    assert "changelog" not in exchange.query["expand"].split(",")


def test_acts_that_a_long_changelog_leaves_out_are_read_where_jira_shows_them(world: World) -> None:
    ref = world.make()
    moved(world, ref, 250)
    found, calls = history(world, ref)
    if world.cloud:
        assert (len(statuses(found)), found.complete) == (250, True)
        assert calls == [READ, CHANGELOG, CHANGELOG]
    else:
        assert (len(statuses(found)), found.complete) == (100, False)
        assert calls == [READ]
    assert [act.at for act in found.acts] == sorted(act.at for act in found.acts)


def test_a_long_changelog_takes_no_further_call_where_its_newest_part_reaches_back_far_enough(
    world: World,
) -> None:
    ref = world.make()
    moved(world, ref, 150)
    found, calls = history(world, ref, world.clock.time() - 59 * 60)
    assert (calls, len(statuses(found)), found.complete) == ([READ], 60, True)


def test_an_email_is_told_only_where_jira_shows_it(world: World) -> None:
    ref = world.make()
    world.jira.change_user(ONCALL.name, email_hidden=True)
    world.jira.person(ONCALL).comment(ref.key, "mine")
    (comment,) = history(world, ref)[0].comments
    assert comment.who == Person(
        ONCALL.account_id if world.cloud else ONCALL.name,
        ONCALL.display_name,
        "" if world.cloud else ONCALL.email,
    )


def test_what_nobody_known_did_is_by_an_empty_person(world: World) -> None:
    ref = world.make()
    moved(world, ref, 1)
    world.jira.person.comment(ref.key, "talk")
    issue = world.jira.site.issues[int(ref.id)]
    issue.history[0] = type(issue.history[0])(
        issue.history[0].id, "", issue.history[0].created, issue.history[0].items
    )
    issue.comments[0].author = ""
    found, _ = history(world, ref)
    assert [act.who for act in found.acts] == [Person()]
    assert [one.who for one in found.comments] == [Person()]


@pytest.mark.parametrize(
    "limits", [{"role": "Administrators"}, {"group": "data-team"}], ids=["role", "group"]
)
def test_a_comment_for_a_role_or_a_group_is_restricted(
    world: World, limits: dict[str, str]
) -> None:
    ref = world.make()
    world.jira.person.comment(ref.key, "for some", **limits)
    world.jira.person.comment(ref.key, "for all")
    assert [one.restricted for one in history(world, ref)[0].comments] == [True, False]


@pytest.mark.parametrize(
    "value, restricted",
    [({"internal": True}, True), ({"internal": False}, False), ("odd", True), ({}, False)],
)
def test_a_property_that_cannot_be_read_counts_as_restricting(
    world: World, value: Any, restricted: bool
) -> None:
    ref = world.make()
    world.jira.person.comment(ref.key, "talk")
    world.jira.site.issues[int(ref.id)].comments[0].properties["sd.public.comment"] = value
    assert [one.restricted for one in history(world, ref)[0].comments] == [restricted]


def test_a_comment_is_read_as_markdown_and_cut_with_its_address(world: World) -> None:
    ref = world.make()
    world.jira.person.comment(ref.key, "see *this* [~on.call]" if not world.cloud else "see this")
    world.jira.person.comment(ref.key, "word " * 6_000)
    short, long = history(world, ref)[0].comments
    assert short.text == ("see this" if world.cloud else "see **this** @\u200bon.call")
    assert len(long.text) <= 20_000
    assert long.text.endswith(f"… cut: the whole text is at <{long.url}>")
    assert long.url == f"https://jira.example.com/browse/{ref.key}?focusedCommentId={long.id}"
