"""Issues and incidents in the API's answers, read into snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.adapters.coalesce.message.entities import MOST_ENTRIES, actor, identifier, status
from sync.adapters.coalesce.message.fields import get, long_text, text, word
from sync.adapters.coalesce.message.names import NAME
from sync.adapters.coalesce.message.timestamps import nanoseconds, received
from sync.domain.payload import empty_incident, empty_issue
from sync.domain.subject import EventType, Kind, Snapshot, Status, SubjectRef
from sync.domain.subject_comments import UpstreamComment, together

_SEVERITIES = {1: "info", 2: "warn", 3: "error", 4: "fatal"}
_ISSUE_STATES = {1: "open", 2: "closed"}
_INCIDENT_STATES = {1: "open", 2: "closed", 3: "cancelled"}
_ISSUE_EVENTS = {Status.CLOSED: EventType.ISSUE_CLOSED, Status.OPEN: EventType.ISSUE_CREATED}
_INCIDENT_EVENTS = {
    Status.CLOSED: EventType.INCIDENT_CLOSED,
    Status.CANCELLED: EventType.INCIDENT_CANCELLED,
}
_LONGEST_ID = 200
# More than a comment in Jira can hold, so that whoever copies the comment sees that it has to be cut.
_LONGEST_COMMENT = 40_000
# The parts of an identifier that can name its entity, best first.
_NAMES = ("table", "node_id", "task_id", "dag_id", "fqn", "monitor_id", "path", "id")


def issue(id_: str, answer: Mapping[str, Any]) -> Snapshot:
    """An issue, without its workspace, which the API does not return.

    Its event id is empty, so that a webhook of the same moment, which knows more, counts as newer. The
    payload has what the API returns: an entity has the parts of its identifier, and the issue's message
    is its description.
    """
    state = status(get(answer, "latest_status"))
    closed = word(get(answer, "state"), "state_", _ISSUE_STATES) == "closed"
    affected = get(answer, "affected_entities")
    affected = affected if isinstance(affected, list) else []
    message = long_text(get(answer, "current_message")) or long_text(get(answer, "message"))
    payload = empty_issue() | {
        "issue_id": id_,
        "title": text(get(answer, "name")),
        "description": message,
        "trigger_message": long_text(get(answer, "last_error_message")) or message,
        "trigger_entity": _entity(get(answer, "trigger_entity")),
        "directly_affected_entities": [
            one for item in affected[:MOST_ENTRIES] if (one := _entity(item)) is not None
        ],
        "more_entities": max(0, len(affected) - MOST_ENTRIES),
        "started_at": received(get(answer, "started_at")),
        "ended_at": received(get(answer, "ended_at")) if closed else "",
        "status": state,
        # Of an issue without a status: whoever took the status off.
        "status_actor": actor(get(answer, "latest_status_actor")),
    }
    now = Status.CLOSED if closed else Status(state or Status.OPEN)
    severity = word(get(answer, "severity"), "severity_", _SEVERITIES)
    return Snapshot(
        ref=SubjectRef(NAME, Kind.ISSUE, id_),
        workspace="",
        status=now,
        event_type=_ISSUE_EVENTS.get(now, EventType.ISSUE_STATUS_UPDATED),
        event_time=_first_time(answer, "updated_at", "ended_at", "started_at"),
        event_id="",
        payload=payload,
        severity=severity if severity in _SEVERITIES.values() else "",
        comments=_comments(get(answer, "comments")),
    )


def incident(id_: str, answer: Mapping[str, Any]) -> Snapshot:
    """An incident, with its issues and without its workspace.

    The API does not return when an incident ended; the time of its last update stands for that.
    """
    state = word(get(answer, "state"), "state_", _INCIDENT_STATES)
    now = Status(state) if state in _INCIDENT_STATES.values() else Status.OPEN
    payload = empty_incident() | {
        "incident_id": id_,
        "title": text(get(answer, "name")),
        "started_at": received(get(answer, "created_at")),
        "ended_at": received(get(answer, "updated_at")) if now.ended else "",
    }
    return Snapshot(
        ref=SubjectRef(NAME, Kind.INCIDENT, id_),
        workspace="",
        status=now,
        event_type=_INCIDENT_EVENTS.get(now, EventType.INCIDENT_OPEN),
        event_time=_first_time(answer, "updated_at", "created_at"),
        event_id="",
        payload=payload,
        issue_ids=tuple(dict.fromkeys(ids_in(get(answer, "issue_ids")))),
        comments=_comments(get(answer, "comments")),
    )


def ids_in(value: Any) -> list[str]:
    """The ids in a list, without other values."""
    if not isinstance(value, list):
        return []
    return [one for one in value if isinstance(one, str) and 0 < len(one) <= _LONGEST_ID]


def _comments(value: Any) -> tuple[UpstreamComment, ...]:
    """The comments in a list, without those that have no id or no time: they could not be told from
    others, or from those that are known."""
    found = []
    for one in value if isinstance(value, list) else ():
        if not isinstance(one, Mapping):
            continue
        id_, at = get(one, "id"), nanoseconds(get(one, "created_at"))
        if at is None or not ids_in([id_]):
            continue
        who = actor(get(one, "actor")) or {}
        said = text(get(one, "message"), _LONGEST_COMMENT)
        found.append(UpstreamComment(id_, said, who.get("name") or who.get("email", ""), at / 1e9))
    return together(tuple(found), ())


def _first_time(answer: Mapping[str, Any], *names: str) -> int:
    """The first of these fields that is a time, in nanoseconds; 0 if none is."""
    return next((at for name in names if (at := nanoseconds(get(answer, name)))), 0)


def _entity(value: Any) -> dict[str, Any] | None:
    found = identifier(value)
    if not found["platform"]:
        return None
    name = next((found[part] for part in _NAMES if isinstance(found.get(part), str)), "")
    return {
        "name": text(name),
        "type_name": "",
        "folder": "",
        "entity_url": "",
        "identifier": found,
    }
