"""Forecasts and differences: what would be done, worked out from what was last known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.domain.actions import Comment, Create, Find, Transition, Update
from sync.domain.difference import differences
from sync.domain.forecast import COUNTED, as_data, count, forecast, forecast_unmade
from sync.domain.plan import Plan
from sync.domain.rule import Category, FieldWish, Ownership, RuleRef, StatusTarget
from sync.domain.subject import Status
from sync.domain.ticket import FieldKind
from tests.domain.build import DONE_TARGET, LINK, base, draft, field, observed, text


def test_nothing_changed_is_nothing_to_do() -> None:
    assert not forecast(draft(field("a")), base({"summary": "a"}))


def test_a_field_is_compared_with_what_was_shown_last() -> None:
    known = base({"summary": "a"}, shown={"summary": "A"})
    (update,) = forecast(draft(field("b")), known).actions
    assert isinstance(update, Update)
    assert [(c.before, c.after) for c in update.changes] == [("A", "b")]


def test_text_is_compared_by_its_blocks() -> None:
    one = field(text("One.", "Two."), id="description", kind=FieldKind.TEXT)
    known = base({"description": text("One.")}, shown={"description": text("One.")})
    (update,) = forecast(draft(one), known).actions
    assert isinstance(update, Update)
    assert update.changes[0].before.identities == ("One.",)
    assert update.changes[0].after.identities == ("One.", "Two.")


@pytest.mark.parametrize(
    ("to", "words"),
    [
        (StatusTarget(status="Resolved"), "move to Resolved"),
        (StatusTarget(transition="Close it"), "move to transition 'Close it' by 'Close it'"),
        (DONE_TARGET, "move to Done"),
        (StatusTarget(category=Category.DONE), "move to a status of category 'done'"),
    ],
    ids=["status", "transition", "preferred", "category"],
)
def test_a_move_is_told_without_knowing_the_workflow(to: StatusTarget, words: str) -> None:
    made = forecast(draft(status=Status.CLOSED, to=to, status_comment="Over."), base())
    assert [type(action) for action in made.actions] == [Transition, Comment]
    assert str(made.actions[0]).partition(" with ")[0] == words
    assert made.parked is None


def test_a_ticket_we_closed_is_not_moved_from_done_to_done() -> None:
    known = base(status=Status.FIXED, closed_by_us=True, jira_status="3")
    made = forecast(draft(status=Status.CLOSED, to=DONE_TARGET), known)
    assert not any(isinstance(action, Transition) for action in made.actions)


def test_with_the_live_ticket_it_is_the_plan_of_the_walk() -> None:
    known = base({"summary": "a"}, shown={"summary": "a"})
    mine = field("a", ownership=Ownership.SOURCE)
    (update,) = forecast(draft(mine), known, observed({"summary": "theirs"})).actions
    assert isinstance(update, Update)
    assert not forecast(draft(field("a")), known, observed({"summary": "theirs"})).actions


def test_a_ticket_to_be_made_is_told_with_what_follows() -> None:
    wished = draft(field("a"), status=Status.CLOSED, to=DONE_TARGET, links=(LINK,))
    kinds = [type(a).__name__ for a in forecast_unmade(wished).actions]
    assert kinds == ["Create", "Transition", "LinkRemote"]
    assert isinstance(forecast_unmade(wished, unsure=True).actions[0], Find)


def test_actions_for_machines_and_their_counts() -> None:
    made = forecast(draft(field("b")), base({"summary": "a"}))
    data = as_data(made.actions[0])
    assert data["action"] == "update"
    assert data["changes"] == [{"field": "summary", "name": "Summary", "before": "a", "after": "b"}]
    new = Plan((Create("DATA", "Bug", "s"),))
    counts = dict.fromkeys(COUNTED, 0)
    for one in (made, new):
        count(counts, one)
    assert (counts["update"], counts["fields"], counts["create"], counts["park"]) == (1, 1, 1, 0)


def wish(**fields: FieldWish):
    return replace(draft(links=(LINK,)).desired, fields=fields)


@pytest.mark.parametrize(
    ("before", "after", "differing"),
    [
        (wish(a=FieldWish("1")), wish(a=FieldWish("1")), ()),
        (wish(a=FieldWish("1")), wish(a=FieldWish("2")), ("a",)),
        (wish(), wish(a=FieldWish("1")), ("a",)),
        (wish(), wish(a=FieldWish("")), ()),
        (wish(a=FieldWish("1")), wish(), ()),
        (wish(a=FieldWish("1")), wish(a=FieldWish("2", Ownership.TICKET)), ()),
        (replace(wish(), remote_links=()), wish(), ("links back",)),
        (wish(), replace(wish(), project="OPS", issue_type=("Task",)), ()),
        (wish(), replace(wish(), rule=RuleRef("r", "other.toml", 9), version="v9"), ()),
    ],
    ids=[
        "same", "other value", "new field", "new and empty", "field gone", "theirs after creation",
        "a link more", "project and type of a ticket that is made", "only written elsewhere",
    ],
)  # fmt: skip
def test_what_of_an_edit_acts_on_a_ticket_that_is_made(before, after, differing) -> None:
    assert differences(before, after, made=True) == differing


def test_for_a_ticket_to_be_made_everything_counts() -> None:
    assert differences(wish(), replace(wish(), project="OPS"), made=False) == ("project",)
    assert differences(wish(), replace(wish(), version="v9"), made=False) == ()
