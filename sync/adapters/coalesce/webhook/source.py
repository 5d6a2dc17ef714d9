"""Coalesce Quality as a source: deliveries verified, identified and read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from sync.adapters.coalesce.message import payloads
from sync.adapters.coalesce.message.fields import get, is_clean, kind_of, pick, text
from sync.adapters.coalesce.message.names import NAME
from sync.adapters.coalesce.message.timestamps import nanoseconds
from sync.adapters.coalesce.webhook import envelope, signature
from sync.adapters.coalesce.webhook.callbacks import read_callbacks
from sync.adapters.coalesce.webhook.envelope import MessagePath
from sync.adapters.coalesce.webhook.parse import beginning, parse
from sync.domain.errors import Unreadable
from sync.domain.subject import STATUS, Event, EventType, Kind, Snapshot, Status, SubjectRef
from sync.ports import Authenticity, Verifier

# Lengths of the store's columns, less the prefix that names source and kind.
LONGEST_ID = 200
LONGEST_WORKSPACE = 200
_HEAD = ("event_id", "event_type", "event_time", "workspace", "ping", "callbacks")


class _Identity(msgspec.Struct):
    """The two fields of a body that accepting a delivery needs, in both casings."""

    event_id: Any = None
    eventId: Any = None  # noqa: N815
    event_type: Any = None
    eventType: Any = None  # noqa: N815


_identity = msgspec.json.Decoder(_Identity)


class _Unsigned:
    """The verifier of a delivery that may pass without a signature."""

    def update(self, part: bytes) -> None:
        """Nothing is checked."""

    def verdict(self, now: float) -> Authenticity:
        """It passes."""
        return Authenticity(True, "unsigned deliveries are allowed")


class CoalesceSource:
    """Deliveries of Coalesce Quality (implements ``ports.Source``). Safe to share between threads.

    A signature by any of ``secrets`` passes, so that secrets can be rotated. With ``allow_unsigned`` a
    delivery without a signature passes; a signature that is there must still be right, if there is a
    secret to check it with. ``replay_window`` and ``clock_skew`` are in seconds.
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
        # Anybody can sign with an empty key.
        usable = tuple(secret for secret in secrets if secret)
        self._policy = signature.SignaturePolicy(usable, replay_window, clock_skew)
        self._allow_unsigned = allow_unsigned

    def verifier(self, headers: Mapping[str, str]) -> Verifier:
        """Begin to check a delivery's signature."""
        if self._allow_unsigned:
            signed = signature.header(headers, signature.SIGNATURE)
            if not signed or not self._policy.secrets:
                return _Unsigned()
        return signature.SignatureCheck(self._policy, headers)

    def identify(self, body: bytes) -> tuple[str, str]:
        """The event id and the event type as sent; "" for what is absent or odd. Never raises."""
        try:
            found = _identity.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
            return "", ""
        type_ = found.eventType if found.event_type is None else found.event_type
        id_ = found.eventId if found.event_id is None else found.event_id
        return _event_id(id_), text(type_, 64)

    def read(self, body: bytes) -> tuple[Event, ...]:
        """The event of a body, always one. Raises Unreadable, which names the field at fault."""
        message = parse(body)
        head = pick(message, _HEAD)
        type_, type_word = envelope.event_type(head.get("event_type"))
        path = envelope.find(message, type_)
        if type_ is None and path is None and head.get("ping"):
            type_ = EventType.PING
        if type_ is EventType.PING or path is None:
            return (_without_subject(head, body, type_, type_word),)
        type_ = _settled_type(type_, path)
        if type_ is EventType.UNKNOWN:
            return (_of_unknown_type(head, body, path, type_word),)
        snapshot = _snapshot(head, body, type_, path)
        return (
            Event(
                id=snapshot.event_id,
                type=snapshot.event_type,
                time=snapshot.event_time,
                workspace=snapshot.workspace,
                snapshot=snapshot,
                callbacks=read_callbacks(head["callbacks"]) if "callbacks" in head else (),
            ),
        )

    def outline(self, head: bytes) -> Event:
        """What the head of a body that was cut off shows: which event and subject it is about."""
        message = beginning(head)
        fields = pick(message, _HEAD)
        type_, _ = envelope.event_type(fields.get("event_type"))
        path = envelope.find(message, type_)
        about, workspace = None, ""
        with suppress(Unreadable):
            about = SubjectRef(NAME, path.kind, _subject_id(path)) if path else None
            workspace = _workspace(fields)
        return Event(
            id=_event_id(fields.get("event_id")),
            type=type_ or EventType.UNKNOWN,
            time=nanoseconds(fields.get("event_time")) or 0,
            workspace=workspace,
            about=about,
        )


