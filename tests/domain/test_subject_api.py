"""What the API tells and what webhooks tell become one snapshot, in any order."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain import subject_comments
from sync.domain.subject import (
    EventType,
    Kind,
    Snapshot,
    Status,
    SubjectRef,
    merge_from_api,
    newest,
    says_the_same,
)
from sync.domain.subject_comments import LONGEST, MOST, UpstreamComment, together
from sync.store.subjects import Subject, to_snapshot
from sync.store.tables import SubjectRow

ISSUE = SubjectRef("coalesce", Kind.ISSUE, "0b9f")
INCIDENT = SubjectRef("coalesce", Kind.INCIDENT, "77")
_TYPES = {
    Status.OPEN: EventType.ISSUE_CREATED,
    Status.FIXED: EventType.ISSUE_STATUS_UPDATED,
    Status.CLOSED: EventType.ISSUE_CLOSED,
}


def webhook(time: int, status: Status = Status.OPEN, id_: str = "w", **payload: object) -> Snapshot:
    ended = f"2026-01-0{time}" if status is Status.CLOSED else ""
    said = {"title": "ORDERS is stale", "owners": ["sales"], "issue_url": "https://x", "status": ""}
    return Snapshot(
        ISSUE, "acme", status, _TYPES[status], time, id_,
        {**said, "ended_at": ended, "told_at": time, **payload},
    )  # fmt: skip


def api(time: int, status: Status = Status.OPEN, **changes: object) -> Snapshot:
    ended = f"2026-01-0{time}" if status is Status.CLOSED else ""
    told = {"title": "ORDERS", "owners": [], "issue_url": "", "status": "", "ended_at": ended}
    told |= {"told_at": 0}
    found = Snapshot(ISSUE, "", status, _TYPES[status], time, "", told, severity="error")
    return replace(found, **changes)  # type: ignore[arg-type]


def test_a_subject_that_only_the_api_knows_is_taken_as_it_is() -> None:
    assert merge_from_api(None, api(3)) == api(3)


def test_a_missed_close_is_learnt_and_the_webhooks_words_stay() -> None:
    merged = merge_from_api(webhook(1), api(2, Status.CLOSED))
    assert (merged.status, merged.event_time, merged.severity) == (Status.CLOSED, 2, "error")
    assert merged.payload["ended_at"] == "2026-01-02"
    assert merged.payload["owners"] == ["sales"]
    assert merged.payload["issue_url"] == "https://x"
    assert merged.payload["title"] == "ORDERS"
    assert merged.workspace == "acme"


def test_an_api_that_lags_behind_a_webhook_moves_nothing_backwards() -> None:
    closed = webhook(5, Status.CLOSED)
    assert merge_from_api(closed, api(2)) == replace(closed, severity="error")


def test_where_both_speak_of_one_moment_and_agree_the_webhooks_words_stay() -> None:
    known = webhook(2)
    assert merge_from_api(known, api(2)) == replace(known, severity="error")


def test_a_missed_reopening_takes_the_end_away() -> None:
    merged = merge_from_api(webhook(2, Status.CLOSED), api(3))
    assert (merged.status, merged.payload["ended_at"]) == (Status.OPEN, "")


def test_the_issues_of_an_incident_are_the_apis_even_when_none_is_left() -> None:
    opened = Snapshot(
        INCIDENT, "acme", Status.OPEN, EventType.INCIDENT_OPEN, 4, "w", {}, issue_ids=("a", "b")
    )
    told = Snapshot(INCIDENT, "", Status.OPEN, EventType.INCIDENT_OPEN, 4, "", {})
    assert merge_from_api(opened, told).issue_ids == ()
    assert merge_from_api(opened, replace(told, issue_ids=("c",))).issue_ids == ("c",)


def test_an_incidents_end_stays_what_the_webhook_said() -> None:
    closed = Snapshot(
        INCIDENT, "acme", Status.CLOSED, EventType.INCIDENT_CLOSED, 4, "w",
        {"title": "t", "ended_at": "four", "told_at": 4},
    )  # fmt: skip
    told = Snapshot(
        INCIDENT, "", Status.CLOSED, EventType.INCIDENT_CLOSED, 5, "",
        {"title": "renamed", "ended_at": "five", "told_at": 0},
    )  # fmt: skip
    payload = merge_from_api(closed, told).payload
    assert (payload["title"], payload["ended_at"]) == ("renamed", "four")


def test_a_late_webhook_of_what_the_api_told_before_brings_its_words() -> None:
    first = merge_from_api(None, api(3, Status.CLOSED))
    late = newest(first, webhook(2, owners=["late"]))
    assert late.status is Status.CLOSED
    assert late.payload["owners"] == ["late"]
    assert late.payload["ended_at"] == "2026-01-03"
    assert late.payload["title"] == "ORDERS"
    same_moment = newest(first, webhook(3, Status.CLOSED))
    assert same_moment.payload["title"] == "ORDERS is stale"


def comment(number: int, text: str = "why?") -> UpstreamComment:
    return UpstreamComment(f"c{number}", text, "Ann", 1_790_000_000.0 + number)


def test_comments_stay_when_webhooks_speak_and_when_the_api_is_asked_again() -> None:
    known = merge_from_api(webhook(1), api(1, comments=(comment(1),)))
    assert known.comments == (comment(1),)
    assert newest(known, webhook(3, Status.FIXED)).comments == (comment(1),)
    assert newest(known, webhook(1, id_="a")).comments == (comment(1),)
    told = merge_from_api(known, api(1, comments=(comment(1), comment(2))))
    assert told.comments == (comment(1), comment(2))
    assert merge_from_api(told, api(2)).comments == (comment(1), comment(2))


def test_a_comment_is_no_news_to_a_rule() -> None:
    known = merge_from_api(None, api(1))
    told = merge_from_api(known, api(2, comments=(comment(1),)))
    assert told != known
    assert says_the_same(known, told)
    assert told.payload == known.payload


def test_of_too_many_comments_the_oldest_are_left_out() -> None:
    many = tuple(comment(number) for number in range(MOST + 5))
    assert together(many[:60], many[40:]) == many[5:]
    large = (comment(1, "old"), comment(2, "x" * LONGEST), comment(3, "y"), comment(4, "z"))
    assert together(large, ()) == large[1:]


# Texts by number, because no comment is ever edited; together they are longer than ``FEW`` characters.
TEXTS = ("", "a", "bbbbbb", "cc", "dddddd", "ee")
FEW = 12
numbers = st.lists(st.integers(0, 5), unique=True)
comments = numbers.map(lambda some: tuple(comment(n, TEXTS[n]) for n in sorted(some)))


@settings(deadline=None)
@given(comments, comments, comments)
def test_comments_come_together_the_same_in_every_order(one, other, third) -> None:
    with patch.object(subject_comments, "LONGEST", FEW):
        orders = list(permutations((one, other, third)))
        ends = {together(together(a, b), c) for a, b, c in orders}
        ends |= {together(a, together(b, c)) for a, b, c in orders}
        [end] = ends
        assert together(end, one) == end
    said = replace(webhook(1), comments=end, marked_at=3, otherwise_at=2)
    assert to_snapshot(SubjectRow(**Subject.first(said, 0.0).columns())) == said


snapshots = st.one_of(
    st.builds(
        webhook,
        st.integers(1, 4),
        st.sampled_from(list(_TYPES)),
        st.sampled_from("abcd"),
        owners=st.sampled_from([[], ["sales"]]),
    ),
    st.builds(api, st.integers(1, 4), st.sampled_from(list(_TYPES)), comments=comments),
)


@given(st.none() | snapshots, snapshots)
def test_asking_twice_is_asking_once(known: Snapshot | None, told: Snapshot) -> None:
    told = replace(told, event_id="")
    merged = merge_from_api(known, told)
    assert merge_from_api(merged, told) == merged


@given(st.none() | snapshots, snapshots, snapshots)
def test_a_webhook_before_or_after_the_api_ends_in_the_same_state(known, hook, told) -> None:
    hook, told = replace(hook, event_id="w"), replace(told, event_id="")
    one = newest(merge_from_api(known, told), hook)
    other = merge_from_api(newest(known, hook), told)
    assert (one.status, one.event_time) == (other.status, other.event_time)


@given(st.lists(snapshots, min_size=2, max_size=4, unique_by=lambda s: s.recency))
def test_snapshots_of_both_merge_to_the_same_end_in_every_order(found: list[Snapshot]) -> None:
    # At one moment webhooks say the same of owners: which of two words stays is then no question.
    found = [replace(s, payload={**s.payload, "owners": [s.payload["told_at"]]}) for s in found]
    ends = []
    for order in permutations(found):
        end: Snapshot | None = None
        for snapshot in order:
            end = newest(end, snapshot)
        ends.append(end)
    assert all(end == ends[0] for end in ends)
