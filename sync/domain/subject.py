"""Subjects, the events that speak of them, and the snapshot we keep of each.

Shapes follow Coalesce Quality's webhook messages (``synq.webhooks.v1``): a payload is the message
with snake_case names, enums as short lower-case words and every absent field filled with its proto3
default, so that rules and templates never meet a missing key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a subject is upstream."""

    ISSUE = "issue"
    INCIDENT = "incident"


class Status(StrEnum):
    """Where a subject stands: its lifecycle and its triage status folded into one word."""

    OPEN = "open"
    INVESTIGATING = "investigating"
    EXPECTED = "expected"
    FIXED = "fixed"
    NO_ACTION_NEEDED = "no_action_needed"
    CLOSED = "closed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """The subject is over upstream (closed or cancelled)."""
        return self in (Status.CLOSED, Status.CANCELLED)


class EventType(StrEnum):
    """What a delivery says happened. ``UNKNOWN`` is a type newer than this program."""

    PING = "ping"
    ISSUE_CREATED = "issue_created"
    ISSUE_UPDATED = "issue_updated"
    ISSUE_STATUS_UPDATED = "issue_status_updated"
    ISSUE_CLOSED = "issue_closed"
    INCIDENT_OPEN = "incident_open"
    INCIDENT_CLOSED = "incident_closed"
    INCIDENT_CANCELLED = "incident_cancelled"
    UNKNOWN = "unknown"


# Two events of one subject can carry the same time. The one later in a lifecycle wins, so that the
# outcome does not depend on the order of arrival.
_RANK = {
    EventType.ISSUE_CREATED: 0,
    EventType.INCIDENT_OPEN: 0,
    EventType.ISSUE_UPDATED: 1,
    EventType.ISSUE_STATUS_UPDATED: 2,
    EventType.ISSUE_CLOSED: 3,
    EventType.INCIDENT_CLOSED: 3,
    EventType.INCIDENT_CANCELLED: 4,
}


@dataclass(frozen=True, slots=True, order=True)
class SubjectRef:
    """The name of a subject: the system it lives in, its kind, and its id there."""

    source: str
    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.source}:{self.kind.value}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> SubjectRef:
        """Read back what ``str()`` wrote. Raises ValueError on anything else."""
        source, kind, id_ = text.split(":", 2)
        return cls(source, Kind(kind), id_)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The newest known state of a subject.

    ``event_time`` is in nanoseconds since the epoch (upstream timestamps have nanosecond fractions).
    ``payload`` is the issue or incident message in canonical form. ``severity`` (``info``, ``warn``,
    ``error``, ``fatal`` or empty) and ``issue_ids`` (of an incident) are not in webhooks; they come
    from the API and survive webhooks that do not know them.
    """

    ref: SubjectRef
    workspace: str
    status: Status
    event_type: EventType
    event_time: int
    event_id: str
    payload: Mapping[str, Any]
    severity: str = ""
    issue_ids: tuple[str, ...] = ()

    @property
    def recency(self) -> tuple[int, int, str]:
        """Total order over the events of one subject; the greatest is the newest."""
        return (self.event_time, _RANK.get(self.event_type, 1), self.event_id)

    @property
    def at(self) -> datetime:
        """``event_time`` as a UTC datetime (microseconds)."""
        return datetime.fromtimestamp(self.event_time / 1e9, tz=UTC)


def newest(known: Snapshot | None, incoming: Snapshot) -> Snapshot:
    """The newer of two snapshots of one subject.

    Commutative, associative and idempotent, so late, duplicate and reordered deliveries end in the
    same snapshot. What only the API knows is carried over.
    """
    if known is None:
        return incoming
    new, old = (incoming, known) if incoming.recency > known.recency else (known, incoming)
    return replace(
        new, severity=new.severity or old.severity, issue_ids=new.issue_ids or old.issue_ids
    )


@dataclass(frozen=True, slots=True)
class Event:
    """One delivery, read. ``snapshot`` is None for pings and for types that name no subject."""

    id: str
    type: EventType
    time: int
    workspace: str
    snapshot: Snapshot | None = None
    message: str = ""
    callbacks: tuple[Mapping[str, Any], ...] = field(default=())
