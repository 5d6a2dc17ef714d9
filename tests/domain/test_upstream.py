"""What is told upstream, as a table of cases: who acted, on which side, and who was later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sync.domain.actions import CommentUpstream, CopyComment, MarkUpstream
from sync.domain.agreement import Agreement
from sync.domain.history import Act, History, Part, Person, TicketComment
from sync.domain.rule import (
    Acknowledge,
    Category,
    Side,
    Sign,
    StatusTarget,
    SubjectState,
    UpstreamWish,
)
from sync.domain.subject import Kind, Status, SubjectRef
from sync.domain.subject_comments import UpstreamComment
from sync.domain.ticket import JiraStatus
from sync.domain.upstream import Telling, carried_out, tell, unsettled
from sync.domain.upstream_comments import marker_of
from sync.domain.upstream_view import View
from tests.domain.build import DONE, PROGRESS, REVIEW, TO_DO, observed

NOW = 1_000_000.0
ANNA = Person("anna", "Anna", "anna@example.com")
ROBOT = Person("robot", "Automation for Jira")
ADDRESS = "https://jira.example.com/browse/DATA-1"
ISSUE = SubjectRef("coalesce", Kind.ISSUE, "1")
OTHER = SubjectRef("coalesce", Kind.ISSUE, "2")
INCIDENT = SubjectRef("coalesce", Kind.INCIDENT, "7")

TO_DONE = StatusTarget(status="Done")
WISH = UpstreamWish(
    since="v1",
    issue={
        Status.OPEN: (Sign(status="To Do"),),
        Status.INVESTIGATING: (Sign(status="In Progress"), Sign(status="In Review")),
        Status.FIXED: (Sign(status="Done"),),
        Status.NO_ACTION_NEEDED: (Sign(resolution="Won't Do"),),
    },
    incident={
        Status.OPEN: (Sign(category=Category.NEW), Sign(category=Category.INDETERMINATE)),
        Status.CLOSED: (Sign(status="Done"),),
        Status.CANCELLED: (Sign(resolution="Won't Do"),),
    },
    targets={
        Status.INVESTIGATING: StatusTarget(status="In Progress"),
        Status.FIXED: TO_DONE,
        Status.EXPECTED: TO_DONE,
        Status.NO_ACTION_NEEDED: TO_DONE,
        Status.CLOSED: TO_DONE,
    },
)


def state(
    status: Status = Status.OPEN, ref: SubjectRef = ISSUE, *, at: float = NOW - 10_000, **more: Any
) -> SubjectState:
    return SubjectState(ref, status, at, **more)


def agreed(
    place: JiraStatus = TO_DO, resolution: str = "", *subjects: SubjectState, **more: Any
) -> Agreement:
    """Both sides as they stand before the act of a test."""
    marks = {str(one.ref): one.status.value for one in subjects or (state(),)}
    return Agreement("v1", place.id, resolution, marks, acknowledged=True, **more)


def moved(to: JiraStatus, at: float = NOW - 60, who: Person = ANNA, before: str = "1") -> Act:
    return Act(Part.STATUS, at, who, before, to.id)


def view(
    place: JiraStatus,
    *acts: Act,
    subjects: tuple[SubjectState, ...] = (state(),),
    resolution: str = "",
    comments: tuple[TicketComment, ...] = (),
    wish: UpstreamWish = WISH,
    now: float = NOW,
    **more: Any,
) -> View:
    history = History(acts, comments, now, ADDRESS)
    shown = replace(observed(status=place, resolution=resolution), history=history)
    return View(wish, subjects, shown, **more)


def told(telling: Telling) -> list[str]:
    return [str(action) for action in telling.actions]


# Jira alone has news.


def test_a_ticket_that_a_person_closed_marks_the_issue_as_fixed() -> None:
    telling = tell(view(DONE, moved(DONE)), agreed())
    assert telling.actions == (MarkUpstream(ISSUE, Status.FIXED, ANNA, NOW - 60),)
    assert telling.stays
    assert told(telling) == ["mark issue 1 upstream as fixed for Anna"]


def test_what_was_told_is_not_told_again() -> None:
    telling = tell(view(DONE, moved(DONE)), agreed())
    again = tell(view(DONE, moved(DONE)), telling.after)
    assert (again.actions, again.after) == ((), telling.after)


@pytest.mark.parametrize("fresh", [False, True], ids=["not yet heard of", "come back"])
def test_our_own_mark_moves_nothing_and_says_nothing(*, fresh: bool) -> None:
    after = tell(view(DONE, moved(DONE)), agreed()).after
    subject = state(Status.FIXED, at=NOW + 1) if fresh else state()
    echo = tell(view(DONE, moved(DONE), subjects=(subject,)), after)
    assert echo.stays
    assert not echo.actions


def test_several_statuses_of_one_meaning_are_told_once() -> None:
    known = agreed(PROGRESS, "", state(Status.INVESTIGATING))
    telling = tell(view(REVIEW, moved(REVIEW), subjects=(state(Status.INVESTIGATING),)), known)
    assert not telling.actions
    assert telling.stays


def test_a_status_that_stands_for_nothing_is_not_told() -> None:
    blocked = JiraStatus("9", "Blocked", Category.INDETERMINATE)
    telling = tell(view(blocked, moved(blocked)), agreed())
    assert not telling.actions
    assert telling.after.status == "9"


def test_an_act_is_told_once_the_ticket_has_been_still_for_a_while() -> None:
    early = tell(view(PROGRESS, moved(PROGRESS, NOW - 3)), agreed())
    assert (early.actions, early.waits, early.again_at) == ((), True, NOW + 12)
    acts = moved(PROGRESS, NOW - 3), moved(DONE, NOW - 1, before="2")
    middle = tell(view(DONE, *acts), early.before)
    assert (middle.actions, middle.again_at) == ((), NOW + 14)
    late = tell(view(DONE, *acts, now=NOW + 14), middle.before)
    assert told(late) == ["mark issue 1 upstream as fixed for Anna"]


def test_a_clock_of_jira_that_is_ahead_neither_delays_an_act_nor_dates_it_into_the_future() -> None:
    ahead = moved(DONE, NOW + 90)
    seen = tell(view(DONE, ahead), agreed()).before
    (mark,) = tell(view(DONE, ahead, now=NOW + 15), seen).actions
    assert isinstance(mark, MarkUpstream)
    assert mark.at == NOW


def test_a_resolution_that_is_edited_later_changes_our_own_mark() -> None:
    first = tell(view(DONE, moved(DONE), resolution="Done"), agreed())
    edit = Act(Part.RESOLUTION, NOW - 20, ANNA, "Done", "Won't Do")
    fixed = state(Status.FIXED)
    telling = tell(
        view(DONE, moved(DONE), edit, resolution="Won't Do", subjects=(fixed,)), first.after
    )
    assert told(telling) == ["mark issue 1 upstream as no action needed for Anna"]


def test_a_resolution_that_a_workflow_keeps_on_an_open_ticket_stands_for_nothing() -> None:
    known = agreed(DONE, "Won't Do", state(Status.NO_ACTION_NEEDED)).marked(
        str(ISSUE), Status.NO_ACTION_NEEDED, NOW - 500
    )
    subject = state(Status.NO_ACTION_NEEDED)
    acts = (moved(TO_DO, before="3"),)
    telling = tell(view(TO_DO, *acts, resolution="Won't Do", subjects=(subject,)), known)
    assert told(telling) == ["take the mark off issue 1 upstream for Anna"]


def test_a_place_that_fits_several_marks_overwrites_none_that_was_set_upstream() -> None:
    subject = state(Status.EXPECTED)
    telling = tell(view(DONE, moved(DONE), subjects=(subject,)), agreed(TO_DO, "", subject))
    assert not telling.actions
    assert telling.reasons == ("the ticket's place also fits expected, which was set upstream",)


def test_a_mark_that_somebody_set_upstream_is_not_taken_off() -> None:
    subject = state(Status.INVESTIGATING)
    known = agreed(PROGRESS, "", subject)
    assert not tell(view(TO_DO, moved(TO_DO, before="2"), subjects=(subject,)), known).actions


def test_what_an_ignored_account_does_is_not_told() -> None:
    wish = replace(WISH, ignore=("automation for jira",))
    telling = tell(view(DONE, moved(DONE, who=ROBOT), wish=wish), agreed())
    assert not telling.actions
    assert telling.after.status == DONE.id


def test_a_move_of_ours_is_nobodys_act() -> None:
    telling = tell(view(DONE, moved(DONE, who=ANNA), moved=True), agreed())
    assert not telling.actions


def test_after_the_close_of_its_subject_nothing_is_told() -> None:
    closed = state(Status.CLOSED)
    edit = Act(Part.RESOLUTION, NOW - 60, ANNA, "Done", "Won't Do")
    telling = tell(
        view(DONE, edit, resolution="Won't Do", subjects=(closed,)), agreed(DONE, "Done", closed)
    )
    assert not telling.actions
    assert telling.reasons == ("the subject is over: nothing is told of it",)


def test_in_another_workflow_the_category_of_a_status_is_told() -> None:
    shipped = JiraStatus("77", "Shipped", Category.DONE)
    telling = tell(view(shipped, moved(shipped), foreign=True), agreed())
    assert told(telling) == ["mark issue 1 upstream as fixed for Anna"]


# Turning on.


@pytest.mark.parametrize("known", [None, Agreement("v0", "1")], ids=["on", "on again"])
def test_when_telling_begins_both_sides_count_as_agreed(known: Agreement | None) -> None:
    said = TicketComment("10", ANNA, NOW - 500, NOW - 500, "before")
    subject = state(comments=(UpstreamComment("c1", "before", "Ben", NOW - 500),))
    wish = replace(WISH, comments="all", copies=True, announce=True, acknowledge=Acknowledge.MADE)
    shown = view(DONE, moved(DONE), subjects=(subject,), comments=(said,), wish=wish)
    telling = tell(shown, known)
    assert (telling.actions, telling.stays) == ((), True)
    assert tell(shown, telling.after).actions == ()
    assert unsettled(wish, telling.after, (subject,)) == ""


def test_the_next_act_after_telling_has_begun_is_told() -> None:
    begun = tell(view(DONE, moved(DONE)), None).after
    acts = moved(DONE), moved(PROGRESS, NOW - 30, before="3")
    assert told(tell(view(PROGRESS, *acts), begun)) == [
        "mark issue 1 upstream as investigating for Anna"
    ]


# Both sides have news.


def conflict(jira: float, upstream: float | None, known_by: float, **wish: Any) -> Telling:
    subject = state(Status.INVESTIGATING, at=known_by, marked_at=upstream)
    shown = view(DONE, moved(DONE, jira), subjects=(subject,), wish=replace(WISH, **wish))
    return tell(shown, agreed())


def test_the_later_act_wins() -> None:
    later = conflict(jira=NOW - 60, upstream=NOW - 90, known_by=NOW - 90)
    assert told(later) == ["mark issue 1 upstream as fixed for Anna"]
    earlier = conflict(jira=NOW - 90, upstream=NOW - 60, known_by=NOW - 60)
    assert (earlier.actions, earlier.follows, earlier.stays) == ((), True, False)


@pytest.mark.parametrize("jira", [NOW - 58, NOW - 60, NOW - 62])
def test_acts_closer_than_the_tie_go_to_upstream(jira: float) -> None:
    assert conflict(jira, upstream=NOW - 60, known_by=NOW - 60).follows


def test_a_mark_of_unknown_time_may_be_as_late_as_anything_known_of_the_issue() -> None:
    assert conflict(NOW - 60, upstream=None, known_by=NOW - 40).follows
    assert told(conflict(NOW - 20, upstream=None, known_by=NOW - 40))


def test_a_rule_may_name_the_side_that_wins() -> None:
    assert conflict(NOW - 20, NOW - 400, NOW - 400, wins=Side.UPSTREAM).follows
    assert told(conflict(NOW - 400, NOW - 20, NOW - 20, wins=Side.JIRA))


def test_a_mark_upstream_where_the_ticket_stands_for_it_already_moves_nothing() -> None:
    subject = state(Status.INVESTIGATING)
    telling = tell(view(REVIEW, subjects=(subject,)), agreed(REVIEW))
    assert (telling.actions, telling.stays) == ((), True)


def test_sides_that_turn_each_other_six_times_in_ten_minutes_are_held() -> None:
    known = agreed(PROGRESS, "", state(Status.INVESTIGATING))
    opened, ended = state(Status.INVESTIGATING), []
    for turn in range(3):
        now = NOW + 120 * turn
        closed = moved(DONE, now - 20, ROBOT, before="2")
        fixed = tell(view(DONE, closed, subjects=(opened,), now=now), known)
        opened = state(Status.INVESTIGATING, at=now + 60)
        telling = tell(view(DONE, closed, subjects=(opened,), now=now + 61), fixed.after)
        known = replace(telling.after, status=PROGRESS.id)
        ended += [fixed.before.held, telling.before.held]
    assert ended == [False, False, False, False, False, True]
    assert telling.before.held
    assert telling.waits
    assert telling.reasons == ("held: Jira and upstream turned each other 6 times in ten minutes",)


# Groups and incidents.


def test_each_issue_of_a_group_is_marked_and_the_rest_is_told_after_a_fault() -> None:
    subjects = state(), state(ref=OTHER)
    known = agreed(TO_DO, "", *subjects)
    telling = tell(view(DONE, moved(DONE), subjects=subjects), known)
    assert len(telling.actions) == 2
    half = carried_out(telling.before, telling.actions[0], NOW)
    rest = tell(view(DONE, moved(DONE), subjects=subjects), half)
    assert rest.actions == telling.actions[1:]
    assert rest.stays


def test_an_issue_that_joins_later_is_not_marked_by_an_old_act() -> None:
    late = state(ref=OTHER, joined_at=NOW - 10)
    telling = tell(view(DONE, moved(DONE), subjects=(state(), late)), agreed())
    assert [action.ref for action in telling.actions] == [ISSUE]


def test_reopening_clears_only_what_this_ticket_had_marked() -> None:
    subjects = state(Status.FIXED), state(Status.FIXED, OTHER)
    known = agreed(DONE, "", *subjects).marked(str(ISSUE), Status.FIXED, NOW - 900)
    telling = tell(view(TO_DO, moved(TO_DO, before="3"), subjects=subjects), known)
    assert told(telling) == ["take the mark off issue 1 upstream for Anna"]


@pytest.mark.parametrize(
    ("resolution", "words"), [("", "close incident 7"), ("Won't Do", "cancel incident 7")]
)
def test_the_ticket_of_an_incident_ends_it(resolution: str, words: str) -> None:
    incident = state(ref=INCIDENT)
    shown = view(DONE, moved(DONE), resolution=resolution, subjects=(incident,))
    assert told(tell(shown, agreed(TO_DO, "", incident))) == [f"{words} upstream for Anna"]


def test_an_incident_whose_ticket_a_person_reopens_is_opened_again() -> None:
    closed = state(Status.CLOSED, INCIDENT)
    telling = tell(
        view(PROGRESS, moved(PROGRESS, before="3"), subjects=(closed,)), agreed(DONE, "", closed)
    )
    assert told(telling) == ["open incident 7 upstream for Anna"]


def test_a_close_upstream_beside_an_act_in_jira_closes_the_ticket_all_the_same() -> None:
    closed = state(Status.CLOSED, at=NOW - 30)
    telling = tell(view(PROGRESS, moved(PROGRESS), subjects=(closed,)), agreed())
    assert not telling.actions
    assert not telling.stays


# Acknowledging.

MADE = replace(WISH, acknowledge=Acknowledge.MADE)
ASSIGNED = replace(WISH, acknowledge=Acknowledge.ASSIGNED)


def test_an_issue_without_a_mark_is_acknowledged_when_its_ticket_is_made() -> None:
    new = Agreement("v1")
    assert unsettled(MADE, new, (state(),))
    (mark,) = tell(view(TO_DO, wish=MADE), new).actions
    assert mark == MarkUpstream(ISSUE, Status.INVESTIGATING, only_unmarked=True)
    assert not tell(view(TO_DO, wish=MADE, subjects=(state(Status.EXPECTED),)), new).actions


def assigned(before: str, after: str, who: Person = ANNA) -> Act:
    return Act(Part.ASSIGNEE, NOW - 60, who, before, after)


@pytest.mark.parametrize(
    ("acts", "ours", "tells"),
    [
        ((assigned("", "anna"),), "", True),
        ((), "", False),
        ((assigned("", "oncall"),), "oncall", False),
        ((assigned("oncall", "anna"),), "", False),
        ((assigned("oncall", ""),), "", False),
        ((assigned("oncall", ""), assigned("", "anna")), "", False),
    ],
    ids=["by a person", "default", "by our field", "reassigned", "taken off", "off and on"],
)
def test_only_a_persons_first_assignment_acknowledges(
    acts: tuple[Act, ...], ours: str, *, tells: bool
) -> None:
    known = replace(agreed(), acknowledged=False)
    telling = tell(view(TO_DO, *acts, wish=ASSIGNED, assigned=ours), known)
    assert bool(telling.actions) is tells
    assert tell(view(TO_DO, *acts, wish=ASSIGNED), telling.after).actions == () or not tells


def test_an_assignment_from_before_somebody_took_the_mark_off_does_not_acknowledge() -> None:
    known = replace(agreed(), acknowledged=False)
    act = Act(Part.ASSIGNEE, NOW - 60, ANNA, "", "anna")
    cleared = replace(state(), marked_at=NOW - 30)
    telling = tell(view(TO_DO, act, subjects=(cleared,), wish=ASSIGNED), known)
    assert (telling.actions, telling.after.acknowledged) == ((), True)
    still = replace(state(), marked_at=NOW - 90)
    assert tell(view(TO_DO, act, subjects=(still,), wish=ASSIGNED), known).actions


# Comments.

ALL = replace(WISH, comments="all")


def comment(id_: str = "10", text: str = "+1", at: float = NOW - 60, **more: Any) -> TicketComment:
    url = f"{ADDRESS}?focusedCommentId={id_}"
    return TicketComment(id_, ANNA, at, at, text, url=url, **more)


def test_a_comment_is_told_once_and_ends_with_its_address() -> None:
    shown = view(TO_DO, comments=(comment(), comment("11")), wish=ALL)
    telling = tell(shown, agreed())
    texts = [action.text for action in telling.actions if isinstance(action, CommentUpstream)]
    assert texts == [
        f"Anna in Jira:\n\n+1\n\n{ADDRESS}?focusedCommentId=10",
        f"Anna in Jira:\n\n+1\n\n{ADDRESS}?focusedCommentId=11",
    ]
    assert not tell(shown, telling.after).actions


def test_of_two_comments_of_which_one_was_told_only_the_other_is_left() -> None:
    shown = view(TO_DO, comments=(comment(), comment("11")), wish=ALL)
    telling = tell(shown, agreed())
    half = carried_out(telling.before, telling.actions[0], NOW)
    assert tell(shown, half).actions == telling.actions[1:]


def test_an_edit_before_a_comment_is_told_counts_and_a_later_one_is_told_once_more() -> None:
    early = tell(view(TO_DO, comments=(comment(at=NOW - 5),), wish=ALL), agreed())
    assert (early.actions, early.again_at) == ((), NOW + 10)
    edited = replace(comment(text="last", at=NOW - 60), updated=NOW - 30)
    first = tell(view(TO_DO, comments=(edited,), wish=ALL), agreed())
    assert "last" in first.actions[0].text  # type: ignore[union-attr]
    later = replace(edited, text="other", updated=NOW - 20)
    again = tell(view(TO_DO, comments=(later,), wish=ALL), first.after)
    (follow_up,) = again.actions
    assert isinstance(follow_up, CommentUpstream)
    assert follow_up.text.startswith("Anna edited a comment in Jira:\n\nother")
    assert not tell(view(TO_DO, comments=(later,), wish=ALL), again.after).actions


@pytest.mark.parametrize(
    "hidden",
    [comment(restricted=True), comment(marker="ours"), replace(comment(), who=ROBOT)],
    ids=["restricted", "made by us", "of an ignored account"],
)
def test_comments_that_are_not_for_everybody_are_not_told(hidden: TicketComment) -> None:
    wish = replace(ALL, ignore=("robot",))
    assert not tell(view(TO_DO, comments=(hidden,), wish=wish), agreed()).actions


def test_an_edit_of_a_comment_that_was_restricted_later_is_not_told() -> None:
    first = tell(view(TO_DO, comments=(comment(),), wish=ALL), agreed()).after
    hidden = replace(comment(restricted=True), updated=NOW - 20)
    assert not tell(view(TO_DO, comments=(hidden,), wish=ALL), first).actions


def test_only_comments_with_the_word_are_told_if_the_rule_names_one() -> None:
    wish = replace(WISH, comments="@upstream")
    comments = comment(text="for us"), comment("11", "for them @Upstream")
    telling = tell(view(TO_DO, comments=comments, wish=wish), agreed())
    assert [one.told for one in telling.actions if isinstance(one, CommentUpstream)] == [
        ("11", NOW - 60)
    ]


@pytest.mark.parametrize("comments", ["none", "all"])
def test_the_reason_of_who_declined_is_told_once(comments: str) -> None:
    fortnight = comment("9", "old", NOW - 14 * 86400)
    others = replace(comment("12", "hm", NOW - 70), who=ROBOT)
    reason = comment("13", "Nobody reads that table.", NOW - 61)
    wish = replace(WISH, comments=comments)
    shown = view(
        DONE, moved(DONE), resolution="Won't Do", comments=(fortnight, others, reason), wish=wish
    )
    telling = tell(shown, replace(agreed(), floor=12))
    assert told(telling) == [
        "mark issue 1 upstream as no action needed for Anna",
        "comment on issue 1 upstream: Anna in Jira: Nobody reads that table.…",
    ]
    assert not tell(shown, telling.after).actions


def test_a_comment_on_a_ticket_whose_subject_is_over_is_never_told() -> None:
    closed = state(Status.CLOSED)
    known = agreed(DONE, "", closed)
    over = tell(view(DONE, subjects=(closed,), comments=(comment(),), wish=ALL), known)
    assert not over.actions
    open_again = replace(state(), at=NOW)
    back = view(DONE, subjects=(open_again,), comments=(comment(),), wish=ALL)
    assert not tell(back, over.after).actions


def test_a_comment_after_a_subject_came_back_is_told_although_we_heard_of_that_later() -> None:
    closed = state(Status.CLOSED)
    known = agreed(DONE, "", closed)
    said = comment()
    over = tell(view(DONE, subjects=(closed,), comments=(said,), wish=ALL), known)
    assert not over.actions
    open_again = replace(state(), at=NOW, marked_at=said.created - 30)
    back = tell(view(DONE, subjects=(open_again,), comments=(said,), wish=ALL), over.after)
    assert [action.told for action in back.actions] == [(said.id, said.updated)]


def test_upstreams_comments_are_copied_once_each_and_copies_are_not_copied_back() -> None:
    wish = replace(WISH, copies=True)
    there = tuple(
        UpstreamComment(id_, text, "Ben @here [x]", NOW - 100 + number)
        for number, (id_, text) in enumerate(
            [
                ("c1", "Looking."),
                ("c2", f"Anna in Jira:\n\n+1\n\n{ADDRESS}?focusedCommentId=10"),
                ("c3", f"Jira ticket DATA-1:\n\n{ADDRESS}"),
                ("c4", "Made by another daemon."),
                ("c6", f"As Anna wrote: {ADDRESS}?focusedCommentId=10"),
                ("c5", "Jira ticket OLD-7:\n\nhttps://jira.example.com/browse/OLD-7"),
            ]
        )
    )
    known_copy = TicketComment("20", ANNA, NOW - 50, NOW - 50, "copy", marker=marker_of("c4"))
    shown = view(TO_DO, subjects=(state(comments=there),), comments=(known_copy,), wish=wish)
    telling = tell(shown, agreed())
    copies = [one for one in telling.actions if isinstance(one, CopyComment)]
    assert len(copies) == len(telling.actions)
    assert [one.id for one in copies] == ["c1", "c6"]
    assert copies[0].comment.text == "**Ben @here x** upstream:\n\nLooking."
    assert not tell(shown, telling.after).actions


def test_a_ticket_is_announced_once_also_after_it_was_moved() -> None:
    wish = replace(WISH, announce=True)
    telling = tell(view(TO_DO, wish=wish), agreed())
    (action,) = telling.actions
    assert isinstance(action, CommentUpstream)
    assert action.text == f"Jira ticket DATA-1:\n\n{ADDRESS}"
    shown = view(TO_DO, wish=wish)
    history = replace(shown.history, address=ADDRESS.replace("DATA-1", "CORE-9"))
    elsewhere = replace(shown, observed=replace(shown.observed, history=history))
    assert not tell(elsewhere, telling.after).actions


def test_an_agreement_is_read_back_as_it_was_written() -> None:
    known = replace(
        agreed(DONE, "Done").marked(str(ISSUE), Status.FIXED, NOW),
        seen=("3", "Done", NOW - 2, NOW),
        heard={"10": NOW},
        reason=("anna", NOW - 1, NOW + 1),
        copied=("c1",),
        turns=((NOW, Side.JIRA),),
        done=("x",),
    )
    assert Agreement.from_json(known.to_json()) == known