def _event_id(value: Any) -> str:
    """An event id that the store can hold, else ""."""
    sane = isinstance(value, str) and 0 < len(value) <= LONGEST_ID and is_clean(value)
    return value if sane else ""


def _own_id(head: Mapping[str, Any], body: bytes) -> str:
    # Every event needs an id: two events of one instant are ordered by their ids.
    return _event_id(head.get("event_id")) or f"sha256:{hashlib.sha256(body).hexdigest()}"


def _without_subject(
    head: Mapping[str, Any], body: bytes, type_: EventType | None, type_word: str
) -> Event:
    """The event of a body without a subject. Raises Unreadable where its type demands one."""
    if type_ is None:
        raise Unreadable("the body has neither an event_type nor an issue or incident")
    if kind := envelope.kind_of_type(type_):
        where = f"{type_.value}.{kind.value}"
        raise Unreadable(f"{where} is missing from an event of type {type_.value}")
    words = _unknown(type_word)
    if type_ is EventType.PING:
        ping = head.get("ping")
        words = text(get(ping, "message")) if isinstance(ping, Mapping) else ""
    return Event(
        id=_own_id(head, body),
        type=type_,
        time=nanoseconds(head.get("event_time")) or 0,
        workspace=_workspace(head),
        message=words,
    )


def _of_unknown_type(
    head: Mapping[str, Any], body: bytes, path: MessagePath, type_word: str
) -> Event:
    """An event of a type that this program does not know. Only its subject's id is read: what else the
    message means, and what it leaves out, is not known. Raises Unreadable where it names no subject."""
    return Event(
        id=_own_id(head, body),
        type=EventType.UNKNOWN,
        time=nanoseconds(head.get("event_time")) or 0,
        workspace=_workspace(head),
        about=SubjectRef(NAME, path.kind, _subject_id(path)),
        message=_unknown(type_word or path.where.partition(".")[0]),
    )


def _unknown(type_word: str) -> str:
    return f"an event of a type not known here: {text(type_word, 64)}"


def _settled_type(type_: EventType | None, path: MessagePath) -> EventType:
    """The type as stated; if it is missing, or of the other kind of subject, the type of the key."""
    if type_ is EventType.UNKNOWN or envelope.kind_of_type(type_) is path.kind:
        return type_ or EventType.UNKNOWN
    return path.type or EventType.UNKNOWN


def _snapshot(
    head: Mapping[str, Any], body: bytes, type_: EventType, path: MessagePath
) -> Snapshot:
    subject = _subject_id(path)
    payload = (payloads.issue if path.kind is Kind.ISSUE else payloads.incident)(path.message)
    # 0 for none: the time of arrival then stands for it (``domain.subject.trusted``). The times of the
    # subject do not, because the event may have come long after them.
    time = nanoseconds(head.get("event_time")) or 0
    if type_ is EventType.ISSUE_UPDATED and payloads.is_part(payload) and not _says_status(payload):
        # No other type leaves its subject's status open.
        payload["left_out"][STATUS] = None
    return Snapshot(
        ref=SubjectRef(NAME, path.kind, subject),
        workspace=_workspace(head),
        status=_status(type_, payload),
        event_type=type_,
        event_time=time,
        event_id=_own_id(head, body),
        payload={**payload, "told_at": time},
    )


def _status(type_: EventType, payload: Mapping[str, Any]) -> Status:
    """The status in which an event of this type, with this payload, leaves its subject."""
    if type_ is EventType.INCIDENT_CANCELLED:
        return Status.CANCELLED
    if type_ in (EventType.ISSUE_CLOSED, EventType.INCIDENT_CLOSED) or payload["ended_at"]:
        return Status.CLOSED
    return Status(payload.get("status") or Status.OPEN)


def _says_status(payload: Mapping[str, Any]) -> bool:
    return bool(payload["status"] or payload["ended_at"])


def _subject_id(path: MessagePath) -> str:
    where, value = f"{path.where}.{envelope.SUBJECT_IDS[path.kind]}", path.id
    if value is None or value == "":
        raise Unreadable(f"{where} is missing, so the event names no subject")
    if not isinstance(value, str):
        raise Unreadable(f"{where} is {kind_of(value)}, where text should be")
    if not value.strip():
        raise Unreadable(f"{where} is blank")
    if len(value) > LONGEST_ID:
        raise Unreadable(f"{where} has {len(value)} characters; {LONGEST_ID} is the most for an id")
    if not is_clean(value) or "\n" in value:
        raise Unreadable(f"{where} holds characters that an id cannot have")
    return value


def _workspace(head: Mapping[str, Any]) -> str:
    value = text(head.get("workspace"))
    if len(value) > LONGEST_WORKSPACE:
        raise Unreadable(
            f"workspace has {len(value)} characters; {LONGEST_WORKSPACE} is the most for a name"
        )
    return value
