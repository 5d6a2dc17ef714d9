"""The envelope of a webhook body: which event it is, and where in it the subject's message lies.

Nested format: under a key of the event's own, ``issue_created.issue``. Flat format: under ``issue``,
``incident`` or ``ping``. Senders change between them by a setting, so nothing is taken for granted:
the message may lie in either place, in both, or under another event's key, and the event type may be
missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sync.adapters.coalesce.fields import child, get, snake, word
from sync.domain.subject import EventType, Kind
from sync.domain.text import one_line

NUMBERS = {
    10: "ping",
    11: "issue_created",
    12: "issue_updated",
    13: "issue_status_updated",
    14: "issue_closed",
    20: "incident_open",
    21: "incident_closed",
    22: "incident_cancelled",
}
_TYPES = {type_.value: type_ for type_ in EventType if type_ is not EventType.UNKNOWN}
LONGEST_NAME = 60
SUBJECT_IDS = {Kind.ISSUE: "issue_id", Kind.INCIDENT: "incident_id"}


@dataclass(frozen=True, slots=True)
class Place:
    """A message and where it lies (``issue_created.issue``). ``type`` is that of the key, if known."""

    kind: Kind
    where: str
    message: Mapping[str, Any]
    type: EventType | None = None

    @property
    def named(self) -> bool:
        """Whether the message says which subject it is about."""
        return bool(get(self.message, SUBJECT_IDS[self.kind]))


def event_type(value: Any) -> tuple[EventType | None, str]:
    """The event type, and the word it came as. None where none is given; UNKNOWN for a newer one."""
    found = word(value, "event_type_", NUMBERS)
    return (_TYPES.get(found, EventType.UNKNOWN), found) if found else (None, "")


def kind_of_type(type_: EventType | None) -> Kind | None:
    """What kind of subject an event type is about."""
    if type_ in (None, EventType.UNKNOWN, EventType.PING):
        return None
    return Kind.ISSUE if type_.value.startswith("issue_") else Kind.INCIDENT


def find(body: Mapping[str, Any], type_: EventType | None) -> Place | None:
    """The message that fits the event type best; one that names its subject before one that does not.

    None where there is none at all.
    """
    wanted = kind_of_type(type_)

    def fit(place: Place) -> tuple[bool, bool, bool, bool]:
        return (
            place.named and place.kind is wanted,
            place.named,
            place.kind is wanted,
            type_ is not None and place.type is type_,
        )

    return max(_places(body), key=fit, default=None)


def _places(body: Mapping[str, Any]) -> Iterator[Place]:
    """Every message in a body, in an order that does not depend on that of its keys."""
    for type_ in _TYPES.values():
        if (holder := child(body, type_.value)) is not None and (kind := kind_of_type(type_)):
            if (message := child(holder, kind.value)) is not None:
                yield Place(kind, f"{type_.value}.{kind.value}", message, type_)
            else:
                yield Place(kind, type_.value, holder, type_)
    for kind in Kind:
        if (message := child(body, kind.value)) is not None:
            yield Place(kind, kind.value, message)
    for key in sorted(body):
        name, holder = snake(key), body[key]
        if name in _TYPES or name in SUBJECT_IDS or not isinstance(holder, Mapping):
            continue
        for kind in Kind:
            if (message := child(holder, kind.value)) is not None:
                # The name is the sender's, and goes into what people are told.
                shown = one_line(name, LONGEST_NAME)
                yield Place(kind, f"{shown}.{kind.value}", message)
