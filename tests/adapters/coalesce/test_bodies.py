"""Webhook bodies are read in every form they come in, to the same event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.adapters.coalesce import CoalesceSource
from sync.domain.errors import Unreadable
from sync.domain.subject import Event, EventType, Kind, Status, SubjectRef, newest
from sync.sandbox.coalesce import FORMATS, SAMPLES, encode, render
from sync.sandbox.coalesce.samples import sample_event

AT = 1_790_000_000.123456
SOURCE = CoalesceSource()


def read(body: Any) -> Event:
    [event] = SOURCE.read(body if isinstance(body, bytes) else json.dumps(body).encode())
    return event


def issue_body(type_: Any = "EVENT_TYPE_ISSUE_CREATED", **issue: Any) -> dict[str, Any]:
    found = {
        "event_id": "e1",
        "event_time": "2026-09-21T10:00:00Z",
        "issue": {"issue_id": "i1", **issue},
    }
    return found if type_ is None else {**found, "event_type": type_}


STATE = ("ended_at", "status", "status_actor")
TEXTS = ("description", "description_html", "trigger_message")
LISTS = ("owners", "directly_affected_entities", "monitored_entities")
LASTING = ("issue_url", "issue_group_id", "trigger_name", "trigger_run_id", "trigger_entity")


def payload(**issue: Any) -> dict[str, Any]:
    snapshot = read(issue_body(**issue)).snapshot
    assert snapshot is not None
    return dict(snapshot.payload)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_type_reads_the_same_in_all_eight_forms(name: str) -> None:
    event = sample_event(name, now=AT)
    bodies = [encode(render(event, form)) for form in FORMATS]
    found = [read(body) for body in bodies]
    assert all(one == found[0] for one in found)
    assert found[0].type is EventType(name)
    assert found[0].id == event["event_id"]
    assert found[0].workspace == "acme"
    assert {SOURCE.identify(body)[0] for body in bodies} == {event["event_id"]}


@pytest.mark.parametrize(
    "name, status",
    [
        ("issue_created", Status.OPEN),
        ("issue_updated", Status.OPEN),
        ("issue_status_updated", Status.INVESTIGATING),
        ("issue_closed", Status.CLOSED),
        ("incident_open", Status.OPEN),
        ("incident_closed", Status.CLOSED),
        ("incident_cancelled", Status.CANCELLED),
    ],
)
def test_a_type_leaves_its_subject_in_its_status(name: str, status: Status) -> None:
    snapshot = read(encode(render(sample_event(name, subject="s1", now=AT)))).snapshot
    assert snapshot is not None
    assert snapshot.status is status
    assert snapshot.ref == SubjectRef("coalesce", Kind(name.partition("_")[0]), "s1")
    assert snapshot.event_time == 1_790_000_000_123_456_000


def test_what_is_absent_is_there_and_empty() -> None:
    found = payload()
    assert found.pop("told_at") > 0
    assert set(found.pop("left_out")) == set(found) - {"issue_id", *STATE}
    assert found == {
        "issue_id": "i1",
        "issue_group_id": "",
        "issue_url": "",
        "title": "",
        "description": "",
        "description_html": "",
        "trigger_entity": None,
        "directly_affected_entities": [],
        "monitored_entities": [],
        "more_entities": 0,
        "started_at": "",
        "ended_at": "",
        "trigger_run_id": "",
        "trigger_name": "",
        "trigger_message": "",
        "status": "",
        "status_actor": None,
        "owners": [],
    }


@pytest.mark.parametrize("absent", [None, "", [], {}, False])
def test_null_and_empty_count_as_absent(absent: Any) -> None:
    """But an empty text or list, where its own field is never left out, is told apart from that."""
    empty = payload()
    said = {str: TEXTS, list: LISTS}.get(type(absent), ())
    for name in set(empty) - {"issue_id", "told_at", "left_out"}:
        found = payload(**{name: absent})
        left_out = set(empty["left_out"]) - ({name} if name in said else set())
        assert set(found.pop("left_out")) | {"more_entities"} == left_out
        assert found == {key: value for key, value in empty.items() if key != "left_out"}


@given(
    st.dictionaries(st.sampled_from([*TEXTS, *LISTS, *LASTING]), st.booleans(), max_size=8),
    st.sampled_from(["issue_updated", "issue_status_updated", "issue_closed"]),
    st.booleans(),
)
def test_a_field_that_is_left_out_keeps_what_was_said_of_it(
    given_fields: dict[str, bool], type_: str, whole: bool
) -> None:
    """``given_fields``: whether each field is given anew, or given and empty."""
    before = read(encode(render(sample_event("issue_created", subject="s1", now=AT)))).snapshot
    event = sample_event(type_, subject="s1", now=AT + 60)
    anew = {name: event["issue"][name] for name in event["issue"]}
    message = {"issue_id": "s1", **({"title": "now"} if whole else {})}
    for name, full in given_fields.items():
        message[name] = anew.get(name) if full else {str: "", list: []}.get(type(anew.get(name)))
    after = read({**event, "event_type": type_, "issue": message}).snapshot
    assert before is not None
    assert after is not None
    merged = newest(before, after)
    assert merged == newest(after, before)
    assert merged.payload["title"] == ("now" if whole else before.payload["title"])
    for name in (*TEXTS, *LISTS, *LASTING):
        full, was = given_fields.get(name), before.payload[name]
        given_now = after.payload[name]
        if full and given_now:
            assert merged.payload[name] == given_now
        elif name in LASTING or (name in TEXTS and full is None):
            assert merged.payload[name] == was
        elif name in LISTS and full is None:
            assert merged.payload[name] == ([] if whole else was)
    ends = {"issue_updated": before.status if not whole else Status.OPEN}
    assert merged.status is ends.get(type_, after.status)


def test_an_update_that_says_nothing_but_the_id_does_not_reopen_its_issue() -> None:
    closed = read(encode(render(sample_event("issue_closed", subject="s1", now=AT)))).snapshot
    event = sample_event("issue_updated", subject="s1", now=AT + 60)
    after = read({**event, "event_type": 12, "issue": {"issue_id": "s1"}}).snapshot
    assert closed is not None
    assert after is not None
    merged = newest(closed, after)
    assert merged.status is Status.CLOSED
    assert merged.payload["ended_at"] == closed.payload["ended_at"]


@pytest.mark.parametrize(
    "value, status",
    [
        ("ISSUE_STATUS_INVESTIGATING", Status.INVESTIGATING),
        ("issue_status_fixed", Status.FIXED),
        ("STATUS_EXPECTED", Status.EXPECTED),
        ("NO_ACTION_NEEDED", Status.NO_ACTION_NEEDED),
        (1, Status.INVESTIGATING),
        ("3", Status.FIXED),
        (4.0, Status.NO_ACTION_NEEDED),
        (0, Status.OPEN),
        ("ISSUE_STATUS_UNSPECIFIED", Status.OPEN),
        ("ISSUE_STATUS_SNOOZED", Status.OPEN),
        (99, Status.OPEN),
        (-1, Status.OPEN),
        (10**30, Status.OPEN),
        (True, Status.OPEN),
        (["ISSUE_STATUS_FIXED"], Status.OPEN),
        ("closed", Status.OPEN),
    ],
)
def test_a_status_comes_by_name_or_number_and_unknown_ones_are_open(value, status) -> None:
    snapshot = read(issue_body(status=value)).snapshot
    assert snapshot is not None
    assert snapshot.status is status


@pytest.mark.parametrize(
    "value, type_",
    [
        ("EVENT_TYPE_ISSUE_CLOSED", EventType.ISSUE_CLOSED),
        ("issue_closed", EventType.ISSUE_CLOSED),
        (14, EventType.ISSUE_CLOSED),
        ("14", EventType.ISSUE_CLOSED),
        (14.0, EventType.ISSUE_CLOSED),
        ("EVENT_TYPE_ISSUE_SNOOZED", EventType.UNKNOWN),
        (15, EventType.UNKNOWN),
        (0, EventType.UNKNOWN),
        (None, EventType.UNKNOWN),
        ({"a": 1}, EventType.UNKNOWN),
        ("EVENT_TYPE_INCIDENT_OPEN", EventType.UNKNOWN),
    ],
)
def test_a_type_comes_by_name_or_number_and_the_payload_says_the_kind(value, type_) -> None:
    event = read(issue_body(value))
    assert event.type is type_
    about = event.about if event.snapshot is None else event.snapshot.ref
    assert about == SubjectRef("coalesce", Kind.ISSUE, "i1")
    assert (event.snapshot is None) is (type_ is EventType.UNKNOWN)


def test_without_a_type_the_key_tells_it() -> None:
    body = {"issueClosed": {"issue": {"issueId": "i1"}}, "eventId": "e1"}
    assert read(body).type is EventType.ISSUE_CLOSED
    assert read({"incident_cancelled": {"incident": {"incident_id": "x"}}}).snapshot.status is (  # type: ignore[union-attr]
        Status.CANCELLED
    )
    assert read({"ping": {"message": "hi"}}).message == "hi"


def test_a_payload_under_another_events_key_is_found_and_the_type_stands() -> None:
    body = {
        "event_type": "EVENT_TYPE_ISSUE_CLOSED",
        "issue_created": {"issue": {"issue_id": "i1", "title": "t"}},
    }
    event = read(body)
    assert event.snapshot is not None
    assert (event.type, event.snapshot.status) == (EventType.ISSUE_CLOSED, Status.CLOSED)
    assert event.snapshot.payload["title"] == "t"


def test_of_several_payloads_the_one_that_fits_the_type_counts() -> None:
    body: dict[str, Any] = {
        "event_id": "e1",
        "event_type": 12,
        "issue": {"issue_id": "flat"},
        "issue_created": {"issue": {"issue_id": "other"}},
        "issue_updated": {"issue": {"issue_id": "own"}},
        "incident": {"incident_id": "no"},
    }
    assert read(body).snapshot.ref.id == "own"  # type: ignore[union-attr]
    body["issue_updated"] = {"issue": {}}
    assert read(body).snapshot.ref.id in ("flat", "other")  # type: ignore[union-attr]
    assert read(dict(reversed(body.items()))) == read(body)


def test_an_event_of_a_newer_type_says_no_more_than_its_subject() -> None:
    body = {"event_type": "EVENT_TYPE_ISSUE_SNOOZED", "issue_snoozed": {"issue": {"issue_id": "i"}}}
    event = read(body)
    assert (event.type, event.snapshot) == (EventType.UNKNOWN, None)
    assert event.about == SubjectRef("coalesce", Kind.ISSUE, "i")
    assert event.message == "an event of a type not known here: issue_snoozed"
    event = read({"event_type": 77, "shiny": {"new": 1}})
    assert (event.type, event.snapshot) == (EventType.UNKNOWN, None)


def test_an_issue_that_has_ended_is_closed_whatever_the_type_and_one_that_came_back_is_open() -> (
    None
):
    ended = read(issue_body("EVENT_TYPE_ISSUE_UPDATED", ended_at="2026-09-21T09:00:00Z"))
    assert ended.snapshot.status is Status.CLOSED  # type: ignore[union-attr]
    for zero in ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "", "soon", 0):
        back = read(issue_body("EVENT_TYPE_ISSUE_UPDATED", ended_at=zero))
        assert back.snapshot.status is Status.OPEN  # type: ignore[union-attr]


def test_without_a_time_of_its_own_an_event_has_that_of_its_subject() -> None:
    def time(**fields: Any) -> int:
        body = issue_body(**fields)
        body["event_time"] = "yesterday"
        return read(body).time

    assert time() == 0
    assert time(started_at="1970-01-01T00:00:01Z") == 10**9
    assert time(started_at="1970-01-01T00:00:01Z", ended_at="1970-01-01T00:00:02Z") == 2 * 10**9


def test_an_event_without_an_id_gets_the_one_of_its_body() -> None:
    body = json.dumps({**issue_body(), "event_id": ["odd"]}).encode()
    assert SOURCE.identify(body) == ("", "EVENT_TYPE_ISSUE_CREATED")
    assert read(body).id.startswith("sha256:")
    assert read(body).id == read(body).id != read(body + b" ").id


@pytest.mark.parametrize("odd", ["x" * 201, "", "a\x00b", "\ud800", "a\nb\x1b", 5, None, {}])
def test_an_event_id_that_cannot_be_stored_is_none(odd: Any) -> None:
    assert SOURCE.identify(json.dumps({"event_id": odd}).encode())[0] == ""


@pytest.mark.parametrize(
    "body, words",
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff{}", "not UTF-8"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b"[]", "a list"),
        (b'"x"', "text"),
        (b"null", "null"),
        (b"{}", "neither an event_type nor"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 100_000, "nested"),
        (b'{"event_type":10,"x":' + b"[" * 80 + b"]" * 80 + b"}", "nested"),
        ({"event_type": 11}, "issue_created.issue is missing"),
        ({"event_type": 21, "incident_closed": 5}, "incident_closed.incident is missing"),
        ({"event_type": 11, "issue_created": {"issue": {}}}, "issue_created.issue.issue_id is mis"),
        ({"event_type": 11, "issue_created": {}}, "issue_created.issue_id is missing"),
        (issue_body(issue_id=None), "issue.issue_id is missing"),
        (issue_body(issue_id=5), "issue.issue_id is a number"),
        (issue_body(issue_id=["i1"]), "issue.issue_id is a list"),
        (issue_body(issue_id="  "), "issue.issue_id is blank"),
        (issue_body(issue_id="i" * 201), "issue.issue_id has 201 characters"),
        (issue_body(issue_id="i\x00"), "issue.issue_id holds characters"),
        (issue_body(issue_id="\ud800"), "issue.issue_id holds characters"),
        ({**issue_body(), "workspace": "w" * 201}, "workspace has 201 characters"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(body: Any, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read(body)


def test_a_byte_order_mark_and_unknown_fields_do_no_harm() -> None:
    body = {**issue_body(), "new_field": {"deep": [[[]]]}, "": 1, "issue_id": "other"}
    assert read(b"\xef\xbb\xbf" + json.dumps(body).encode()).snapshot.ref.id == "i1"  # type: ignore[union-attr]


def test_numbers_no_machine_can_hold_do_no_harm() -> None:
    raw = json.dumps(issue_body(title="TITLE", started_at="START")).encode()
    raw = raw.replace(b'"TITLE"', b"9" * 5000).replace(b'"START"', b"1e999")
    assert read(raw).snapshot.payload["title"].startswith("999")  # type: ignore[union-attr]
    for odd in (b"NaN", b"Infinity", b"-Infinity", b"-0", b"1e-400"):
        raw = json.dumps(issue_body(title="TITLE")).encode().replace(b'"TITLE"', odd)
        assert read(raw).snapshot.payload["title"] in ("", "0")  # type: ignore[union-attr]


def test_of_a_key_that_is_there_twice_the_last_counts() -> None:
    raw = b'{"event_type":11,"issue":{"issue_id":"a"},"issue":{"issue_id":"b","issue_id":"c"}}'
    assert read(raw).snapshot.ref.id == "c"  # type: ignore[union-attr]


def test_callbacks_keep_their_command_as_it_came() -> None:
    command = {"workspace": "acme", "markFixed": {"issueId": "i1", "actor": {"name": "n"}}}
    body = {
        **issue_body(),
        "callbacks": [
            {"url": "https://api.example.com/c", "actionName": "Fix", "issuesCommand": command},
            {"url": ""},
            "odd",
            {"url": "https://api.example.com/d"},
        ],
    }
    assert read(body).callbacks == (
        {"url": "https://api.example.com/c", "action_name": "Fix", "issues_command": command},
        {"url": "https://api.example.com/d", "action_name": "", "issues_command": None},
    )


@pytest.mark.parametrize("key", ["a\x1b[2J\nforged b\0c", "k" * 900_000], ids=["odd", "long"])
def test_the_name_of_a_key_is_told_without_what_terminals_obey_and_cut(key: str) -> None:
    body = {"event_type": "NEWER", "event_id": "e", key: {"issue": {"title": "t"}}}
    with pytest.raises(Unreadable) as caught:
        CoalesceSource(["s"]).read(json.dumps(body).encode())
    words = str(caught.value)
    assert words.isprintable()
    assert len(words) < 200
