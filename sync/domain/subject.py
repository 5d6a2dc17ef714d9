"""Subjects, the events that speak of them, and the snapshot we keep of each.

These values are the language of every source: each translates its own messages into kinds, statuses
and event types of this module, and payloads as in ``sync.domain.payload``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from sync.domain.subject_comments import UpstreamComment, together
from sync.domain.surroundings import Contacts, Impact


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

    @cached_property
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


# Two events of one subject can carry the same time. The event later in a lifecycle then wins, so that
# the outcome does not depend on the order of arrival.
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

    ``event_time`` is in nanoseconds since the epoch (upstream timestamps have nanosecond fractions);
    ``event_id`` is empty where the status comes from the API.
    ``payload`` is the issue or incident message in canonical form. ``severity`` (``info``, ``warn``,
    ``error``, ``fatal`` or empty), ``issue_ids`` (of an incident) and ``comments`` (oldest first) are
    not in webhooks; they come from the API and survive webhooks that do not know them. So do ``impact``
    and ``contacts`` (of an issue), which are None until the API has told them.

    ``marked_at`` is the time of an earlier event that said the status was set, 0 where there is none,
    and ``otherwise_at`` the newest time at which the subject is known to have had another status, 0
    for never. Both are in nanoseconds since the epoch. ``placed_at`` is when a person put the subject
    on its ticket (seconds since the epoch), 0 where nobody did; only walks know it.
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
    comments: tuple[UpstreamComment, ...] = ()
    marked_at: int = 0
    otherwise_at: int = 0
    placed_at: float = field(default=0.0, compare=False)
    impact: Impact | None = None
    contacts: Contacts | None = None

    @property
    def set_at(self) -> int | None:
        """When the status became what it is (nanoseconds since the epoch); None where no event said so,
        or where the subject had another status since."""
        said = _said_by(self, STATUS)
        at = said[0] if said and _sets(said) else self.marked_at
        return at if at > self.otherwise_at else None

    @property
    def recency(self) -> tuple[int, int, str]:
        """Total order over the events of one subject; the greatest is the newest."""
        return (self.event_time, _RANK.get(self.event_type, 1), self.event_id)

    @property
    def began(self) -> float | None:
        """The time before which the subject did not exist (seconds since the epoch); None where it is
        not known."""
        # A snapshot from the API has the time of the last change, even if its type is a creation.
        if self.event_id and self.event_type in (EventType.ISSUE_CREATED, EventType.INCIDENT_OPEN):
            return self.event_time / 1e9
        try:
            began = datetime.fromisoformat(str(self.payload.get("started_at"))).timestamp()
        except (ValueError, OverflowError):
            return None
        return began if began <= self.event_time / 1e9 + CLOCK_SKEW else None

    @property
    def at(self) -> datetime:
        """``event_time`` as a UTC datetime (microseconds)."""
        return datetime.fromtimestamp(self.event_time / 1e9, tz=UTC)


# Seconds by which a sender's clock may be ahead of ours.
CLOCK_SKEW = 300.0
# The start of 2015. No source of ours is as old.
_EARLIEST = 1_420_070_400 * 10**9


def trusted(snapshot: Snapshot, arrived: float) -> Snapshot:
    """The snapshot, with the time of its arrival (seconds since the epoch) if its own time is
    impossible: an event from the future would count as newer than all that follow, an event without a
    time as older than all others."""
    latest = int((arrived + CLOCK_SKEW) * 1e9)
    # An API's answer may have no time, which is 0. An event happened at some time, so 0 is impossible.
    lowest = _EARLIEST if snapshot.event_id else 0
    if lowest <= snapshot.event_time <= latest:
        return snapshot
    time, payload = int(arrived * 1e9), snapshot.payload
    if snapshot.event_id:
        payload = {**payload, "told_at": time}
    return replace(snapshot, event_time=time, payload=payload)


def newest(known: Snapshot | None, incoming: Snapshot) -> Snapshot:
    """The newer of two snapshots of one subject.

    Commutative, associative and idempotent, so late, duplicate and reordered deliveries end in the
    same snapshot. What only the API knows is carried over; so is what only webhooks know, when the
    newer snapshot is the API's.
    """
    if known is None:
        return incoming
    new, old = (incoming, known) if incoming.recency > known.recency else (known, incoming)
    both = new, old
    new = _with_what_it_left_out(new, old)
    return replace(
        _with_times_of_marks(new, both),
        workspace=new.workspace or old.workspace,
        payload=_with_account(new.payload, old.payload),
        severity=new.severity or old.severity,
        issue_ids=new.issue_ids or old.issue_ids,
        comments=together(new.comments, old.comments),
        impact=new.impact or old.impact,
        contacts=new.contacts or old.contacts,
    )


# The fields that both the API and webhooks give. The rest of a payload (addresses, owners, named
# entities, HTML, …) comes from webhooks alone; ``told_at`` is the ``event_time`` of the webhook that
# the payload comes from.
_STATE_FIELDS = frozenset(
    ("issue_id", "incident_id", "title", "started_at", "ended_at", "status", "status_actor")
)


def _webhook_time(payload: Mapping[str, Any]) -> int:
    """The ``event_time`` (nanoseconds) of the webhook a payload comes from; 0 if it is the API's."""
    return int(payload.get("told_at") or 0)


