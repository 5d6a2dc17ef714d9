"""What is read of the body of a webhook: the ticket, the event, the time; and of what no ticket."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.adapters.jira.webhook import NEEDED, JiraNotices, WebhookSecrets
from sync.domain.errors import Unreadable
from sync.domain.notice import Notice

SITE = JiraNotices("main", WebhookSecrets())
COMMENT = "https://jira.example.com/jira/rest/api/2/issue/10002/comment/10100"


def read(body: Any) -> Notice:
    return SITE.read(json.dumps(body).encode())


@pytest.mark.parametrize("event", NEEDED)
@pytest.mark.parametrize("id_", ["10001", 10001])
def test_the_ticket_is_known_by_its_id_whether_text_or_number(event: str, id_: str | int) -> None:
    body = {
        "timestamp": 1_790_000_000_123,
        "webhookEvent": event,
        "user": {"displayName": "Ada"},
        "issue": {"id": id_, "key": "DATA-1", "fields": {"summary": "x"}},
    }
    assert read(body) == Notice("10001", event, 1_790_000_000.123)


def test_an_event_of_a_comment_without_a_ticket_is_known_by_the_comments_address() -> None:
    body = {"webhookEvent": "comment_created", "comment": {"self": COMMENT, "id": "10100"}}
    assert read(body) == Notice("10002", "comment_created")


@pytest.mark.parametrize(
    "body",
    [
        {"issue": {"id": 11111, "key": "DATA-1", "changelog": {}}},
        {"id": 11111, "key": "DATA-1", "fields": {}},
        {"id": "11111"},
    ],
    ids=["in Jira's format", "in Automation's", "id alone"],
)
def test_the_ticket_of_a_web_request_of_automation_is_known(body: dict[str, Any]) -> None:
    assert read(body) == Notice("11111")


@pytest.mark.parametrize(
    "body",
    [
        {"webhookEvent": "jira:issue_created", "issue": {"id": "10001"}},
        {"webhookEvent": "jira:worklog_updated", "issue": {"id": "10001"}},
        {"webhookEvent": "jira:version_released", "version": {"id": 5}},
        {"webhookEvent": "user_created", "id": 7},
        {"webhookEvent": "comment_created", "comment": {"self": "https://jira.example.com/1"}},
        {"webhookEvent": "comment_created", "comment": "text"},
        {"webhookEvent": "jira:issue_updated", "issue": {"key": "DATA-1"}},
        {"webhookEvent": "jira:issue_updated", "issue": "10001"},
        {"webhookEvent": "jira:issue_updated", "issue": None},
        {"webhookEvent": "jira:issue_updated", "id": 10001},
        {"issue": {"id": True}},
        {"issue": {"id": -5}},
        {"issue": {"id": 1.5}},
        {"issue": {"id": "1; DROP TABLE tickets"}},
        {"issue": {"id": "١٠٠٠١"}},
        {"issue": {"id": 10**30}},
        {"issue": {"id": ["10001"]}},
        {},
        [],
        None,
        7,
        "a ticket was closed",
    ],
)
def test_a_body_about_no_ticket_of_ours_is_read_and_names_none(body: Any) -> None:
    assert read(body).ticket == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ticket DATA-1 was closed",
        b'{"issue": {"id": "10001"',
        b'{"issue": {"id": "10001"}} and more',
        b'{"issue": ' + b"[" * 100_000,
        b'{"x": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b"\xff\xfe",
        b"\x00" * 100,
    ],
)
def test_a_body_that_is_no_json_is_told_apart_from_one_about_nothing(body: bytes) -> None:
    with pytest.raises(Unreadable, match="cannot be read as JSON"):
        SITE.read(body)


def test_what_is_not_looked_for_may_be_anything() -> None:
    body = (
        b'{"webhookEvent": "jira:issue_updated", "x": "\xff", "y": [[[[{"a": 1e999}]]]], '
        b'"issue": {"fields": {"description": "\xff"}, "id": "10001"}}'
    )
    assert SITE.read(body).ticket == "10001"


@pytest.mark.parametrize("at", [-1, 0, 10**15, "soon", None, 1.5, True])
def test_a_time_that_can_be_none_is_left_out(at: Any) -> None:
    assert read({"timestamp": at, "issue": {"id": 1}}).at == 0.0


def test_a_long_word_in_place_of_an_event_or_id_is_not_kept() -> None:
    assert read({"webhookEvent": "x" * 100_000, "issue": {"id": "1"}}) == Notice("1")
    assert read({"issue": {"id": "1" * 100_000}}) == Notice("")


def json_values() -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_names(), inner, max_size=4),
        max_leaves=20,
    )


def _names() -> st.SearchStrategy[str]:
    words = ["webhookEvent", "timestamp", "issue", "comment", "id", "self", "key"]
    return st.sampled_from(words) | st.text(max_size=5)


@given(json_values())
def test_whatever_json_comes_the_id_is_digits_or_nothing(value: Any) -> None:
    found = SITE.read(json.dumps(value, allow_nan=False).encode() if _finite(value) else b"{}")
    assert found.ticket == "" or (found.ticket.isascii() and found.ticket.isdecimal())


def _finite(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_are_read_or_unreadable(body: bytes) -> None:
    try:
        found = SITE.read(body)
    except Unreadable:
        return
    assert isinstance(found, Notice)
