"""The journal: what was done, when, by which rule, with what result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from sync.store.engine import change
from sync.store.tables import JournalRow

LONGEST_WORDS = 4000


@dataclass(frozen=True, slots=True)
class Entry:
    """One line for the journal.

    ``action`` names what was done in one word, ``words`` say it in full. ``result`` is ``ok``, ``left``
    (nothing was to be done; ``held`` in entries of earlier versions), ``unknown``, ``retry``,
    ``parked``, ``warning`` or ``error``.
    """

    action: str
    words: str = ""
    result: str = "ok"


# The columns of an entry that is to be added.
Line = Mapping[str, Any]


def line(entry: Entry, *, at: float, ticket_id: int | None = None, rule: str = "") -> Line:
    """An entry as it is written; ``ticket_id`` and ``rule`` say what the entry is about. Long words are
    cut."""
    return {
        "ticket_id": ticket_id,
        "at": at,
        "action": entry.action,
        "rule": rule,
        "result": entry.result,
        "words": entry.words[:LONGEST_WORDS],
    }


def write(
    session: Session, entry: Entry, *, at: float, ticket_id: int | None = None, rule: str = ""
) -> JournalRow:
    """Add an entry: see ``line``."""
    return add(session, line(entry, at=at, ticket_id=ticket_id, rule=rule))


def add(session: Session, line: Line) -> JournalRow:
    """Add an entry."""
    row = JournalRow(**line)
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


def prune(session: Session, *, older_than: float, batch: int) -> int:
    """Delete up to ``batch`` entries from before ``older_than``; how many were deleted."""
    old = select(JournalRow.id).where(JournalRow.at < older_than)
    oldest = old.order_by(col(JournalRow.at)).limit(batch)
    return change(session, delete(JournalRow).where(col(JournalRow.id).in_(oldest)))
