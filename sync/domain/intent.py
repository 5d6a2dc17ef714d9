"""Intents: calls that change Jira, each put on record before it is made.

An intent that is still on record when the next walk begins is a call whose end is not known: its reply
was lost, or the process ended in the middle. ``settled`` and ``has_landed`` read off a ticket what
became of updates and moves; tickets and comments are looked for by their markers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from sync.domain.actions import Change
from sync.domain.merge import came_true
from sync.domain.ticket import Base, Draft, FieldKind, Observed, remembered


class IntentKind(StrEnum):
    """Which call was begun."""

    CREATE = "create"
    UPDATE = "update"
    MOVE = "move"
    COMMENT = "comment"
    LINK = "link"
    MARK = "mark"
    SAY = "say"
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class Intent:
    """One call that changes Jira and whose end is not known.

    ``about`` tells calls of one kind apart: the id of the status that a move leads to, the marker of a
    comment, the name of a link between tickets; "" for a create and an update. ``begun`` is when the
    call was begun, None before. ``until`` is set once the call has ended on our side without an answer
    that proves what became of it: until that time Jira may still carry it out, 0 where it cannot. It
    is None while no end is on record, as after a crash. Both are in seconds since the epoch. ``looks``
    counts the looks that found nothing. ``payload`` is what the kind needs: ``{field id: {"wished",
    "before", "after", "whole"}}`` of an update, ``{"base", "failures", "said"}`` of a create,
    ``{"arrives"}`` of a move, ``{"text", "edit", "public", "along"}`` of a comment. What is told
    upstream is about a subject (mark) or about an action of a plan (say, copy); see
    ``sync.worker.walk.telling``.

    >>> Intents().put(Intent(IntentKind.MOVE, "3", begun=100.0)).of(IntentKind.MOVE).about
    '3'
    """

    kind: IntentKind
    about: str = ""
    begun: float | None = None
    until: float | None = None
    looks: int = 0
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def owed(self) -> bool:
        """Whether only this intent remembers that the call is to be made. So it is for a comment: what
        it speaks of has been done by then, so no later plan asks for the comment again."""
        return self.kind is IntentKind.COMMENT


@dataclass(frozen=True, slots=True)
class Intents:
    """The open intents of one ticket, oldest first; one at most of each kind and subject matter."""

    open: tuple[Intent, ...] = ()

    def of(self, kind: IntentKind, about: str | None = None) -> Intent | None:
        """The open intent of a kind (and about something), None if there is none."""
        for intent in self.open:
            if intent.kind is kind and about in (None, intent.about):
                return intent
        return None

    def put(self, intent: Intent) -> Intents:
        """With this intent, in place of the one that was about the same."""
        return Intents((*self.without(intent.kind, intent.about).open, intent))

    def without(self, kind: IntentKind, about: str | None = None) -> Intents:
        """Without the intents of a kind (and about something): their ends are known."""
        left = tuple(i for i in self.open if i.kind is not kind or about not in (None, i.about))
        return self if len(left) == len(self.open) else Intents(left)

    def to_json(self) -> list[dict[str, Any]]:
        return [{**asdict(intent), "kind": intent.kind.value} for intent in self.open]

    @classmethod
    def from_json(cls, data: Sequence[Mapping[str, Any]]) -> Intents:
        """Read back what ``to_json`` wrote. Raises ValueError, TypeError or KeyError."""
        return cls(tuple(Intent(**{**one, "kind": IntentKind(one["kind"])}) for one in data))


NO_INTENTS = Intents()


def of_update(draft: Draft, changes: Sequence[Change], base: Base) -> Intent:
    """The intent of writing fields: for each what the rule wished, what Jira showed before, and what is
    written, which may hold a person's text as well. Of a field that is put back, the ``base`` has what
    the rule wished then."""
    fields = {}
    for change in changes:
        after = change.after
        if change.kind is FieldKind.LABELS:
            after = sorted({*change.before, *change.add} - {*change.remove})
        known = base.fields.get(change.id)
        wished = (known.sent if known else None) if change.back else draft.fields[change.id].value
        fields[change.id] = {
            "wished": remembered(wished),
            "before": remembered(change.before),
            "after": remembered(after),
            "whole": change.kind not in (FieldKind.TEXT, FieldKind.LABELS),
        }
    return Intent(IntentKind.UPDATE, payload=fields)


def has_landed(intent: Intent, observed: Observed) -> bool:
    """Whether the ticket shows that an update or a move was carried out."""
    if intent.kind is IntentKind.MOVE:
        return observed.status.id == intent.about
    seen = [id_ for id_ in intent.payload if id_ in observed.fields]
    return not seen or any(_came_true(intent, id_, observed) for id_ in seen)


def _came_true(intent: Intent, field_id: str, observed: Observed) -> bool:
    write = intent.payload[field_id]
    # An intent of an earlier version does not say whether the field is written as a whole.
    whole = bool(write.get("whole"))
    return came_true(write["before"], write["after"], observed.fields[field_id], whole=whole)


def agreed_for_sure(base: Base, intents: Intents) -> Base:
    """The base without the wishes that were agreed on for fields which an open update may have written
    since. A draft has to give the values of these in full, because they may have to be written again."""
    update = intents.of(IntentKind.UPDATE)
    if update is None:
        return base
    wishes = {id_: wish for id_, wish in base.wishes.items() if id_ not in update.payload}
    return replace(base, wishes=wishes)


def settled(base: Base, intents: Intents, observed: Observed) -> Base:
    """The base once a look has shown what became of an open update and an open move."""
    update, move = intents.of(IntentKind.UPDATE), intents.of(IntentKind.MOVE)
    if update is not None:
        base = base.written(
            {
                id_: write["wished"]
                for id_, write in update.payload.items()
                if id_ in observed.fields and _came_true(update, id_, observed)
            }
        )
    if move is not None and has_landed(move, observed):
        base = base.stepped(move.about, arrived=bool(move.payload.get("arrives")))
    return base
