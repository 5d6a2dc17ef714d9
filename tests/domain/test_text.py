"""Text is made fit for where it goes, visibly, and only as far as needed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.domain.text import clean, cut, harmless, one_line, storable, units

ANY = st.text(st.characters(exclude_categories=[]))


@pytest.mark.parametrize(
    ("text", "limit", "found"),
    [("abcdef", 6, "abcdef"), ("abcdefg", 6, "abcde…"), ("abcd  fgh", 6, "abcd…"), ("abc", 0, "…")],
)
def test_a_cut_shows_and_leaves_no_space_before_its_mark(text: str, limit: int, found: str) -> None:
    assert cut(text, limit) == found


def test_a_cut_without_mark_is_the_beginning_of_the_text() -> None:
    assert cut("abc  def", 5, "") == "abc  "


def test_a_cut_by_utf16_units_leaves_no_half_of_a_character() -> None:
    assert units("a📉") == 3
    assert cut("📉📉", 3, "", utf16=True) == "📉"
    assert cut("📉📉", 3, utf16=True) == "📉…"
    assert cut("📉📉", 4, utf16=True) == "📉📉"


@given(ANY, st.integers(1, 20), st.booleans())
def test_a_cut_has_at_most_its_limit(text: str, limit: int, utf16: bool) -> None:
    found = cut(text, limit, utf16=utf16)
    assert (units(found) if utf16 else len(found)) <= limit


@given(ANY)
def test_one_line_is_one_line_and_stays_as_it_is(text: str) -> None:
    line = one_line(text)
    assert line.splitlines() in ([], [line])
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in line)
    assert line == line.strip()
    assert one_line(line) == line


@given(ANY)
def test_clean_text_can_be_stored_and_cleaning_again_changes_nothing(text: str) -> None:
    found = clean(text)
    assert clean(found) == found
    assert storable(found) == found


@given(ANY)
def test_storable_text_can_be_written_as_utf8(text: str) -> None:
    assert "\x00" not in storable(text).encode("utf-8").decode("utf-8")


def test_a_terminal_gets_nothing_to_obey() -> None:
    assert harmless("a\x1b[31m\u202eb\r\nc\td") == "a\ufffd[31m\ufffdb\nc\td"
