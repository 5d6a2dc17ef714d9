"""Text is made fit for where it goes, visibly, and only as far as needed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.domain.text import clean, cut, harmless, label, one_line, storable, ticket_line, units

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


def test_joiners_soft_hyphens_and_new_emoji_are_no_white_space() -> None:
    family, persian, new = "👩\u200d👩\u200d👧", "می\u200cخواهم", "\U0001fae8\U0001fae9\U0001fadf"
    for whole in (family, persian, new, "co\u00adoperate"):
        assert one_line(f"a\n{whole} b") == f"a {whole} b"
        assert ticket_line(whole) == whole
        assert label(whole) == whole


def test_what_turns_the_direction_of_writing_is_left_out_everywhere() -> None:
    turned = "a\u202eb\u2066c\u2069\u202c d\u200f"
    for made in (clean, one_line, ticket_line):
        assert made(turned) == "abc d\u200f"
    assert label(turned) == "abc_d\u200f"
    assert one_line("\u200b\u2060 \u202e") == ""


@given(
    st.text(st.characters(exclude_characters="tTpP"), max_size=20),
    st.integers(0, 80),
    st.sampled_from([" ", "\n", "|", "> ("]),
)
def test_an_address_is_whole_or_not_there(before: str, limit: int, after: str) -> None:
    one, other = "https://h.example/a_b?c=1#d", "HTTP://o.example/x"
    kept = cut(f"{before} {one}{after}{other}", limit)
    rest = kept.replace(one, "").replace(other, "").casefold()
    assert "t" not in rest
    assert "://" not in rest.removeprefix(before.casefold())
