"""Snapshots merge to the same end in whatever order deliveries come."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.domain.backoff import CAP_SECONDS, delay
from sync.domain.subject import (
    STATUS,
    EventType,
    Kind,
    Snapshot,
    Status,
    SubjectRef,
    merge_from_api,
    newest,
    same_event,
)

NAMES = ("description", "owners")
REF = SubjectRef("coalesce", Kind.ISSUE, "0b9f")


def snapshot(time: int, type_: EventType, id_: str, severity: str = "") -> Snapshot:
    status = Status.CLOSED if type_ is EventType.ISSUE_CLOSED else Status.OPEN
    return Snapshot(REF, "acme", status, type_, time, id_, {"title": id_}, severity)


events = st.builds(
    snapshot,
    st.integers(0, 3),
    st.sampled_from(
        [
            EventType.ISSUE_CREATED,
            EventType.ISSUE_UPDATED,
            EventType.ISSUE_STATUS_UPDATED,
            EventType.ISSUE_CLOSED,
        ]
    ),
    st.sampled_from(["a", "b", "c", "d"]),
)


def fold(snapshots: list[Snapshot]) -> Snapshot:
    return functools.reduce(newest, snapshots, None)  # type: ignore[arg-type]


@given(st.lists(events, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_late_duplicate_and_reordered_events_end_in_the_same_snapshot(snapshots, random) -> None:
    shuffled = snapshots + random.choices(snapshots, k=3)
    random.shuffle(shuffled)
    assert fold(shuffled) == fold(snapshots)


partial = st.builds(
    lambda one, left_out: replace(
        one,
        payload={
            **{name: "" if name in left_out else f"{name} of {one.recency}" for name in NAMES},
            "title": "" if "title" in left_out else f"title of {one.recency}",
            "told_at": one.event_time,
            "left_out": dict.fromkeys(left_out),
        },
    ),
    events,
    st.sets(st.sampled_from([*NAMES, "title", STATUS])),
)


@given(st.lists(partial, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_what_an_event_left_out_is_what_the_newest_that_said_it_says(snapshots, random) -> None:
    one_of_each = {one.recency: one for one in snapshots}
    snapshots = list(one_of_each.values())
    shuffled = snapshots + random.choices(snapshots, k=3)
    random.shuffle(shuffled)
    merged = fold(shuffled)
    assert merged == fold(snapshots)
    newest_first = sorted(snapshots, key=lambda one: one.recency, reverse=True)
    for name in (*NAMES, "title"):
        said = [one for one in newest_first if name not in one.payload["left_out"]]
        assert merged.payload[name] == (said[0].payload[name] if said else "")
    said = [one for one in newest_first if STATUS not in one.payload["left_out"]]
    assert merged.status is (said[0].status if said else newest_first[0].status)


def test_a_late_older_event_does_not_reopen_a_closed_subject() -> None:
    closed = snapshot(2, EventType.ISSUE_CLOSED, "b")
    merged = newest(closed, snapshot(1, EventType.ISSUE_CREATED, "a"))
    assert same_event(merged, closed)
    assert merged.otherwise_at == 1


def test_of_two_events_at_the_same_instant_the_later_in_a_lifecycle_wins() -> None:
    closed = snapshot(1, EventType.ISSUE_CLOSED, "a")
    assert same_event(newest(snapshot(1, EventType.ISSUE_UPDATED, "z"), closed), closed)


def test_a_newer_event_brings_a_closed_subject_back() -> None:
    back = newest(
        snapshot(1, EventType.ISSUE_CLOSED, "a"), snapshot(2, EventType.ISSUE_UPDATED, "b")
    )
    assert back.status is Status.OPEN


def seen(
    time: int, status: Status, type_: EventType = EventType.ISSUE_STATUS_UPDATED, id_: str = "x"
) -> Snapshot:
    return Snapshot(REF, "acme", status, type_, time, id_, {"title": "t"})


MARKED = seen(10, Status.INVESTIGATING)
MENTIONED = seen(20, Status.INVESTIGATING, EventType.ISSUE_UPDATED)
OPEN_AGAIN = seen(15, Status.OPEN)
BY_API = seen(30, Status.INVESTIGATING, id_="")


def test_an_update_that_mentions_a_mark_does_not_say_when_it_was_set() -> None:
    assert MENTIONED.set_at is None
    assert newest(seen(1, Status.OPEN), MENTIONED).set_at is None


@pytest.mark.parametrize("order", list(itertools.permutations([MARKED, MENTIONED])))
def test_the_time_of_a_mark_is_that_of_its_event_whatever_comes_later(order: Any) -> None:
    known = fold([seen(1, Status.OPEN), *order])
    assert known.set_at == 10
    assert merge_from_api(known, BY_API).set_at == 10
    assert merge_from_api(merge_from_api(known, BY_API), BY_API) == merge_from_api(known, BY_API)


@pytest.mark.parametrize("order", list(itertools.permutations([MARKED, MENTIONED, OPEN_AGAIN])))
def test_a_mark_that_was_set_anew_since_has_no_known_time(order: Any) -> None:
    assert fold(list(order)).set_at is None


def test_a_mark_that_the_api_showed_first_gets_its_time_from_the_late_event() -> None:
    known = merge_from_api(seen(1, Status.OPEN), BY_API)
    assert (known.set_at, known.event_time) == (None, 30)
    assert newest(known, MARKED).set_at == 10


sightings = st.builds(
    lambda time, status, type_: seen(time, status, type_, id_=f"e{time}"),
    st.integers(1, 9),
    st.sampled_from([Status.OPEN, Status.INVESTIGATING, Status.FIXED]),
    st.sampled_from([EventType.ISSUE_UPDATED, EventType.ISSUE_STATUS_UPDATED]),
)


@given(
    st.lists(sightings, min_size=1, max_size=7, unique_by=lambda one: one.event_time),
    st.randoms(use_true_random=False),
)
def test_in_any_order_a_mark_was_set_at_its_newest_event_since_another_status(
    snapshots: list[Snapshot], random: Random
) -> None:
    status = max(snapshots, key=lambda one: one.event_time).status
    others = max((one.event_time for one in snapshots if one.status is not status), default=0)
    marks = [
        one.event_time
        for one in snapshots
        if one.status is status and one.event_type is EventType.ISSUE_STATUS_UPDATED
    ]
    shuffled = snapshots + random.choices(snapshots, k=3)
    random.shuffle(shuffled)
    latest = max(marks, default=0)
    assert fold(shuffled).set_at == (latest if latest > others else None)


def test_what_only_the_api_knows_survives_a_webhook() -> None:
    known = snapshot(1, EventType.ISSUE_CREATED, "a", severity="fatal")
    assert newest(known, snapshot(2, EventType.ISSUE_UPDATED, "b")).severity == "fatal"


def test_a_subjects_name_reads_back_even_with_colons_in_the_id() -> None:
    ref = SubjectRef("coalesce", Kind.INCIDENT, "a:b")
    assert SubjectRef.parse(str(ref)) == ref


@given(st.integers(1, 10_000), st.floats(0, 0.999))
def test_waits_grow_to_a_cap_and_no_further(attempts: int, jitter: float) -> None:
    assert 0 < delay(attempts, jitter=jitter) <= CAP_SECONDS


@given(st.integers(1, 50), st.floats(0, 0.999), st.floats(0, 100_000))
def test_a_wait_is_never_shorter_than_what_the_other_side_asked(attempts, jitter, asked) -> None:
    assert delay(attempts, jitter=jitter, retry_after=asked) >= asked
