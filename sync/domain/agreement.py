"""The agreement: what of a ticket both sides, Jira and upstream, are known to agree on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sync.domain.rule import Side, SubjectState
from sync.domain.subject import Status

# So many turns are remembered.
TURNS = 6
HELD_BECAUSE = f"Jira and upstream turned each other {TURNS} times in ten minutes"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides last agreed on, for a ticket whose rule tells upstream. Times are in seconds since
    the epoch.

    ``since`` is that of the rule's ``UpstreamWish``; an agreement with another one is void. ``status``
    and ``resolution`` are the ticket's (ids or, for a resolution, its name), "" before the first look.
    ``marks`` has the status of each subject by its reference. ``ours`` has, by the references of those
    whose status is one that we told, when we did and what the status was before ("" once the status
    that we told has come back).

    ``seen`` is a place of the ticket that is not agreed yet (status, resolution), the time of the act
    that led there by the tracker's clock (None where the tracker does not tell), and since when the
    ticket stands there by ours. ``floor`` is the id up to which Jira's comments are from before, and
    ``began`` the time up to which upstream's are; ``heard`` has by id, of those told, how each stood
    then (its ``updated``). ``reason``: the account whose comments
    between two times say why a ticket was declined. ``copied`` are the ids of upstream's comments that
    are on the ticket, ``announced`` the subjects that were told the ticket's key.

    ``unheard``: a comment was too young to be told.

    ``done`` names what was carried out of a telling of which some is still to do.

    ``turns`` are the last acts that one side told the other after it had been told something itself:
    when, and which side acted. ``held``: the sides have turned each other so often that neither is told
    any more, until a person retries the ticket.
    """

    since: str = ""
    status: str = ""
    resolution: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)
    ours: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    seen: tuple[str, str, float | None, float] | None = None
    floor: int = 0
    began: float = 0.0
    heard: Mapping[str, float] = field(default_factory=dict)
    reason: tuple[str, float, float] | None = None
    copied: tuple[str, ...] = ()
    announced: tuple[str, ...] = ()
    acknowledged: bool = False
    done: tuple[str, ...] = ()
    unheard: bool = False
    turns: tuple[tuple[float, Side], ...] = ()
    held: bool = False

    def marked(self, ref: str, status: Status, at: float) -> Agreement:
        """The agreement once we told, at ``at``, this status of a subject."""
        before = self.marks.get(ref, Status.OPEN.value)
        ours = {**self.ours, ref: (at, before)}
        return replace(self, marks={**self.marks, ref: status.value}, ours=ours)

    def echoed(self, subjects: Iterable[SubjectState]) -> Agreement:
        """The agreement once it is known which of the statuses that we told have come back."""
        back = [str(one.ref) for one in subjects if self.told_last(one)]
        new = {ref: (self.ours[ref][0], "") for ref in back if self.ours[ref][1]}
        return replace(self, ours={**self.ours, **new}) if new else self

    def now(self, one: SubjectState, leeway: float) -> SubjectState:
        """The subject with the status that we told of it, where what is known of the subject may be
        from before (``leeway``: seconds by which clocks may differ)."""
        told = self.ours.get(str(one.ref))
        if told is None or self.told_last(one):
            return one
        at, before = told
        if one.marked_at is not None and one.marked_at > at:
            return one
        if one.status.value == before and one.at <= at + leeway:
            return replace(one, status=Status(self.marks[str(one.ref)]))
        # The status came after ours: when it may have been set before says nothing.
        return replace(one, marked_at=None)

    def told_last(self, one: SubjectState) -> bool:
        """Whether the status of a subject is one that we told."""
        ref = str(one.ref)
        return ref in self.ours and self.marks.get(ref) == one.status.value

    def differs(self, subjects: Iterable[SubjectState]) -> bool:
        """Whether a subject is new, or has another status than was agreed."""
        return any(self.marks.get(str(one.ref)) != one.status.value for one in subjects)

    def turned(self, at: float, side: Side) -> Agreement:
        """The agreement after an act of one side that was told the other."""
        if self.turns and self.turns[-1][1] == side:
            return self
        return replace(self, turns=(*self.turns, (at, side))[-TURNS:])

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Agreement | None:
        """Read back what ``to_json`` wrote. Raises TypeError on anything else."""
        if data is None:
            return None
        lists = ("copied", "announced", "done", "seen", "reason")
        made = {name: tuple(data[name]) for name in lists if data.get(name) is not None}
        ours = {ref: (told[0], told[1]) for ref, told in data.get("ours", {}).items()}
        turns = tuple((at, Side(side)) for at, side in data.get("turns", ()))
        return cls(**{**data, **made, "ours": ours, "turns": turns})


# What is agreed where nothing is.
NONE = Agreement()
