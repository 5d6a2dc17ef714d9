"""Issues, incidents and deliveries as the API tells them, as our values."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from sync.adapters.coalesce import payloads
from sync.adapters.coalesce.entities import MOST_ENTRIES, actor, identifier, status
from sync.adapters.coalesce.envelope import NUMBERS
from sync.adapters.coalesce.fields import LONG, SHORT, child, get, number, text, word
from sync.adapters.coalesce.timestamps import nanoseconds, received
from sync.domain.subject import EventType, Kind, Snapshot, Status, SubjectRef
from sync.ports import Attempt, FailedDelivery

_SEVERITIES = {1: "info", 2: "warn", 3: "error", 4: "fatal"}
_ISSUE_STATES = {1: "open", 2: "closed"}
_INCIDENT_STATES = {1: "open", 2: "closed", 3: "cancelled"}
_LONGEST_ID = 200
# The part of an identifier that names the thing best.
_NAMES = ("table", "node_id", "task_id", "dag_id", "fqn", "monitor_id", "path", "id")


def issue(source: str, workspace: str, id_: str, told: Mapping[str, Any]) -> Snapshot:
    """An issue. Its type and empty event id let a webhook of the same moment, which knows more, win.

    Webhook-only parts of the payload are empty, except that entities carry what their identifiers
    tell, and the message stands for the description.
    """
    state = status(get(told, "latest_status"))
    ended = received(get(told, "ended_at"))
    closed = word(get(told, "state"), "state_", _ISSUE_STATES) == "closed"
    message = text(get(told, "current_message"), LONG) or text(get(told, "message"), LONG)
    affected = get(told, "affected_entities")
    affected = affected if isinstance(affected, list) else []
    payload = payloads.issue({}) | {
        "issue_id": id_,
        "title": text(get(told, "name")),
        "description": message,
        "trigger_message": text(get(told, "last_error_message"), LONG) or message,
        "trigger_entity": _entity(get(told, "trigger_entity")),
        "directly_affected_entities": [
            one for item in affected[:MOST_ENTRIES] if (one := _entity(item)) is not None
        ],
        "more_entities": max(0, len(affected) - MOST_ENTRIES),
        "started_at": received(get(told, "started_at")),
        "ended_at": ended if closed else "",
        "status": state,
        "status_actor": actor(get(told, "latest_status_actor")) if state else None,
        "told_at": 0,
    }
    now = Status.CLOSED if closed else Status(state or Status.OPEN)
    types = {Status.CLOSED: EventType.ISSUE_CLOSED, Status.OPEN: EventType.ISSUE_CREATED}
    severity = word(get(told, "severity"), "severity_", _SEVERITIES)
    return Snapshot(
        ref=SubjectRef(source, Kind.ISSUE, id_),
        workspace=workspace,
        status=now,
        event_type=types.get(now, EventType.ISSUE_STATUS_UPDATED),
        event_time=_latest(told, "updated_at", "ended_at", "started_at"),
        event_id="",
        payload=payload,
        severity=severity if severity in _SEVERITIES.values() else "",
    )


def incident(source: str, workspace: str, id_: str, told: Mapping[str, Any]) -> Snapshot:
    """An incident, with its issues. When it ended is not told; it was last changed then."""
    state = word(get(told, "state"), "state_", _INCIDENT_STATES)
    now = Status(state) if state in _INCIDENT_STATES.values() else Status.OPEN
    types = {
        Status.CLOSED: EventType.INCIDENT_CLOSED,
        Status.CANCELLED: EventType.INCIDENT_CANCELLED,
    }
    issue_ids = get(told, "issue_ids")
    payload = payloads.incident({}) | {
        "incident_id": id_,
        "title": text(get(told, "name")),
        "started_at": received(get(told, "created_at")),
        "ended_at": received(get(told, "updated_at")) if now.ended else "",
        "told_at": 0,
    }
    return Snapshot(
        ref=SubjectRef(source, Kind.INCIDENT, id_),
        workspace=workspace,
        status=now,
        event_type=types.get(now, EventType.INCIDENT_OPEN),
        event_time=_latest(told, "updated_at", "created_at"),
        event_id="",
        payload=payload,
        issue_ids=tuple(dict.fromkeys(ids_in(issue_ids))),
    )


def failed_delivery(told: Mapping[str, Any]) -> FailedDelivery | None:
    """A delivery that failed; None without an id, for nothing could be asked about it."""
    id_ = get(told, "id")
    if not isinstance(id_, str) or not id_:
        return None
    subject = child(told, "subject") or {}
    nanos = nanoseconds(get(told, "created_at")) or 0
    return FailedDelivery(
        id=id_,
        event_id=text(get(told, "event_id")),
        event_type=word(get(told, "event_type"), "event_type_", NUMBERS),
        subject=text(get(subject, "id")),
        created_at=nanos / 1e9,
        status_code=number(get(told, "status_code")) or 0,
        redelivery_of=text(get(told, "redelivery_of")),
    )


def attempt(told: Mapping[str, Any]) -> Attempt:
    """One attempt at a delivery."""
    http = child(told, "http") or {}
    code = next(
        (
            found
            for holder in (told, http)
            for name in ("status_code", "response_status_code", "response_status")
            if (found := number(get(holder, name)))
        ),
        0,
    )
    words = text(get(told, "error")) or text(get(http, "error")) or text(get(told, "error_message"))
    return Attempt(_exact(get(http, "request_body")), code, words)


def ids_in(value: Any) -> list[str]:
    """The ids in a list, without what is none."""
    if not isinstance(value, list):
        return []
    return [one for one in value if isinstance(one, str) and 0 < len(one) <= _LONGEST_ID]


def _exact(value: Any) -> bytes | None:
    """A body as it was sent. A proto field of type bytes would come in base64, one of text as it is."""
    if isinstance(value, Mapping):
        return None
    if not isinstance(value, str) or not value:
        return None
    if not value.lstrip().startswith(("{", "[")):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return value.encode("utf-8", "surrogatepass")
    return value.encode("utf-8", "surrogatepass")


def _latest(told: Mapping[str, Any], *names: str) -> int:
    return next((at for name in names if (at := nanoseconds(get(told, name)))), 0)


def _entity(value: Any) -> dict[str, Any] | None:
    found = identifier(value)
    if not found["platform"]:
        return None
    name = next((found[part] for part in _NAMES if isinstance(found.get(part), str)), "")
    return {
        "name": text(name, SHORT),
        "type_name": "",
        "folder": "",
        "entity_url": "",
        "identifier": found,
    }
