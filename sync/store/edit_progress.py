"""How far the tickets are that an edit of the rules made due."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from sync.store.tables import JournalRow, TicketRow

# An edit makes its tickets due within so many seconds after it came into force.
_WITHIN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class EditProgress:
    """Numbers of tickets: all that the edit made due, those still due, and those set aside since."""

    total: int
    due: int
    aside: int


def since(session: Session, at: float) -> EditProgress:
    """The progress of the edit that came into force at this time (seconds since the epoch)."""
    ticket = col(TicketRow.id)
    due = col(TicketRow.due_at).is_not(None)
    parked = col(TicketRow.parked).is_not(None)
    edited = (
        select(col(JournalRow.ticket_id))
        .where(
            col(JournalRow.at).between(at, at + _WITHIN_SECONDS), col(JournalRow.action) == "edit"
        )
        .distinct()
    )
    query = select(
        func.count(),
        func.coalesce(func.sum(case((due & ~parked, 1), else_=0)), 0),
        func.coalesce(func.sum(case((parked, 1), else_=0)), 0),
    ).where(ticket.in_(edited))
    total, waiting, aside = session.exec(query).one()
    return EditProgress(int(total), int(waiting), int(aside))