# The name under which ``left_out`` has a snapshot's status, and the fields of a payload that go with
# it.
STATUS = "status"
_STATUS_FIELDS = ("status", "status_actor", "ended_at")


def _with_what_it_left_out(new: Snapshot, old: Snapshot) -> Snapshot:
    """``new`` with what its event left out, as the newest of the older events says it.

    ``left_out`` in a payload names the fields that the payload's event left out. Each has the recency
    of the event whose value stands in for it, None where no event is known that gave one. So the order
    in which events come in makes no difference.
    """
    left_out = new.payload.get("left_out")
    if not left_out:
        return new
    payload, status, sources = dict(new.payload), new.status, dict(left_out)
    for name, stands in left_out.items():
        said = _said_by(old, name)
        if said is None or (stands is not None and tuple(said) <= tuple(stands)):
            continue
        sources[name] = said
        fields = _STATUS_FIELDS if name == STATUS else (name,)
        payload |= {field: old.payload[field] for field in fields if field in old.payload}
        status = old.status if name == STATUS else status
    return replace(new, status=status, payload={**payload, "left_out": sources})


def _said_by(snapshot: Snapshot, name: str) -> list[Any] | None:
    """The recency of the event that a field's value in a snapshot is from; None where there is none."""
    left_out = snapshot.payload.get("left_out") or {}
    if name in left_out:
        return left_out[name] and list(left_out[name])
    told_at = _webhook_time(snapshot.payload)
    if name == STATUS or snapshot.event_time == told_at:
        return list(snapshot.recency)
    return [told_at, 0, ""]


def _sets(recency: Sequence[Any]) -> bool:
    """Whether an event with this recency happened because the status was set. An update may only
    mention a status, and the API tells no event."""
    return recency[1] != _RANK[EventType.ISSUE_UPDATED] and bool(recency[2])


def _with_times_of_marks(merged: Snapshot, of: Iterable[Snapshot]) -> Snapshot:
    """A snapshot that was merged of these, with what they know of when its status was set."""
    said = _said_by(merged, STATUS)
    marked = otherwise = 0
    for one in of:
        seen = _said_by(one, STATUS)
        if seen is None:
            continue
        otherwise = max(otherwise, one.otherwise_at)
        if one.status is merged.status:
            marked = max(marked, one.marked_at, seen[0] if _sets(seen) else 0)
        else:
            otherwise = max(otherwise, seen[0])
    if said is None or _sets(said) or marked <= otherwise:
        marked = 0
    return replace(merged, marked_at=marked, otherwise_at=otherwise)


