"""The plan as a table of cases: status, comments, links, and when to look at all."""

from __future__ import annotations

from typing import Any

import pytest

from sync.domain.actions import Comment, Create, Find, Leave, LinkRemote, Look, Transition, Update
from sync.domain.intent import NO_INTENTS, Intent, IntentKind, Intents
from sync.domain.plan import comment_marker, plan, plan_unmade, remote_link_digest
from sync.domain.rule import Category, Policy, StatusTarget
from sync.domain.subject import Status
from sync.domain.ticket import Base, JiraStatus, ScreenField
from sync.domain.workflow import way_to
from tests.domain.build import (
    CLOSED,
    DONE,
    DONE_TARGET,
    LINK,
    OPEN,
    PROGRESS,
    REVIEW,
    TO_DO,
    WONT,
    base,
    draft,
    field,
    hop,
    observed,
)

TO_NEW = StatusTarget(category=Category.NEW)
TO_PROGRESS = StatusTarget(category=Category.INDETERMINATE, prefer=("In Progress",))
EVERYWHERE = (hop(TO_DO), hop(PROGRESS), hop(DONE))


def _move_to(status: JiraStatus) -> Intents:
    """An open move that ends its way in the status."""
    return Intents((Intent(IntentKind.MOVE, status.id, payload={"arrives": True}),))


def moves(result) -> list[str]:
    return [a.hop.to.name for a in result.actions if isinstance(a, Transition)]


def test_a_new_ticket_is_created() -> None:
    (action,) = plan_unmade(draft(field("Orders are late"))).actions
    assert isinstance(action, Create)
    assert str(action) == "create Bug in DATA: Orders are late"


def test_a_ticket_whose_create_call_was_not_answered_is_searched_first() -> None:
    (action,) = plan_unmade(draft(field("x")), unsure=True).actions
    assert isinstance(action, Find)


def test_a_subject_that_ended_first_still_gets_its_ticket() -> None:
    ended = draft(field("x"), status=Status.CLOSED)
    assert isinstance(plan_unmade(ended).actions[0], Create)


def test_a_subject_that_ended_first_gets_none_where_the_rule_says_so() -> None:
    ended = draft(field("x"), status=Status.CLOSED, policy=Policy(create_when_ended=False))
    assert isinstance(plan_unmade(ended).actions[0], Leave)


def test_an_unchanged_ticket_costs_nothing() -> None:
    unchanged = draft(field("a"), links=(LINK,))
    known = base({"summary": "a"}, remote_links={LINK.global_id: remote_link_digest(LINK)})
    assert not plan(unchanged, known, None)


def test_a_missing_link_back_needs_no_look() -> None:
    (action,) = plan(draft(field("a"), links=(LINK,)), base({"summary": "a"}), None).actions
    assert isinstance(action, LinkRemote)


def test_a_change_upstream_asks_for_a_look_with_its_reason() -> None:
    (action,) = plan(draft(field("b")), base({"summary": "a"}), None).actions
    assert isinstance(action, Look)
    assert action.reasons == ("Summary changed upstream",)


def test_changed_fields_are_updated_in_one_action() -> None:
    wished = draft(field("b"), field("High", id="priority"))
    known = base({"summary": "a", "priority": "Low"})
    result = plan(wished, known, observed({"summary": "a", "priority": "Low"}))
    (action,) = result.actions
    assert isinstance(action, Update)
    assert {change.id: change.after for change in action.changes} == {
        "summary": "b",
        "priority": "High",
    }


STATUS_CASES = {
    "closed upstream closes the ticket": (
        (Status.CLOSED, DONE_TARGET),
        (Status.OPEN, TO_DO, False),
        ["Done"],
    ),
    "investigating moves it on": (
        (Status.INVESTIGATING, TO_PROGRESS),
        (Status.OPEN, TO_DO, False),
        ["In Progress"],
    ),
    "already where it should be": ((Status.CLOSED, DONE_TARGET), (Status.OPEN, DONE, False), []),
    "a person's move stays while upstream stands still": (
        (Status.OPEN, TO_NEW),
        (Status.OPEN, REVIEW, False),
        [],
    ),
    "what we closed is reopened when it comes back": (
        (Status.OPEN, TO_NEW),
        (Status.CLOSED, DONE, True),
        ["To Do"],
    ),
    "what a person closed while it was open stays closed": (
        (Status.INVESTIGATING, TO_PROGRESS),
        (Status.OPEN, DONE, False),
        [],
    ),
    "what a person closed is reopened once it ended and came back": (
        (Status.OPEN, TO_NEW),
        (Status.CLOSED, DONE, False),
        ["To Do"],
    ),
    "a status the map leaves alone moves nothing": (
        (Status.EXPECTED, StatusTarget()),
        (Status.OPEN, TO_DO, False),
        [],
    ),
}


@pytest.mark.parametrize("case", STATUS_CASES.values(), ids=STATUS_CASES.keys())
def test_the_ticket_moves_as_the_status_moves(case: tuple) -> None:
    (status, to), (was, stands, by_us), expected = case
    known = base(status=was, closed_by_us=by_us, jira_status=DONE.id if by_us else "")
    result = plan(draft(status=status, to=to), known, observed(status=stands, hops=EVERYWHERE))
    assert moves(result) == expected
    assert result.parked is None


