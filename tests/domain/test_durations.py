"""Durations: read as people write them, told as people say them."""

from __future__ import annotations

import pytest

from sync.domain.durations import in_words, seconds_in


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("45 m", 2700),
        ("1h30m", 5400),
        ("1.5H", 5400),
        (" 1d 2h ", 93600),
        ("2w", 1209600),
    ],
)
def test_numbers_with_units_add_up(text: str, seconds: float) -> None:
    assert seconds_in(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "m", "ten minutes", "1h30", "-5m", "1e3s", "٣m"])
def test_anything_else_is_no_duration(text: str) -> None:
    assert seconds_in(text) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0s"), (61, "1m 1s"), (7500, "2h 5m"), (93784, "1d 2h"), (-60, "-1m")],
)
def test_a_duration_is_told_by_its_two_largest_parts(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
