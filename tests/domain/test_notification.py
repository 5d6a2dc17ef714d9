"""When a channel is told: a few cases by hand, and what holds for every course of events."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.notification import (
    Concern,
    Memory,
    News,
    Novelty,
    Rhythm,
    Routing,
    news,
    noticed,
    said,
)

DAY = 86_400.0


class Course:
    """A channel that gets through, looked after at the times that a test says."""

    def __init__(self, rhythm: Rhythm | None = None) -> None:
        self.rhythm = rhythm or Rhythm()
        self.memory = Memory()
        self.messages: list[tuple[float, list[News]]] = []

    def look(self, now: float, *concerns: Concern) -> list[tuple[str, str]]:
        """What is said at ``now``: how, and of which concern."""
        self.memory = noticed(self.memory, concerns, now)
        found = news(self.memory, concerns, self.rhythm, now)
        if found:
            self.messages.append((now, found))
            self.memory = said(self.memory, found, now)
        return [(one.how.value, one.concern.key) for one in found]


def parked(key: str, count: int = 1, rule: str = "") -> Concern:
    return Concern(key, "parked", f"{count} tickets of {key}", rule=rule, count=count)


A, B = parked("a"), parked("b")


def test_what_has_stood_for_a_moment_is_said_with_all_that_came_meanwhile() -> None:
    course = Course()
    assert course.look(0, A) == []
    assert course.look(29, A, B) == []
    assert course.look(30, A, B) == [("new", "a"), ("new", "b")]
    assert course.look(40, A, B) == []


def test_what_comes_and_goes_within_the_wait_is_never_said() -> None:
    course = Course()
    course.look(0, A)
    assert course.look(20) == []
    assert course.memory == Memory()
    assert course.look(1000) == []


def test_what_is_over_is_said_once_after_the_gap() -> None:
    course = Course()
    course.look(0, A)
    assert course.look(30, A) == [("new", "a")]
    assert course.look(100) == []
    assert course.look(329) == []
    assert course.look(330) == [("over", "a")]
    assert course.look(10_000) == []
    assert course.memory.known == {}


def test_what_came_back_before_its_end_was_said_is_not_news() -> None:
    course = Course()
    course.look(0, A)
    course.look(30, A)
    course.look(400)
    assert course.look(429, A) == []
    assert course.look(430, A) == []
    assert course.look(10_000, A) == []


def test_what_stays_is_said_again_after_a_day_or_never() -> None:
    course, once = Course(), Course(Rhythm(again=0))
    for one in (course, once):
        one.look(0, A)
        one.look(30, A)
    assert course.look(30 + DAY - 1, A) == []
    assert course.look(30 + DAY, A) == [("still", "a")]
    assert once.look(30 + 100 * DAY, A) == []


def test_twice_as_many_are_news_and_a_few_more_are_not() -> None:
    course = Course()
    course.look(0, parked("a", 10))
    course.look(30, parked("a", 10))
    assert course.look(1000, parked("a", 19)) == []
    assert course.look(1010, parked("a", 20)) == [("more", "a")]
    assert course.look(2000, parked("a", 39)) == []


def test_a_clock_that_was_set_back_keeps_nobody_from_being_told() -> None:
    course = Course()
    course.look(100_000, A)
    course.look(100_030, A)
    course.look(50_000, A, B)
    assert course.look(50_030, A, B) == [("new", "b")]


@pytest.mark.parametrize(
    ("kinds", "rules", "concern", "told"),
    [
        ([], [], A, True),
        (["site"], [], A, False),
        (["site", "parked"], [], A, True),
        ([], ["finance*"], parked("a", rule="finance tables"), True),
        ([], ["finance*"], parked("a", rule="sales"), False),
        ([], ["finance*"], Concern("site:main", "site", "main is down"), True),
        (["parked"], ["finance*"], Concern("site:main", "site", "main is down"), False),
    ],
)
def test_concerns_are_routed_by_kind_and_rule(
    kinds: list[str], rules: list[str], concern: Concern, told: bool
) -> None:
    assert Routing(kinds, rules).takes(concern) is told


Steps = Sequence[tuple[int, dict[str, int]]]
STEPS: st.SearchStrategy[Steps] = st.lists(
    st.tuples(
        st.integers(1, 400), st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), max_size=4)
    ),
    min_size=1,
    max_size=40,
)


@given(STEPS, st.sampled_from([0.0, 10.0, 60.0]), st.sampled_from([50.0, 300.0]))
@settings(max_examples=150, deadline=None)
def test_whatever_happens_messages_are_few_and_true_and_nothing_is_left_out(
    steps: Steps, wait: float, gap: float
) -> None:
    course, now = Course(Rhythm(wait, gap, again=1000.0)), 0.0
    open_: dict[str, tuple[float, int]] = {}
    stood: dict[str, float] = {}
    for seconds, there in steps:
        now += seconds
        stood = {key: stood.get(key, now) for key in there}
        told = course.look(now, *(parked(key, count) for key, count in there.items()))
        for how, key in told:
            if how == Novelty.OVER:
                assert key in open_
                assert key not in there
                del open_[key]
                continue
            assert key in there
            if how == Novelty.NEW:
                assert key not in open_
            elif how == Novelty.STILL:
                assert now - open_[key][0] >= 1000.0
            else:
                assert there[key] >= 2 * open_[key][1]
            open_[key] = (now, there[key])
        # Whatever has stood for long enough is said, unless a message has just been sent.
        last = course.messages[-1][0] if course.messages else float("-inf")
        if now - last >= gap:
            assert all(now - since < wait for key, since in stood.items() if key not in open_)
        assert set(open_) == {k for k, one in course.memory.known.items() if one.said is not None}
    times = [at for at, _ in course.messages]
    assert all(later - sooner >= gap for sooner, later in pairwise(times))
    # Once nothing is left and long enough has gone by, all that was said is said to be over, once.
    course.look(now + 1)
    course.look(now + 1 + wait + gap)
    ended = [one.concern.key for one in course.messages[-1][1]] if open_ else []
    assert sorted(ended) == sorted(open_)
    assert course.memory.known == {}