@pytest.mark.parametrize(
    "closed",
    [
        observed(status=WONT, hops=EVERYWHERE),
        observed(status=DONE, hops=EVERYWHERE, resolution="Won't Do"),
    ],
    ids=["by status", "by resolution"],
)
def test_a_close_as_wont_do_is_not_reopened_when_the_subject_comes_back(closed) -> None:
    known = base(status=Status.CLOSED)
    result = plan(draft(status=Status.OPEN, to=TO_NEW), known, closed)
    (action,) = result.actions
    assert isinstance(action, Leave)
    assert "Won't Do" in str(action)


def test_a_close_by_a_person_is_not_moved_to_the_closed_status_the_rule_names() -> None:
    wish = draft(status=Status.CLOSED, to=StatusTarget(status="Closed"))
    theirs = plan(wish, base(), observed(status=WONT, hops=(hop(CLOSED), hop(TO_DO))))
    ours = plan(
        wish,
        base(status=Status.FIXED, closed_by_us=True, jira_status=DONE.id),
        observed(status=DONE, hops=(hop(CLOSED), hop(TO_DO))),
    )
    assert [type(action) for action in theirs.actions] == [Leave]
    assert moves(ours) == ["Closed"]


def test_our_own_close_as_wont_do_is_reopened() -> None:
    known = base(status=Status.CANCELLED, closed_by_us=True, jira_status=WONT.id)
    back = plan(draft(status=Status.OPEN, to=TO_NEW), known, observed(status=WONT, hops=EVERYWHERE))
    assert moves(back) == ["To Do"]


@pytest.mark.parametrize(
    ("known", "moved"),
    [
        ({"jira_status": WONT.id, "closed_by_us": True, "resolution": "Won't Do"}, ["To Do"]),
        ({"walked": (OPEN.id,), "intents": _move_to(WONT)}, ["To Do"]),
        ({"jira_status": WONT.id, "closed_by_us": True, "resolution": "Done"}, []),
    ],
    ids=["ours", "ours, its reply lost", "a person's, over ours"],
)
def test_a_resolution_that_says_no_counts_unless_our_close_gave_it(
    known: dict[str, Any], moved: list[str]
) -> None:
    known = dict(known)
    intents = known.pop("intents", NO_INTENTS)
    result = plan(
        draft(status=Status.OPEN, to=TO_NEW),
        base(status=Status.CANCELLED, **known),
        observed(status=WONT, hops=EVERYWHERE, resolution="Won't Do"),
        intents=intents,
    )
    assert moves(result) == moved
    assert result.parked is None


def test_several_statuses_of_the_category_are_a_clear_park() -> None:
    result = plan(
        draft(status=Status.CLOSED, to=StatusTarget(category=Category.DONE)),
        base(),
        observed(hops=(hop(DONE), hop(WONT))),
    )
    assert result.parked is not None
    assert "'Done', \"Won't Do\"" in result.parked.reason
    assert result.parked.where == "10-stale.toml:3"
    assert "prefer" in result.parked.remedy


def test_the_rules_preference_chooses_among_several() -> None:
    to = StatusTarget(category=Category.DONE, prefer=("Resolved", "Clo*"))
    result = plan(
        draft(status=Status.CLOSED, to=to), base(), observed(hops=(hop(DONE), hop(CLOSED)))
    )
    assert moves(result) == ["Closed"]


def test_wont_do_alone_within_reach_is_not_taken_for_done() -> None:
    result = plan(
        draft(status=Status.CLOSED, to=DONE_TARGET),
        base(),
        observed(hops=(hop(WONT), hop(PROGRESS))),
    )
    assert moves(result) == ["In Progress"]


def test_a_hop_on_the_way_is_taken_when_the_target_is_not_within_reach() -> None:
    result = plan(
        draft(status=Status.CLOSED, to=DONE_TARGET), base(), observed(hops=(hop(PROGRESS),))
    )
    (step,) = [a for a in result.actions if isinstance(a, Transition)]
    assert step.hop.to == PROGRESS
    assert not step.arrives


def test_the_resolution_is_sent_only_where_the_screen_has_it() -> None:
    screen = {"resolution": ScreenField("resolution", "Resolution", True, False, ("Done", "Dupe"))}
    wish = draft(status=Status.CLOSED, to=DONE_TARGET)
    with_screen = plan(wish, base(), observed(hops=(hop(DONE, "Resolve", **screen),)))
    without = plan(wish, base(), observed(hops=(hop(DONE),)))
    assert with_screen.actions[0].fields == {"resolution": "Done"}
    assert without.actions[0].fields == {}


def test_a_screen_that_asks_for_what_the_rule_does_not_give_parks_by_name() -> None:
    screen = {"customfield_1": ScreenField("customfield_1", "Root cause", True)}
    result = plan(
        draft(status=Status.CLOSED, to=DONE_TARGET),
        base(),
        observed(hops=(hop(DONE, "Resolve", **screen),)),
    )
    assert result.parked is not None
    assert "'Root cause'" in result.parked.reason


