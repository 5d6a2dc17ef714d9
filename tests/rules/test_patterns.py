from __future__ import annotations

import time

import pytest

from sync.rules.patterns import Patterns, pattern
from sync.toml import Wrong


@pytest.mark.parametrize(
    ("source", "text", "holds"),
    [
        ("orders", "orders", True),
        ("orders", "ORDERS", True),
        ("orders", "orders daily", False),
        ("orders*", "Orders daily", True),
        ("*stale*", "Table orders is STALE now", True),
        ("*daily", "orders daily", True),
        ("*daily", "orders daily v2", False),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a.c", "abc", False),
        ("*", "anything\nat all", True),
        ("/dail/", "orders daily", True),
        ("/^dail/", "orders daily", False),
        ("/DAIL/", "orders daily", False),
        ("/DAIL/i", "orders daily", True),
        ("/^second$/", "first\nsecond", True),
        ("/prod/marts/", "/prod/marts/finance", True),
        ("/prod/*", "/prod/marts", True),
    ],
)
def test_a_pattern_holds_for_what_it_says(source: str, text: str, holds: bool) -> None:
    assert pattern(source).test(text) is holds


def test_an_empty_value_never_holds() -> None:
    assert not Patterns((pattern("*"),)).hold(("",))
    assert not Patterns((pattern("*"),)).hold(())


@pytest.mark.parametrize(
    "source", ["/(a+)+$/", "/(a*b?)*c/", "/(?:x{2,5})+/", "/a*b*c*d*/", "/(/", "/a/g", "/(a|b+)*/"]
)
def test_a_regex_that_could_run_for_ever_is_refused(source: str) -> None:
    with pytest.raises(Wrong):
        pattern(source)


@pytest.mark.parametrize("source", ["*a*a*a*a*a*a*a*a*b", "/a.*a.*a.*b$/", "/[a-z_]+\\d+x/"])
def test_a_pattern_takes_little_time_on_a_hostile_text(source: str) -> None:
    began = time.process_time()
    assert not pattern(source).test("a" * 100_000)
    assert time.process_time() - began < 5
