"""The journal: what was done, when, by which rule, with what result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from sync.store.engine import change
from sync.store.tables import JournalRow

LONGEST_WORDS = 4000
# The action of a line whose detail has what a ticket was before a write for an edit of the rules.
KEPT = "kept"
# The words of the entry of a ticket that its rule's hold has spared, by which these are counted.
ENDED_IN_HOLD = "the subject ended before its hold was over; no ticket is needed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line for the journal.

    ``action`` names what was done in one word, ``words`` say it in full. ``result`` is ``ok``, ``left``
    (nothing was to be done; ``held`` in entries of earlier versions), ``unknown``, ``retry``,
    ``parked``, ``warning`` or ``error``. ``detail`` is for the program: what the ticket came to
    (``sync/domain/attendance.py``), or what it was before (``sync/domain/former.py``).
    """

    action: str
    words: str = ""
    result: str = "ok"
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """An entry that is to be added; ``ticket_id`` and ``rule`` say what the entry is about."""

    entry: Entry
    at: float
    ticket_id: int | None = None
    rule: str = ""


def write(
    session: Session, entry: Entry, *, at: float, ticket_id: int | None = None, rule: str = ""
) -> JournalRow:
    """Add an entry, as ``add`` does."""
    return add(session, Line(entry, at, ticket_id, rule))


def add(session: Session, line: Line) -> JournalRow:
    """Add an entry. Long words are cut."""
    row = JournalRow(
        ticket_id=line.ticket_id,
        at=line.at,
        action=line.entry.action,
        rule=line.rule,
        result=line.entry.result,
        words=line.entry.words[:LONGEST_WORDS],
        detail=dict(line.entry.detail),
    )
    session.add(row)
    return row


def newest(session: Session) -> list[JournalRow]:
    """The newest entry, none where there is none."""
    return list(session.exec(select(JournalRow).order_by(col(JournalRow.id).desc()).limit(1)))


def of_ticket(session: Session, ticket_id: int, limit: int = 500) -> list[JournalRow]:
    """The newest ``limit`` entries about a ticket, oldest first."""
    query = select(JournalRow).where(JournalRow.ticket_id == ticket_id)
    newest = session.exec(query.order_by(col(JournalRow.id).desc()).limit(limit)).all()
    return list(reversed(newest))


def kept(
    session: Session, ticket_ids: Sequence[int], version: int
) -> dict[int, list[Mapping[str, Any]]]:
    """By ticket, what was kept of it before the writes for the edit with this version of the rules,
    oldest first."""
    found: dict[int, list[Mapping[str, Any]]] = {}
    query = select(JournalRow.ticket_id, JournalRow.detail).where(
        col(JournalRow.ticket_id).in_(ticket_ids), JournalRow.action == KEPT
    )
    for id_, detail in session.exec(query.order_by(col(JournalRow.id))):
        if id_ is not None and detail.get("version") == version:
            found.setdefault(id_, []).append(detail)
    return found


def prune(session: Session, *, older_than: float, batch: int) -> int:
    """Delete up to ``batch`` entries from before ``older_than``; how many were deleted."""
    old = select(JournalRow.id).where(JournalRow.at < older_than)
    oldest = old.order_by(col(JournalRow.at)).limit(batch)
    return change(session, delete(JournalRow).where(col(JournalRow.id).in_(oldest)))
