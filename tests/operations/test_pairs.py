"""A CSV of subjects and tickets: read as a whole, or each wrong line is named."""

from __future__ import annotations

import pytest

from sync.operations.errors import Refused
from sync.operations.pairs import lines_of

A, B = (f"{n}" * 8 + "-0000-4000-8000-" + "0" * 12 for n in "ab")


@pytest.mark.parametrize(
    "text",
    [
        f"subject,ticket\n{A},DATA-1\n{B},DATA-1\n",
        f"\ufeffSubject,Ticket\r\n{A} , DATA-1\r\n\r\n{B},DATA-1\r\n",
        f'\n"{A}","DATA-1"\n{A},DATA-1\n{B},DATA-1',
    ],
)
def test_lines_are_read_as_spreadsheets_write_them(text: str) -> None:
    assert lines_of(text, ahead=True) == [(A, "DATA-1"), (B, "DATA-1")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rows are late,DATA-1", "no id of an issue or incident: 'rows are late'"),
        (f"a{chr(7)}b,DATA-1", "no id of an issue or incident: 'a\\x07b'"),
        (f"coalesce:ticket:{B},DATA-1", "no id of an issue or incident"),
        ("abc,DATA-1", "cannot be recorded ahead: 'abc' is no UUID"),
        (f",{B}", "is not subject,ticket"),
        (f"{B};DATA-1", "Separate the two by a comma"),
        (f"{B},the one about orders", "no key of a ticket: 'the one about orders'"),
        ("subject,ticket", "is the heading once more"),
        (f"coalesce:issue:{A.upper()},DATA-2", "another ticket than line 2 (DATA-1)"),
    ],
)
def test_a_line_that_cannot_be_is_named_with_what_to_do(line: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        lines_of(f"subject,ticket\n{A},DATA-1\n{line}\n", "pairs.csv", ahead=True)
    assert str(caught.value).startswith("pairs.csv:3: ")
    assert words in str(caught.value)


def test_an_id_of_another_form_may_be_one_that_is_known() -> None:
    assert lines_of("abc,DATA-1\n") == [("abc", "DATA-1")]


@pytest.mark.parametrize(
    ("text", "words"),
    [("subject,ticket\n", "there are no lines"), ("a" * 200_000, "it is not CSV")],
)
def test_a_text_that_is_none_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        lines_of(text)


def test_of_very_many_wrong_lines_the_first_are_told() -> None:
    with pytest.raises(Refused) as caught:
        lines_of("no\n" * 10_000)
    told = str(caught.value).splitlines()
    assert (len(told), told[-1]) == (11, "And 9990 more lines.")
