"""Whatever comes: it is read, or it is said why not. Nothing else happens."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync.adapters.coalesce import CoalesceSource
from sync.domain.errors import Unreadable
from sync.domain.subject import Event, SubjectRef
from sync.domain.text import clean
from sync.sandbox.coalesce import FORMATS, SAMPLES, CoalesceSandbox, Stream, encode, render
from sync.sandbox.coalesce.samples import sample_event
from sync.sandbox.coalesce.subjects import nanos, rfc3339
from tests.clock import SimulatedClock

SOURCE = CoalesceSource()
ENVELOPE = (
    "workspace event_id eventId event_time eventTime event_type eventType callbacks ping issue "
    "incident issue_created issueCreated issue_closed incident_open incidentCancelled"
)
MESSAGE = (
    "issue_id issueId incident_id title description trigger_entity triggerEntity owners started_at "
    "directly_affected_entities monitoredEntities endedAt status status_actor statusActor identifier "
    "name via monitor monitored_id monitoredId url issues_command email seconds nanos"
)
NAMES = (*ENVELOPE.split(), *MESSAGE.split())
WORDS = st.sampled_from(
    [
        "EVENT_TYPE_ISSUE_CREATED",
        "ISSUE_STATUS_FIXED",
        "2026-09-21T10:00:00Z",
        "VIA_API",
        "i1",
        "11",
    ]
)
ANY_TEXT = st.text(st.characters(codec=None), max_size=20) | WORDS
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | ANY_TEXT, inner, max_size=6)
    ),
    max_leaves=30,
)


def settle(body: bytes) -> Event | None:
    """Read it, and hold what comes out against what the store and Jira can take."""
    event_id, event_type = SOURCE.identify(body)
    assert len(event_id) <= 200
    assert len(event_type) <= 64
    assert clean(event_id) == event_id
    try:
        [event] = SOURCE.read(body)
    except Unreadable:
        return None
    assert event.id
    assert event_id in ("", event.id)
    assert 0 <= event.time < 2**63
    assert len(event.workspace) <= 200
    storable([event.id, event.workspace, event.message, *event.callbacks])
    if event.snapshot is not None:
        ref = str(event.snapshot.ref)
        assert len(ref) <= 300
        assert SubjectRef.parse(ref) == event.snapshot.ref
        assert event.snapshot.at
        storable([ref, event.snapshot.payload])
    return event


def storable(value: Any) -> None:
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    text.encode()
    for odd in ("\\u0000", "\\u001b", "\\b", "\\f", "\\r", "\x7f", "\ufffe"):
        assert odd not in text.replace("\\\\", "")


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    settle(body)


@given(JSON)
def test_any_json(value: Any) -> None:
    settle(json.dumps(value).encode())


@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8))
def test_any_values_under_known_names(value: Any) -> None:
    settle(json.dumps(value).encode())


@given(st.sampled_from(SAMPLES), st.sampled_from(FORMATS), st.data())
def test_good_bodies_with_some_values_changed(name: str, form: Any, data: st.DataObject) -> None:
    body = render(sample_event(name, now=1_790_000_000.0), form)
    for _ in range(data.draw(st.integers(1, 4))):
        places = list(walk(body))
        holder, key = places[data.draw(st.integers(0, len(places) - 1))]
        holder[key] = data.draw(JSON)
    settle(json.dumps(body).encode())


def walk(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, dict | list):
            yield from walk(inner)


@given(st.sampled_from(SAMPLES), st.data())
def test_good_bodies_with_some_bytes_changed(name: str, data: st.DataObject) -> None:
    body = bytearray(encode(render(sample_event(name, now=1_790_000_000.0))))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    settle(bytes(body))


TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
ENTITIES = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXTS,
        "type_name": TEXTS,
        "folder": TEXTS,
        "entity_url": TEXTS,
        "identifier": st.sampled_from(
            [
                {"bigquery_table": {"project": "p", "dataset": "d", "table": "t"}},
                {"dbt_core_node": {"integration_id": "i", "node_id": "n"}},
                {"monitor": {"monitor_id": "m", "monitored_id": {"custom": {"id": "c"}}}},
            ]
        ),
    },
)
TIMES = st.floats(1e9, 2e9).map(lambda at: rfc3339(nanos(at)))
ISSUES = st.fixed_dictionaries(
    {"issue_id": st.uuids().map(str)},
    optional={
        "title": TEXTS,
        "description": TEXTS,
        "trigger_entity": ENTITIES,
        "directly_affected_entities": st.lists(ENTITIES, max_size=3),
        "monitored_entities": st.lists(ENTITIES, max_size=3),
        "started_at": TIMES,
        "ended_at": TIMES,
        "status": st.sampled_from(["investigating", "expected", "fixed", "no_action_needed"]),
        "status_actor": st.fixed_dictionaries(
            {"name": TEXTS},
            optional={
                "via": st.sampled_from(["api", "mcp", "slack", "pagerduty"]),
                "email": st.just({"user_email": "a@example.com"}),
            },
        ),
        "owners": st.lists(
            st.fixed_dictionaries({}, optional={"id": TEXTS, "title": TEXTS}), max_size=3
        ),
    },
)
INCIDENTS = st.fixed_dictionaries(
    {"incident_id": st.uuids().map(str)},
    optional={"title": TEXTS, "description": TEXTS, "started_at": TIMES, "ended_at": TIMES},
)


@given(st.sampled_from(SAMPLES[1:]), st.data())
def test_one_event_reads_the_same_in_all_eight_forms(name: str, data: st.DataObject) -> None:
    kind = name.partition("_")[0]
    event = {
        "workspace": data.draw(TEXTS),
        "event_id": data.draw(st.uuids().map(str)),
        "event_time": data.draw(TIMES),
        "type": name,
        kind: data.draw(ISSUES if kind == "issue" else INCIDENTS),
    }
    found = [settle(encode(render(event, form))) for form in FORMATS]
    assert found[0] is not None
    assert all(one == found[0] for one in found)


def test_a_whole_story_is_read_whatever_the_forms() -> None:
    clock = SimulatedClock()
    sandbox = CoalesceSandbox(clock, seed=11)
    stream = Stream(sandbox, seed=11)
    for _ in range(300):
        stream.step()
        clock.sleep(1)
    pick = random.Random(1)
    for event in sandbox.events:
        read = settle(encode(render(event, pick.choice(FORMATS))))
        assert read is not None
        assert read.type.value == event["type"]
        assert read.snapshot is not None
