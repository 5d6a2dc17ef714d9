"""A ticket's story in time order: deliveries, decisions, calls; and who last wrote each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from sync.domain.errors import Missing, Rejected
from sync.domain.merge import shown_after
from sync.domain.subject import Snapshot
from sync.domain.ticket import Base, Draft, FieldBase, Observed, remembered, same
from sync.ports import Tracker
from sync.rules import RuleSet
from sync.store import deliveries, journal, subjects, tickets
from sync.store.tables import SubjectRow, TicketRow
from sync.worker.walk.facts import Facts, desire, rule_for

MOST_DELIVERIES = 500
MOST_ENTRIES = 2000


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. ``at`` is in seconds since the epoch; ``what`` is ``delivery`` or the
    journal's word for it (``create``, ``update``, ``leave``, ``park`` …)."""

    at: float
    what: str
    words: str
    result: str = ""
    rule: str = ""
    delivery: str = ""


@dataclass(frozen=True, slots=True)
class FieldStory:
    """Who last wrote a field, as far as can be told. ``value`` is what stands there now if Jira was
    asked, else what we last sent."""

    id: str
    name: str
    by: str
    value: Any


@dataclass(frozen=True, slots=True)
class Story:
    """All there is to tell. ``ticket`` is None for a subject that never got one."""

    ticket: TicketRow | None
    snapshots: tuple[Snapshot, ...]
    lines: tuple[Line, ...]

    @property
    def base(self) -> Base:
        """What was last agreed on with Jira."""
        return Base.from_json(self.ticket.base if self.ticket else None)


def tell(session: Session, name: str) -> Story | None:
    """The story of a ticket (by Jira key, our key, or the id of a subject it keeps), or of a subject
    without one. None when the name says nothing to us."""
    ticket = tickets.find(session, name)
    if ticket is not None and ticket.id is not None:
        rows = subjects.of_ticket(session, ticket.id)
        entries = journal.of_ticket(session, ticket.id, MOST_ENTRIES)
    else:
        rows, entries = _subjects_named(session, name), []
        if not rows:
            return None
    lines = [
        Line(
            row.received_at,
            "delivery",
            f"{row.event_type or 'unreadable'}: {row.outcome or 'waits to be read'}",
            row.state,
            delivery=row.id,
        )
        for subject in rows
        for row in deliveries.for_subject(session, subject.ref, MOST_DELIVERIES)
    ]
    lines += [Line(e.at, e.action, e.words, e.result, e.rule) for e in entries]
    # A delivery comes before what it led to in the same instant; entries keep their order.
    lines.sort(key=lambda line: (line.at, line.what != "delivery"))
    return Story(ticket, tuple(map(subjects.to_snapshot, rows)), tuple(lines))


def _subjects_named(session: Session, name: str) -> list[SubjectRow]:
    query = select(SubjectRow).where(
        (col(SubjectRow.ref) == name) | col(SubjectRow.ref).endswith(f":{name}", autoescape=True)
    )
    return list(session.exec(query))


def authors(
    base: Base, observed: Observed | None = None, names: Mapping[str, str] | None = None
) -> list[FieldStory]:
    """Who last wrote each field we ever sent.

    ``observed`` is the ticket as Jira shows it now, if it could be asked; ``names`` gives display
    names by field id.
    """
    named = names or {}
    return [
        FieldStory(
            id_,
            named.get(id_, id_),
            _author(known, observed, id_),
            remembered(observed.fields[id_])
            if observed is not None and id_ in observed.fields
            else known.sent,
        )
        for id_, known in sorted(base.fields.items())
    ]


def _author(known: FieldBase, observed: Observed | None, id_: str) -> str:
    if observed is None or id_ not in observed.fields:
        return "ticket-sync, as far as it has looked"
    now = observed.fields[id_]
    if isinstance(now, list) and isinstance(known.sent, list) and not isinstance(known.shown, str):
        added = [one for one in now if one not in known.sent]
        gone = [one for one in known.sent if one not in now]
        if not added and not gone:
            return "ticket-sync"
        parts = [f"+{one}" for one in added] + [f"-{one}" for one in gone]
        return f"ticket-sync, and a person ({_few(parts)})"
    if same(remembered(now), shown_after(known, now)):
        return "ticket-sync"
    return "a person"


def _few(parts: Sequence[str], most: int = 6) -> str:
    return ", ".join(parts[:most]) + (" …" if len(parts) > most else "")


def field_names(draft: Draft) -> dict[str, str]:
    """Display names by field id, as a draft knows them."""
    return {id_: field.name for id_, field in draft.fields.items()}


def look(
    facts: Facts, rules: RuleSet, tracker: Tracker, now: float
) -> tuple[Observed, dict[str, str]]:
    """The ticket as Jira shows it now, and the display names of its fields. Reads only.

    Raises the tracker's faults. A rule that is gone or fails costs the names, not the look.
    """
    names: dict[str, str] = {}
    with suppress(Rejected):
        desired, _ = desire(facts, rule_for(facts, rules), now, rules)
        # Drafting also tells the tracker which fields to read.
        names = field_names(tracker.draft(desired))
    if facts.ref is None:
        raise Missing("there is no ticket in Jira")
    return tracker.read(facts.ref.id), names
