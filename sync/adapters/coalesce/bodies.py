"""Coalesce Quality as a source: deliveries verified, identified and read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sync.adapters.coalesce import envelope, payloads, signature
from sync.adapters.coalesce.callbacks import read_callbacks
from sync.adapters.coalesce.envelope import Place
from sync.adapters.coalesce.fields import child, get, kind_of, text
from sync.adapters.coalesce.parse import parse
from sync.adapters.coalesce.timestamps import nanoseconds
from sync.domain.errors import Unreadable
from sync.domain.subject import Event, EventType, Kind, Snapshot, Status, SubjectRef
from sync.domain.text import clean
from sync.ports import Verdict

NAME = "coalesce"
# Lengths of the store's columns, less the prefix that names source and kind.
LONGEST_ID = 200
LONGEST_WORKSPACE = 200


class _Head(msgspec.Struct):
    """The two fields of a body that accepting needs, in both casings."""

    event_id: Any = None
    eventId: Any = None  # noqa: N815
    event_type: Any = None
    eventType: Any = None  # noqa: N815


_head = msgspec.json.Decoder(_Head)


class CoalesceSource:
    """Deliveries of Coalesce Quality (implements ``ports.Source``). Safe to share between threads.

    ``secrets`` are tried all, for rotation. With ``allow_unsigned`` a delivery without a signature
    passes; one that has a signature must still be right, if there is a secret to check it with.
    ``replay_window`` and ``clock_skew`` are in seconds.
    """

    name = NAME

    def __init__(
        self,
        secrets: Sequence[str] = (),
        *,
        allow_unsigned: bool = False,
        replay_window: float = signature.REPLAY_WINDOW,
        clock_skew: float = signature.CLOCK_SKEW,
    ) -> None:
        # HMAC with an empty key verifies what anybody could have signed.
        self._secrets = tuple(secret for secret in secrets if secret)
        self._allow_unsigned = allow_unsigned
        self._replay_window = replay_window
        self._clock_skew = clock_skew

    def verify(self, headers: Mapping[str, str], body: bytes, now: float) -> Verdict:
        """Check the signature. Never raises."""
        if self._allow_unsigned:
            signed = signature.header(headers, signature.SIGNATURE)
            if not signed or not self._secrets:
                return Verdict(True, "unsigned deliveries are allowed")
        return signature.check(
            self._secrets,
            headers,
            body,
            now,
            replay_window=self._replay_window,
            clock_skew=self._clock_skew,
        )

    def identify(self, body: bytes) -> tuple[str, str]:
        """The event id and the event type as sent; "" for what is not there or odd. Never raises."""
        try:
            head = _head.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
            return "", ""
        type_ = head.eventType if head.event_type is None else head.event_type
        id_ = event_id(head.eventId if head.event_id is None else head.event_id)
        return id_, text(type_, 64)

    def read(self, body: bytes) -> Event:
        """The whole event. Raises Unreadable, which names the field and what is wrong with it."""
        message = parse(body)
        type_, type_word = envelope.event_type(get(message, "event_type"))
        place = envelope.find(message, type_)
        if type_ is EventType.PING or (type_ is None and place is None and get(message, "ping")):
            return _ping(message, body)
        if place is None:
            return _without_subject(message, body, type_, type_word)
        type_ = _settled_type(type_, place)
        snapshot = _snapshot(message, body, type_, place)
        return Event(
            id=snapshot.event_id,
            type=type_,
            time=snapshot.event_time,
            workspace=snapshot.workspace,
            snapshot=snapshot,
            callbacks=read_callbacks(get(message, "callbacks")),
        )


def event_id(value: Any) -> str:
    """An event id that the store can hold, else ""."""
    sane = isinstance(value, str) and 0 < len(value) <= LONGEST_ID and clean(value) == value
    return value if sane else ""


def _own_id(message: Mapping[str, Any], body: bytes) -> str:
    # Two events of one instant are ordered by their ids, so that there must be one.
    return event_id(get(message, "event_id")) or f"sha256:{hashlib.sha256(body).hexdigest()}"


def _ping(message: Mapping[str, Any], body: bytes) -> Event:
    ping = child(message, "ping") or {}
    return Event(
        id=_own_id(message, body),
        type=EventType.PING,
        time=nanoseconds(get(message, "event_time")) or 0,
        workspace=_workspace(message),
        message=text(get(ping, "message")),
    )


def _without_subject(
    message: Mapping[str, Any], body: bytes, type_: EventType | None, type_word: str
) -> Event:
    if type_ is None:
        raise Unreadable("the body has neither an event_type nor an issue or incident")
    if kind := envelope.kind_of_type(type_):
        where = f"{type_.value}.{kind.value}"
        raise Unreadable(f"{where} is missing from an event of type {type_.value}")
    return Event(
        id=_own_id(message, body),
        type=type_,
        time=nanoseconds(get(message, "event_time")) or 0,
        workspace=_workspace(message),
        message=f"an event of a type not known here: {text(type_word, 64)}",
    )


def _settled_type(type_: EventType | None, place: Place) -> EventType:
    """The type as stated; where it is missing, or speaks of the other kind, that of the key."""
    if type_ is EventType.UNKNOWN or envelope.kind_of_type(type_) is place.kind:
        return type_ or EventType.UNKNOWN
    return place.type or EventType.UNKNOWN


def _snapshot(message: Mapping[str, Any], body: bytes, type_: EventType, place: Place) -> Snapshot:
    subject = _subject_id(place)
    payload = (payloads.issue if place.kind is Kind.ISSUE else payloads.incident)(place.message)
    time = nanoseconds(get(message, "event_time"))
    if time is None:
        time = nanoseconds(payload["ended_at"]) or nanoseconds(payload["started_at"]) or 0
    return Snapshot(
        ref=SubjectRef(NAME, place.kind, subject),
        workspace=_workspace(message),
        status=status_of(type_, payload),
        event_type=type_,
        event_time=time,
        event_id=_own_id(message, body),
        payload={**payload, "told_at": time},
    )


def status_of(type_: EventType, payload: Mapping[str, Any]) -> Status:
    """Where an event of this type, with this canonical payload, leaves its subject."""
    if type_ is EventType.INCIDENT_CANCELLED:
        return Status.CANCELLED
    if type_ in (EventType.ISSUE_CLOSED, EventType.INCIDENT_CLOSED) or payload["ended_at"]:
        return Status.CLOSED
    return Status(payload.get("status") or Status.OPEN)


def _subject_id(place: Place) -> str:
    where = f"{place.where}.{envelope.SUBJECT_IDS[place.kind]}"
    value = get(place.message, envelope.SUBJECT_IDS[place.kind])
    if value is None or value == "":
        raise Unreadable(f"{where} is missing, so that nobody knows what the event is about")
    if not isinstance(value, str):
        raise Unreadable(f"{where} is {kind_of(value)}, where text should be")
    if not value.strip():
        raise Unreadable(f"{where} is blank")
    if len(value) > LONGEST_ID:
        raise Unreadable(f"{where} has {len(value)} characters; {LONGEST_ID} is the most for an id")
    if clean(value) != value or "\n" in value:
        raise Unreadable(f"{where} holds characters that an id cannot have")
    return value


def _workspace(message: Mapping[str, Any]) -> str:
    value = text(get(message, "workspace"))
    if len(value) > LONGEST_WORKSPACE:
        raise Unreadable(
            f"workspace has {len(value)} characters; {LONGEST_WORKSPACE} is the most for a name"
        )
    return value
