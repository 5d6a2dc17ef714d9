"""How far the tickets are that an edit of the rules made due, and which tickets followed it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, update
from sqlmodel import Session, col, select

from sync.store.engine import change
from sync.store.tables import JournalRow, Record, TicketRow

# Why a ticket is due, as long as an edit is all that it is due for.
REASON = "the rules changed"
# So long (seconds) a ticket of a paused edit waits longer: until somebody has the edit go on.
_PAUSED_SECONDS = 10 * 365 * 86_400.0
_DUE = col(TicketRow.due_at)

# An edit makes its tickets due within so many seconds after it came into force.
_WITHIN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class EditProgress:
    """Numbers of tickets: all that the edit made due, those still due (``paused`` ones among them), and
    those set aside since."""

    total: int
    due: int
    aside: int
    paused: int


def pause(session: Session, at: float, words: str) -> int:
    """Have the tickets wait that are due for the edit of that time (seconds since the epoch) and nothing
    else; how many. ``words`` say why, for people. What happens to one of them makes it due at once."""
    waits = {"due_at": _DUE + _PAUSED_SECONDS, "due_reason": words[:200]}
    return change(
        session,
        # A ticket that was due before the edit has another reason, too.
        update(TicketRow).where(at <= _DUE, col(TicketRow.due_reason) == REASON).values(waits),
    )


def go_on(session: Session, now: float) -> int:
    """Have all tickets follow that wait for a paused edit, in the order in which they would have; how
    many."""
    due = {"due_at": _DUE - _PAUSED_SECONDS, "due_reason": REASON}
    return change(session, update(TicketRow).where(_waits_paused(now)).values(due))


def paused(session: Session, now: float) -> int:
    """How many tickets wait for a paused edit, from an index."""
    return session.exec(select(func.count(col(TicketRow.id))).where(_waits_paused(now))).one()


def mark(session: Session, ids: Sequence[int], version: int, undoes: int | None = None) -> None:
    """Note of tickets, by their row ids, that they follow the edit with this version of the rules. What
    the version ``undoes`` wrote to them is put back on the way."""
    changed: dict[str, Any] = {"edit": version, "edit_open": True}
    row = col(TicketRow.edit)
    if undoes is not None:
        # A ticket that the other edit never reached has nothing to be put back.
        changed["undoes"] = case((row == undoes, undoes), else_=col(TicketRow.undoes))
    change(session, update(TicketRow).where(col(TicketRow.id).in_(ids)).values(changed))


def followers(session: Session, version: int, *, after: int = 0, limit: int = 1000) -> list[int]:
    """Row ids of the tickets whose last edit was that with this version of the rules, in their order, by
    an index."""
    query = select(TicketRow.id).where(
        TicketRow.edit == version, col(TicketRow.edit).is_not(None), col(TicketRow.id) > after
    )
    found = session.exec(query.order_by(col(TicketRow.id)).limit(limit))
    return [id_ for id_ in found if id_ is not None]


def put_back(version: int | None) -> Callable[[TicketRow], None]:
    """For the end of a walk that has put back what the edit with this version wrote."""

    def change(row: TicketRow) -> None:
        if row.undoes == version:
            row.undoes = None

    return change


def due_at(row: TicketRow | Record, now: float) -> float | None:
    """When a ticket is looked at next (seconds since the epoch). None for when something happens to it,
    or the paused edit that it waits for goes on; ``due_reason`` then says who paused it."""
    paused = row.due_at is not None and now + _PAUSED_SECONDS / 2 < row.due_at
    return None if paused else row.due_at


def _waits_paused(now: float) -> ColumnElement[bool]:
    return now + _PAUSED_SECONDS / 2 < _DUE


def since(session: Session, at: float, now: float) -> EditProgress:
    """The progress at ``now`` of the edit that came into force ``at`` (seconds since the epoch)."""
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
    return EditProgress(int(total), int(waiting), int(aside), paused(session, now))
