"""A field that yields to people is ours until a person changes it, and then theirs for good."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.actions import Update
from sync.domain.plan import plan
from sync.domain.rule import Ownership
from sync.domain.ticket import Base, FieldKind
from tests.domain.build import base, draft, field, observed

PEOPLE = ("ann", "ben", "cyd", None)
WISHES = st.tuples(st.just("upstream"), st.sampled_from(PEOPLE))
HANDS = st.tuples(st.just("person"), st.sampled_from(PEOPLE))


class Ticket:
    """One ticket with an assignee, walked after each thing that happens."""

    def __init__(self, ownership: Ownership = Ownership.YIELD) -> None:
        self.base, self.shown, self.wished = base(), None, None
        self.ownership = ownership
        self.writes = 0

    def walk(self) -> None:
        wish = draft(field(self.wished, id="assignee", ownership=self.ownership))
        made = plan(wish, self.base, observed({"assignee": self.shown}), look=True)
        assert made.base is not None
        self.base = made.base
        for action in made.actions:
            assert isinstance(action, Update)
            (change,) = action.changes
            self.shown, self.writes = change.after, self.writes + 1
            self.base = self.base.with_sent({"assignee": change.after})
        # What is kept must survive a restart.
        self.base = Base.from_json(json.loads(json.dumps(self.base.to_json())))


@settings(max_examples=150, derandomize=True)
@given(st.lists(st.one_of(WISHES, HANDS), max_size=12))
def test_what_a_person_chose_is_never_changed_and_until_then_upstream_is_followed(
    happened: list[tuple[str, str | None]],
) -> None:
    ticket, chosen, theirs = Ticket(), None, False
    for who, value in happened:
        if who == "upstream":
            ticket.wished = value
        elif value != ticket.shown:
            ticket.shown = chosen = value
            theirs = True
        ticket.walk()
        assert ticket.shown == (chosen if theirs else ticket.wished)
        before = ticket.writes
        ticket.walk()
        assert ticket.writes == before


@settings(max_examples=60, derandomize=True)
@given(st.lists(WISHES, min_size=1, max_size=4), st.sampled_from(PEOPLE[:3]))
def test_nothing_of_a_field_that_is_theirs_makes_the_ticket_be_read(
    wishes: list[tuple[str, str | None]], person: str
) -> None:
    ticket = Ticket()
    ticket.shown = person
    ticket.wished = "dee"
    ticket.walk()
    for _, value in wishes:
        wish = draft(field(value, id="assignee", ownership=Ownership.YIELD))
        assert plan(wish, ticket.base, None).actions == ()
    assert ticket.shown == person


def test_who_was_there_before_us_stays() -> None:
    ticket = Ticket()
    ticket.shown, ticket.wished = "ann", "ben"
    ticket.walk()
    assert (ticket.shown, ticket.base.theirs) == ("ann", ("assignee",))


def test_who_is_there_as_wished_is_followed_on() -> None:
    ticket = Ticket()
    ticket.wished = "ann"
    ticket.walk()
    ticket.shown = "ann"
    ticket.walk()
    ticket.wished = "ben"
    ticket.walk()
    assert ticket.shown == "ben"


@pytest.mark.parametrize("owner", [Ownership.SHARED, Ownership.SOURCE])
def test_a_rule_that_owns_the_field_otherwise_takes_it_back(owner: Ownership) -> None:
    ticket = Ticket()
    ticket.shown, ticket.wished = "ann", "ben"
    ticket.walk()
    ticket.ownership, ticket.wished = owner, "cyd"
    ticket.walk()
    assert ticket.shown == "cyd"


def test_labels_are_merged_whoever_owns_them() -> None:
    labels = field(["a", "b"], id="labels", kind=FieldKind.LABELS, ownership=Ownership.YIELD)
    made = plan(draft(labels), base({"labels": ["a"]}), observed({"labels": ["x"]}))
    (action,) = made.actions
    assert isinstance(action, Update)
    assert action.changes[0].add == ("b",)
    assert made.base is not None
    assert made.base.theirs == ()