def _with_account(payload: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """The payload, with what only webhooks tell taken from ``other`` if that is from a newer
    webhook."""
    if _webhook_time(other) <= _webhook_time(payload):
        return payload
    state = {name: value for name, value in payload.items() if name in _STATE_FIELDS}
    title = state.get("title") or other.get("title", "")
    return _none_left_out({**other, **state, "title": title}, state)


def _none_left_out(payload: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The payload, in which the ``given`` fields that have a value are left out no more."""
    left_out = payload.get("left_out")
    if left_out:
        left = {n: by for n, by in left_out.items() if n != STATUS and not given.get(n)}
        payload = {**payload, "left_out": left}
    return payload


def merge_from_api(known: Snapshot | None, api: Snapshot) -> Snapshot:
    """What we know of a subject, after asking the API about it. Idempotent.

    ``api.event_time`` is when the subject last changed, and its ``event_id`` is empty. Severity and
    the issues of an incident are the API's. Status, title and times are the API's unless a webhook
    spoke of a later moment; where both speak of the same moment and agree, the webhook's fuller payload
    stays.
    """
    if known is None:
        return api
    of: tuple[Snapshot, ...] = (known,)
    # The API's answer may be older than the newest event, and still tell what that event left out.
    merged = known = _with_what_it_left_out(known, api)
    later = api.event_time > known.event_time
    if later or (api.recency[:2] > known.recency[:2] and api.status is not known.status):
        # Also where only the time differs: an event from before that time must not count as newer.
        of = known, api
        merged = replace(
            known,
            status=api.status,
            event_type=api.event_type,
            event_time=api.event_time,
            event_id=api.event_id,
            payload=_with_state(known.payload, api),
        )
    incident = api.ref.kind is Kind.INCIDENT
    return replace(
        _with_times_of_marks(merged, of),
        workspace=known.workspace or api.workspace,
        severity=api.severity or known.severity,
        issue_ids=api.issue_ids if incident else known.issue_ids,
        comments=together(known.comments, api.comments),
        impact=api.impact or known.impact,
        contacts=api.contacts or known.contacts,
    )


def says_the_same(one: Snapshot, other: Snapshot) -> bool:
    """Whether two snapshots differ in nothing but the moment they speak of, in when the status was set,
    and in their comments: what rules that tell upstream nothing do not read."""
    moment = {"event_time": 0, "event_type": EventType.UNKNOWN, "event_id": "", "comments": ()}
    moment |= {"marked_at": 0, "otherwise_at": 0}
    return replace(one, **moment) == replace(other, **moment)  # type: ignore[arg-type]


def same_event(one: Snapshot, other: Snapshot) -> bool:
    """Whether two snapshots differ in nothing but in when the status was set."""
    if one.recency != other.recency:
        return False
    return replace(one, marked_at=0, otherwise_at=0) == replace(other, marked_at=0, otherwise_at=0)


def _with_state(payload: Mapping[str, Any], api: Snapshot) -> dict[str, Any]:
    if not _webhook_time(payload):
        return dict(api.payload)
    state = {name: value for name, value in api.payload.items() if name in _STATE_FIELDS}
    for name in ("title", "started_at"):
        state[name] = state.get(name) or payload.get(name, "")
    if api.ref.kind is Kind.INCIDENT and api.status.ended:
        # The API does not say when an incident ended, only when it last changed.
        state["ended_at"] = payload.get("ended_at") or state.get("ended_at", "")
    return _none_left_out({**payload, **state}, state)


@dataclass(frozen=True, slots=True)
class Event:
    """What a delivery says happened, to one subject or to none: pings and some types name none.

    ``about`` is the subject that an event of an unknown type names. Nothing is concluded from such an
    event, but that the subject is worth a look. ``message`` is for people.
    """

    id: str
    type: EventType
    time: int
    workspace: str
    snapshot: Snapshot | None = None
    about: SubjectRef | None = None
    message: str = ""
    callbacks: tuple[Mapping[str, Any], ...] = field(default=())
