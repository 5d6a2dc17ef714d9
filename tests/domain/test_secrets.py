"""Secrets: what they may not hold, and how they are found in text."""

from __future__ import annotations

import base64
import html
import json
import unicodedata
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.domain.secrets import Concealer, oddity, stripped

SECRETS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Zs", "Zl", "Zp", "Cn", "Co")),
    min_size=12,
    max_size=60,
)


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ("abc\ndef", "a line end at character 4"),
        ("abc\r\ndef", "a line end at character 4"),
        ("\tabc\tdef", "a tab at character 5"),
        ("abc def", "a space at character 4"),
        ("abc\u00a0def", "a no-break space at character 4"),
        ("abcdef\u200b", "a zero-width space at character 7"),
        ("\u200babcdef", "a zero-width space at character 1"),
        ("abc\u200ddef", "a zero-width joiner at character 4"),
        ("abc\ufeffdef", "a byte order mark at character 4"),
        ("abc\u00addef", "a soft hyphen at character 4"),
        ("abc\0def", "a NUL character at character 4"),
        ("abc\x1bdef", "a control character (U+001B) at character 4"),
        ("abc\u202edef", "an invisible character (RIGHT-TO-LEFT OVERRIDE, U+202E) at character 4"),
        ("abc\u3164def", "an invisible character (HANGUL FILLER, U+3164) at character 4"),
        ("abc\ufe0fdef", "an invisible character (VARIATION SELECTOR-16, U+FE0F) at character 4"),
        ("abc\udc80def", "a byte that is not UTF-8 at character 4"),
        ("abcädef", "a character that is not ASCII at character 4"),
        ("  abc–def", "a character that is not ASCII at character 6"),
    ],
)
def test_an_odd_character_is_told_by_name_and_place(secret: str, told: str) -> None:
    assert oddity(secret) == told


@given(st.text(max_size=40))
def test_what_passes_as_a_secret_can_stand_in_a_header(text: str) -> None:
    if not oddity(text):
        kept = stripped(text)
        assert kept.isascii()
        assert kept.isprintable()
        assert " " not in kept


@given(st.text(st.characters(categories=("Cc", "Cf", "Zs", "Zl", "Zp", "Cs")), min_size=1))
def test_what_cannot_be_seen_is_found_also_where_letters_may_be_of_any_kind(odd: str) -> None:
    if odd.strip(" "):
        assert oddity(f"begin{odd}end", spaces=True, letters=True)
        assert not any(unicodedata.category(one) == "Cs" for one in oddity(f"begin{odd}end"))


def test_a_password_may_have_spaces_and_letters_of_any_kind() -> None:
    assert oddity("grüße an 東京", spaces=True, letters=True) == ""


@given(SECRETS, st.text(max_size=20), st.text(max_size=20))
def test_a_secret_is_concealed_in_every_form(secret: str, before: str, after: str) -> None:
    conceal = Concealer([secret])
    basic = base64.b64encode(f"{before}:{secret}".encode()).decode()
    for form in (
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(json.dumps(secret)),
        html.escape(secret),
        repr(secret)[1:-1],
    ):
        assert form not in conceal(f"{before} {form} {after}")
    shown = conceal(f"Authorization: Basic {basic}")
    group = shown.removeprefix("Authorization: Basic ").partition("***")[0]
    assert len(base64.b64decode(group[: len(group) // 4 * 4])) <= len(f"{before}:".encode())
    assert "***" in shown


def test_short_secrets_are_concealed_only_as_words_of_their_own() -> None:
    conceal = Concealer(["postgres", "abc"])
    assert conceal("postgresql://postgres:abc@host") == "postgresql://***:abc@host"
