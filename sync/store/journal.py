"""The journal: what was done, when, by which rule, with what result."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from sync.store.tables import JournalRow


def write(
    session: Session,
    *,
    at: float,
    action: str,
    ticket_id: int | None = None,
    rule: str = "",
    result: str = "ok",
    words: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Add an entry. ``result`` is a word: ``ok``, ``left``, ``spared``, ``retry``, ``parked``,
    ``unknown``, ``warning`` or ``error``."""
    session.add(
        JournalRow(
            ticket_id=ticket_id,
            at=at,
            action=action,
            rule=rule,
            result=result,
            words=words[:4000],
            detail=detail or {},
        )
    )


def of_ticket(session: Session, ticket_id: int, limit: int = 500) -> list[JournalRow]:
    """A ticket's entries, oldest first; the newest ``limit`` of them."""
    query = (
        select(JournalRow)
        .where(JournalRow.ticket_id == ticket_id)
        .order_by(col(JournalRow.id).desc())
        .limit(limit)
    )
    return list(reversed(list(session.exec(query))))


def prune(session: Session, *, older_than: float, batch: int) -> int:
    """Delete up to ``batch`` entries from before ``older_than``; how many went."""
    doomed = list(
        session.exec(
            select(JournalRow.id)
            .where(JournalRow.at < older_than)
            .order_by(col(JournalRow.at))
            .limit(batch)
        )
    )
    if doomed:
        session.execute(delete(JournalRow).where(col(JournalRow.id).in_(doomed)))
    return len(doomed)
