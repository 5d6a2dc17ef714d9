"""Who wins, field by field: what we sent, what Jira showed, what is wished, what is there."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.merge import agree, decide, merge_text
from sync.domain.rule import Ownership
from sync.domain.ticket import Block, Document, FieldBase, FieldKind, remembered
from tests.domain.build import base, draft, field, observed, text

SHARED, SOURCE, TICKET = Ownership.SHARED, Ownership.SOURCE, Ownership.TICKET
NOTHING = object()

# sent, shown (NOTHING: not looked yet), there now, wished, owner → written (NOTHING: no write)
PLAIN = {
    "nothing changed": ("a", "a", "a", "a", SHARED, NOTHING),
    "upstream changed": ("a", "a", "a", "b", SHARED, "b"),
    "a person changed it and upstream did not": ("a", "a", "mine", "a", SHARED, NOTHING),
    "a person changed it, then upstream did": ("a", "a", "mine", "b", SHARED, "b"),
    "a person changed it to what upstream says now": ("a", "a", "b", "b", SHARED, NOTHING),
    "Jira rewrote our value and nothing changed": ("a  b", "a b", "a b", "a  b", SHARED, NOTHING),
    "Jira rewrote our value before the first look": (
        "A b",
        NOTHING,
        "a  B",
        "A b",
        SOURCE,
        NOTHING,
    ),
    "a person was faster than the first look": ("a", NOTHING, "mine", "a", SHARED, NOTHING),
    "source takes back what a person changed": ("a", "a", "mine", "a", SOURCE, "a"),
    "source does not fight Jira's rewriting": ("a", "A!", "A!", "a", SOURCE, NOTHING),
    "ticket is theirs, whatever upstream says": ("a", "a", "a", "b", TICKET, NOTHING),
    "ticket is theirs, whatever they say": ("a", "a", "mine", "b", TICKET, NOTHING),
    "upstream cleared it": ("a", "a", "a", None, SHARED, None),
    "empty stays empty": (None, None, None, "", SHARED, NOTHING),
    "a person cleared it": ("a", "a", None, "a", SHARED, NOTHING),
}


@pytest.mark.parametrize("case", PLAIN.values(), ids=PLAIN.keys())
def test_a_plain_field_is_written_only_when_it_is_ours_to_write(case: tuple) -> None:
    sent, shown, there, wished, owner, expected = case
    known = FieldBase(sent, None if shown is NOTHING else shown, looked=shown is not NOTHING)
    change = decide(field(wished, ownership=owner), known, there)
    if expected is NOTHING:
        assert change is None
    else:
        assert change is not None
        assert change.after == expected
        assert change.before == there


LABELS = {
    "a label of ours is new": (["a"], ["a", "x"], ["a", "b"], SHARED, ("b",), ()),
    "a label of ours went away": (["a", "b"], ["a", "b", "x"], ["a"], SHARED, (), ("b",)),
    "a label they added stays": (["a"], ["a", "x"], ["a"], SHARED, (), ()),
    "a label they removed stays removed": (["a", "b"], ["a"], ["a", "b"], SHARED, (), ()),
    "source puts back a label they removed": (["a", "b"], ["a"], ["a", "b"], SOURCE, ("b",), ()),
    "a label they added themselves is not added again": (
        ["a"],
        ["a", "b"],
        ["a", "b"],
        SHARED,
        (),
        (),
    ),
}


@pytest.mark.parametrize("case", LABELS.values(), ids=LABELS.keys())
def test_labels_are_merged_never_replaced(case: tuple) -> None:
    sent, there, wished, owner, add, remove = case
    change = decide(
        field(wished, id="labels", kind=FieldKind.LABELS, ownership=owner),
        FieldBase(sent, sent, looked=True),
        there,
    )
    assert ((change.add, change.remove) if change else ((), ())) == (add, remove)


# our blocks as shown, what is there, what is wished → what is written
TEXTS = {
    "ours alone": ("a b", "a b", "a c", "a c"),
    "text before and after ours stays": ("a b", "mine a b too", "c d", "mine c d too"),
    "text between ours moves behind it": ("a b", "a mine b", "c d", "c d mine"),
    "a block of ours they changed is replaced": ("a b c", "a B c", "x y", "x y"),
    "a first block of ours they changed is replaced": ("a b c", "A b c", "x y", "x y"),
    "text before a changed first block stays": ("a b c", "mine A b c", "x y", "mine x y"),
    "a text they wrote anew keeps ours behind it": ("a b", "all new", "c", "all new c"),
    "a block they changed stays where upstream changed another": (
        "a b c",
        "A b c",
        "a b z",
        "A b z",
    ),
    "a block they removed stays removed where upstream changed another": (
        "a b c",
        "b c",
        "a b z",
        "b z",
    ),
    "a block upstream took away goes, with theirs around it staying": (
        "a b c",
        "mine a b c too",
        "a c",
        "mine a c too",
    ),
    "an emptied text gets ours": ("a b", "", "c", "c"),
}


@pytest.mark.parametrize("case", TEXTS.values(), ids=TEXTS.keys())
def test_text_around_our_part_of_a_description_stays(case: tuple[str, str, str, str]) -> None:
    sent, there, wished, expected = (part.split() for part in case)
    merged = merge_text(sent, text(*there), text(*wished), take_over=False)
    assert list(merged.identities) == expected


def test_a_text_that_is_always_ours_is_replaced_whole() -> None:
    merged = merge_text(["a"], text("mine", "a"), text("b"), take_over=True)
    assert merged.identities == ("b",)


def test_an_adopted_description_is_kept_above_ours() -> None:
    change = decide(
        field(text("ours"), id="description", kind=FieldKind.TEXT), None, text("theirs")
    )
    assert change is not None
    assert change.after.identities == ("theirs", "ours")


def test_the_first_look_records_how_jira_shows_our_text() -> None:
    wished = field(text("A b", "c"), id="description", kind=FieldKind.TEXT)
    known = base({"description": text("A b", "c")})
    after = agree(draft(wished), known, observed({"description": text("a B", "c")}), ())
    assert after.fields["description"].shown == ["a B", "c"]
    assert after.fields["description"].looked


def test_drift_is_still_known_as_drift_at_the_next_look() -> None:
    wished = field("a")
    known = base({"summary": "a"}, shown={"summary": "a"})
    seen = observed({"summary": "mine"})
    after = agree(draft(wished), known, seen, ())
    assert after.fields["summary"].shown == "a"
    assert decide(field("a", ownership=SOURCE), after.fields["summary"], "mine") is not None


def test_a_value_jira_already_has_counts_as_sent() -> None:
    known = base({"summary": "a"}, shown={"summary": "a"})
    after = agree(draft(field("b")), known, observed({"summary": "b"}), ())
    assert after.fields["summary"].sent == remembered("b")


def test_what_an_earlier_version_sent_is_known_again_although_it_was_written_otherwise() -> None:
    sent = ["order\\items is late", "https://h/a_b"]
    there = text("mine", "order_items is late", "theirs", "<https://h/a_b>")
    wished = text("order_items is later", "<https://h/a_b>")
    merged = merge_text(sent, there, wished, take_over=False)
    assert merged.identities == ("mine", "order_items is later", "theirs", "<https://h/a_b>")


# Blocks of one word each; p and q are pictures, by themselves or in a block with a word.
words = st.lists(st.sampled_from("abcd"), max_size=5)
pictured = st.lists(st.sampled_from(["a", "b", "c", "x", "p", "q", "ap", "xq", "xpq"]), max_size=6)


def with_pictures(blocks: Iterable[str]) -> Document:
    """The document as the tracker reads it."""
    return Document(
        tuple(Block(b, b, tuple(Block(one, one) for one in b if one in "pq")) for b in blocks)
    )


def pictures_of(document: Document) -> list[str]:
    return sorted(one for one in "".join(document.identities) if one in "pq")


@settings(deadline=None)
@given(sent=words, theirs=pictured, ours=words, take_over=st.booleans())
def test_no_merge_loses_or_doubles_a_picture_and_a_second_one_changes_nothing(
    sent: list[str], theirs: list[str], ours: list[str], take_over: bool
) -> None:
    observed, desired = with_pictures(theirs), with_pictures(ours)
    merged = merge_text(sent, observed, desired, take_over=take_over)
    assert pictures_of(merged) == pictures_of(observed)
    again = merge_text(ours, with_pictures(merged.identities), desired, take_over=take_over)
    assert pictures_of(again) == pictures_of(observed)
    if take_over:
        assert again.identities == merged.identities
        assert [one for one in merged.identities if one not in ("p", "q")] == ours
