"""The envelope of a webhook body: the type of its event, and the place of the subject's message.

Nested format: under a key of the event's own, ``issue_created.issue``. Flat format: under ``issue``,
``incident`` or ``ping``. A setting of the sender switches between the formats, so the reader expects
any of them: the message may be in either place, in both, or under the key of another event, and the
event type may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sync.adapters.coalesce.message.fields import child, get, pick, snake, text, word
from sync.adapters.coalesce.message.names import EVENT_TYPES
from sync.domain.subject import EventType, Kind

_TYPES = {type_.value: type_ for type_ in EventType if type_ is not EventType.UNKNOWN}
_KINDS: dict[EventType, Kind] = {
    type_: Kind.ISSUE if type_.value.startswith("issue_") else Kind.INCIDENT
    for type_ in _TYPES.values()
    if type_ is not EventType.PING
}
_KNOWN = (*_TYPES, *(kind.value for kind in Kind))
LONGEST_NAME = 60
SUBJECT_IDS = {Kind.ISSUE: "issue_id", Kind.INCIDENT: "incident_id"}


@dataclass(frozen=True, slots=True)
class MessagePath:
    """A subject's message and its path in the body (``issue_created.issue``).

    ``id`` is the subject's id as sent, None if it is absent. ``type`` is the event type whose key the
    message is under, None under a key of no known event.
    """

    kind: Kind
    where: str
    message: Mapping[str, Any]
    id: Any
    type: EventType | None = None


def event_type(value: Any) -> tuple[EventType | None, str]:
    """The event type, and the word it was sent as.

    None if no type is given; UNKNOWN for a type that this program does not know.
    """
    found = word(value, "event_type_", EVENT_TYPES)
    return (_TYPES.get(found, EventType.UNKNOWN), found) if found else (None, "")


def kind_of_type(type_: EventType | None) -> Kind | None:
    """The kind of subject that an event type is about; None for types without a subject."""
    return _KINDS.get(type_) if type_ else None


def find(body: Mapping[str, Any], type_: EventType | None) -> MessagePath | None:
    """The message that fits the event type best; a message with a subject's id before one without.

    None if the body has no message.
    """
    wanted = kind_of_type(type_)

    def fit(path: MessagePath) -> tuple[bool, bool, bool, bool]:
        return (
            bool(path.id) and path.kind is wanted,
            bool(path.id),
            path.kind is wanted,
            type_ is not None and path.type is type_,
        )

    return max(_paths(body), key=fit, default=None)


def _paths(body: Mapping[str, Any]) -> Iterator[MessagePath]:
    """Every message in a body, in an order that does not depend on the order of its keys."""
    holders = {
        name: found for name, found in pick(body, _KNOWN).items() if isinstance(found, Mapping)
    }
    for type_, kind in _KINDS.items():
        if (holder := holders.get(type_.value)) is None:
            continue
        if (message := child(holder, kind.value)) is not None:
            yield _path(kind, f"{type_.value}.{kind.value}", message, type_)
        else:
            yield _path(kind, type_.value, holder, type_)
    for kind in Kind:
        if (message := holders.get(kind.value)) is not None:
            yield _path(kind, kind.value, message)
    others = [
        key for key, found in body.items() if isinstance(found, Mapping) and key not in _KNOWN
    ]
    for key in sorted(others):
        yield from _under(snake(key), body[key])


def _under(name: str, holder: Mapping[str, Any]) -> Iterator[MessagePath]:
    """The messages under the key of an event that this program does not know."""
    if name in _KNOWN:
        return
    # The sender chose this name, and people will read it.
    shown = text(" ".join(text(name).split()), LONGEST_NAME)
    for kind in Kind:
        if (message := child(holder, kind.value)) is not None:
            yield _path(kind, f"{shown}.{kind.value}", message)


def _path(
    kind: Kind, where: str, message: Mapping[str, Any], type_: EventType | None = None
) -> MessagePath:
    return MessagePath(kind, where, message, get(message, SUBJECT_IDS[kind]), type_)