def test_no_way_on_parks_with_what_jira_offers() -> None:
    result = plan(draft(status=Status.CLOSED, to=DONE_TARGET), base(), observed(hops=()))
    assert result.parked is not None
    assert "none at all" in result.parked.reason


def _on_the_way_to_done(*walked: JiraStatus) -> Base:
    return base(way=way_to(DONE_TARGET), walked=tuple(status.id for status in walked))


def test_a_way_does_not_lead_back_to_where_it_was() -> None:
    result = plan(
        draft(status=Status.CLOSED, to=DONE_TARGET),
        _on_the_way_to_done(OPEN, PROGRESS),
        observed(status=PROGRESS, hops=(hop(OPEN),)),
    )
    assert moves(result) == []
    assert result.parked is not None


@pytest.mark.parametrize(
    ("to", "stands"),
    [(DONE_TARGET, REVIEW), (StatusTarget(status="Done", via=("Open",)), PROGRESS)],
    ids=["a person moved the ticket", "the rule names the way"],
)
def test_a_way_that_led_nowhere_is_tried_again_once(to: StatusTarget, stands: JiraStatus) -> None:
    result = plan(
        draft(status=Status.CLOSED, to=to),
        _on_the_way_to_done(OPEN, PROGRESS),
        observed(status=stands, hops=(hop(OPEN),)),
    )
    assert moves(result) == ["Open"]


START = StatusTarget(transition="Start")
STARTED = (hop(DONE, "Finish"),)


def test_a_transition_by_name_whose_reply_was_lost_counts_where_it_leads() -> None:
    wish = draft(status=Status.INVESTIGATING, to=START)
    begun = base(way=way_to(START), walked=(TO_DO.id,))
    open_ = _move_to(PROGRESS)
    assert not plan(wish, begun, observed(status=PROGRESS, hops=STARTED), intents=open_)
    still = observed(status=TO_DO, hops=(hop(PROGRESS, "Start"),))
    did_not = plan(wish, begun, still, intents=open_)
    assert moves(did_not) == ["In Progress"]


def test_another_status_with_the_same_transition_does_not_take_it_again() -> None:
    there = base(status=Status.INVESTIGATING, way=way_to(START), jira_status=PROGRESS.id)
    wish = draft(status=Status.EXPECTED, to=START)
    assert not plan(wish, there, observed(status=PROGRESS, hops=STARTED))


def test_a_transition_by_name_that_is_not_offered_takes_no_other() -> None:
    wish = draft(status=Status.INVESTIGATING, to=START)
    result = plan(wish, base(), observed(status=PROGRESS, hops=STARTED))
    assert moves(result) == []
    assert result.parked is not None
    assert "Jira offers 'Finish' to 'Done'" in result.parked.reason
    assert "via" in result.parked.remedy


def test_a_transition_by_name_is_reached_through_the_statuses_that_via_names() -> None:
    to = StatusTarget(transition="Start", via=("To Do",))
    came_back = plan(
        draft(status=Status.INVESTIGATING, to=to),
        base(status=Status.CLOSED, closed_by_us=True, jira_status=DONE.id),
        observed(status=DONE, hops=(hop(REVIEW), hop(TO_DO, "Reopen"))),
    )
    assert moves(came_back) == ["To Do"]


def test_arriving_at_a_status_says_its_comment_once() -> None:
    wish = draft(status=Status.CLOSED, to=DONE_TARGET, status_comment="Closed upstream.")
    result = plan(wish, base(), observed(hops=EVERYWHERE))
    (said,) = [a for a in result.actions if isinstance(a, Comment)]
    assert said.text == "Closed upstream."
    again = plan(wish, base(commented=comment_marker(wish)), observed(hops=EVERYWHERE))
    assert not [a for a in again.actions if isinstance(a, Comment)]


def test_one_walk_makes_one_comment_of_status_and_update() -> None:
    wish = draft(
        field("b"),
        status=Status.CLOSED,
        to=DONE_TARGET,
        status_comment="One.",
        update_comment="Two.",
    )
    result = plan(wish, base({"summary": "a"}), observed({"summary": "a"}, hops=EVERYWHERE))
    (said,) = [a for a in result.actions if isinstance(a, Comment)]
    assert said.text == "One.\n\nTwo."


def test_only_the_fields_named_make_an_update_comment() -> None:
    wish = draft(field("b"), update_comment="Changed.", comment_on=("priority",))
    result = plan(wish, base({"summary": "a"}), observed({"summary": "a"}))
    assert not [a for a in result.actions if isinstance(a, Comment)]


def test_a_plan_on_a_settled_ticket_is_empty_even_after_a_look() -> None:
    wish = draft(field("a"), status=Status.CLOSED, to=DONE_TARGET)
    known = base({"summary": "a"}, status=Status.CLOSED)
    assert not plan(wish, known, observed({"summary": "a"}, status=DONE, hops=EVERYWHERE))
