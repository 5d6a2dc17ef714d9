"""Whose act was later, where times are not known, clocks differ, or the history is cut."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.domain.agreement import Agreement
from sync.domain.history import Act, History, Part
from sync.domain.rule import Acknowledge, Side, SubjectState
from sync.domain.subject import Status
from sync.domain.upstream import Telling, View, tell
from tests.domain.build import DONE, TO_DO
from tests.domain.test_upstream import ADDRESS, ANNA, NOW, WISH, agreed, moved, state, view

TIE = WISH.tie


def cut(shown: View) -> View:
    """The view of a ticket of whose history Jira shows only what is in it."""
    history = replace(shown.history, complete=False)
    return replace(shown, observed=replace(shown.observed, history=history))


def after_our_mark(subject: SubjectState) -> SubjectState:
    """The subject as it counts after we told, at NOW, that it is fixed."""
    ours = {str(subject.ref): (NOW, Status.OPEN.value)}
    marks = {str(subject.ref): Status.FIXED.value}
    return Agreement("v1", DONE.id, marks=marks, ours=ours).now(subject, TIE)


def test_what_was_known_before_our_mark_is_not_taken_for_a_later_act() -> None:
    assert after_our_mark(state(at=NOW - 60)).status is Status.FIXED
    assert after_our_mark(state(at=NOW + TIE)).status is Status.FIXED


def test_a_status_that_is_seen_again_long_after_our_mark_was_set_at_an_unknown_time() -> None:
    back = after_our_mark(state(at=NOW + 60, marked_at=NOW - 500))
    assert (back.status, back.marked_at) == (Status.OPEN, None)


def test_what_was_set_before_a_mark_of_ours_that_came_back_has_no_known_time_now() -> None:
    ours = {str(state().ref): (NOW, "")}
    known = Agreement("v1", DONE.id, marks={str(state().ref): "fixed"}, ours=ours)
    back = known.now(state(at=NOW + 60, marked_at=NOW - 500), TIE)
    assert (back.status, back.marked_at) == (Status.OPEN, None)


def test_an_event_right_after_our_mark_counts_although_clocks_may_differ() -> None:
    back = after_our_mark(state(at=NOW + 2, marked_at=NOW + 2))
    assert (back.status, back.marked_at) == (Status.OPEN, NOW + 2)


def told_against(subject: SubjectState, *acts: Act) -> Telling:
    """What is told of a ticket in Done whose history shows these acts alone, and whose oldest acts are
    cut off. The ticket was seen in Done a minute ago."""
    at = acts[-1].at if acts[-1].part is Part.STATUS else None
    known = replace(agreed(), seen=(DONE.id, "", at, NOW - 60))
    return tell(cut(view(DONE, *acts, subjects=(subject,))), known)


INVESTIGATED = state(Status.INVESTIGATING, at=NOW - 5_000, marked_at=NOW - 5_000)


def test_an_act_that_the_history_does_not_show_is_not_surely_later() -> None:
    assigned = Act(Part.ASSIGNEE, NOW - 60, ANNA, "", "anna")
    telling = told_against(INVESTIGATED, assigned)
    assert (telling.actions, telling.follows) == ((), True)


def test_an_act_that_a_cut_history_shows_has_its_time() -> None:
    telling = told_against(INVESTIGATED, moved(DONE))
    assert [str(action) for action in telling.actions] == [
        "mark issue 1 upstream as fixed for Anna"
    ]


def test_an_act_that_is_not_shown_is_told_where_upstream_has_no_news() -> None:
    shown = cut(view(DONE))
    waiting = tell(shown, agreed())
    assert (waiting.actions, waiting.again_at) == ((), NOW + WISH.settle)
    later = replace(shown.observed, history=History((), (), NOW + 20, ADDRESS, complete=False))
    [mark] = tell(replace(shown, observed=later), waiting.before).actions
    assert (mark.status, mark.at) == (Status.FIXED, NOW)  # type: ignore[union-attr]


def test_the_first_assignment_of_a_cut_history_may_not_have_been_the_first() -> None:
    wish = replace(WISH, acknowledge=Acknowledge.ASSIGNED)
    act = Act(Part.ASSIGNEE, NOW - 60, ANNA, "", "anna")
    known = replace(agreed(), acknowledged=False)
    whole = view(TO_DO, act, wish=wish)
    assert len(tell(whole, known).actions) == 1
    assert tell(cut(whole), known).actions == ()


@pytest.mark.parametrize("ahead", [-90.0, 90.0])
@pytest.mark.parametrize("wins", [None, Side.JIRA])
def test_whatever_jiras_clock_says_an_act_waits_for_settle_at_most_and_is_not_in_the_future(
    ahead: float, wins: Side | None
) -> None:
    wish = replace(WISH, wins=wins)
    act = moved(DONE, NOW - 1 + ahead)
    first = tell(view(DONE, act, wish=wish), agreed())
    if not first.actions:
        assert first.again_at is not None
        assert first.again_at <= NOW + wish.settle
        first = tell(view(DONE, act, wish=wish, now=first.again_at), first.before)
    [mark] = first.actions
    assert mark.at is not None  # type: ignore[union-attr]
    assert mark.at <= NOW + wish.settle  # type: ignore[union-attr]
