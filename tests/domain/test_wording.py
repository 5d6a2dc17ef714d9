"""How changes are put for people."""

from __future__ import annotations

import pytest

from sync.domain.actions import Change, Transition, Update
from sync.domain.rule import Category
from sync.domain.ticket import Document, FieldKind, Hop, JiraStatus
from tests.domain.build import text

LINK = "Open in Coalesce Quality<https://app.example.com/issues/1>"
FACTS = f"Trigger: row count Started: 10:00 {LINK}"
ENDED = f"Trigger: row count Started: 10:00 Ended: 10:08 (after 8m) {LINK}"

REWORDED: dict[str, tuple[Document | None, Document, str]] = {
    "words within a block are new": (
        text("Intro", FACTS),
        text("Intro", ENDED),
        "now says “Ended: 10:08 (after 8m)”",
    ),
    "words within a block are gone": (
        text(ENDED),
        text(FACTS),
        "no longer says “Ended: 10:08 (after 8m)”",
    ),
    "words within a block are others": (
        text("2 of 5 checks fail"),
        text("3 of 5 checks fail"),
        "now says “3”",
    ),
    "a word is said twice": (text("very good"), text("very very good"), "now says “very”"),
    "a block is new": (text("Intro"), text("Intro", "Owner: Finance"), "now says “Owner: Finance”"),
    "blocks are new": (
        text("a"),
        text("a", "Owner: Finance", "c", "d"),
        "now says “Owner: Finance” and 2 more",
    ),
    "a block is gone": (text("a", "b c"), text("a"), "no longer says “b c”"),
    "there was no text": (Document(), text("a"), "now says “a”"),
    "there was no field": (None, text("a"), "now says “a”"),
    "nothing is left": (text("a"), Document(), "now empty"),
    "blocks changed places": (text("a", "b"), text("b", "a"), "in another order"),
    "only where a link leads is new": (
        text("See<https://a.example>"),
        text("See<https://b.example>"),
        "with other links",
    ),
    "the text is long": (text(), text("word " * 40), "now says “" + "word " * 11 + "word…”"),
}


@pytest.mark.parametrize(("before", "after", "words"), REWORDED.values(), ids=REWORDED)
def test_a_change_of_a_text_tells_the_words_that_differ(
    before: Document | None, after: Document, words: str
) -> None:
    change = Change("description", "Description", FieldKind.TEXT, before, after)
    assert str(Update((change,))) == f"update Description: {words}"


def test_a_change_of_another_field_tells_both_values() -> None:
    change = Change("priority", "Priority", FieldKind.PLAIN, None, "High")
    assert str(change) == "Priority: nothing → High"
    assert str(Change("points", "Points", FieldKind.PLAIN, 0, 3)) == "Points: 0 → 3"


@pytest.mark.parametrize(
    ("name", "words"), [("Done", "move to Done"), ("Close it", "move to Done by 'Close it'")]
)
def test_a_move_names_its_transition_only_where_that_says_more(name: str, words: str) -> None:
    hop = Hop("1", name, JiraStatus("3", "Done", Category.DONE))
    assert str(Transition(hop)) == words
    given = Transition(hop, {"resolution": "Fixed"})
    assert str(given) == f"{words} with resolution=Fixed"
