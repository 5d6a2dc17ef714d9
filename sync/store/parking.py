"""Parked tickets: listed, and tried again by hand, after a rule edit or when a site is back."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import col, select

from sync.store import journal, tickets
from sync.store.engine import Session, Store
from sync.store.tables import TicketRow

# Time between two tries, so that many tickets parked by one cause are not all tried at once.
SPREAD_SECONDS = 0.05
BATCH = 500


def retry(session: Session, rows: Iterable[TicketRow], now: float, why: str) -> int:
    """Make parked tickets due, spread over time; how many. They stay parked until a walk succeeds.

    The rows may have been read without a lock: they are read again, locked.
    """
    count = 0
    for count, row in enumerate(_locked(session, rows), start=1):
        at = now + (count - 1) * SPREAD_SECONDS
        row.due_at = None
        row.attempts = 0
        tickets.make_due(row, at, why, look=True)
        journal.write(session, at=now, action="retry", ticket_id=row.id, rule=row.rule, words=why)
    return count


def _locked(session: Session, rows: Iterable[TicketRow]) -> list[TicketRow]:
    """The same rows in the same order, locked and as they stand now: a walk may have ended since they
    were read, and none can end before this transaction."""
    ids = [row.id for row in rows if row.id is not None]
    known: dict[int | None, TicketRow] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), BATCH):
        query = (
            select(TicketRow)
            .where(col(TicketRow.id).in_(wanted[start : start + BATCH]))
            .order_by(col(TicketRow.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        known.update({row.id: row for row in session.exec(query)})
    return [known[id_] for id_ in ids if id_ in known]


def lift(row: TicketRow) -> None:
    """Take the park off a ticket that comes to rest: there is nothing to try again."""
    row.parked = None
    row.parked_at = None
    row.error = ""
    row.attempts = 0


def parked(session: Session, *, rule: str = "", site: str = "", limit: int = 0) -> list[TicketRow]:
    """Parked tickets, longest parked first."""
    query = (
        select(TicketRow)
        .where(col(TicketRow.parked_at).is_not(None))
        .order_by(col(TicketRow.parked_at), col(TicketRow.id))
    )
    if rule:
        query = query.where(TicketRow.rule == rule)
    if site:
        query = query.where(TicketRow.site == site)
    if limit:
        query = query.limit(limit)
    return list(session.exec(query))


def retry_parked(store: Store, now: float, why: str, *, rule: str = "", site: str = "") -> int:
    """Try all parked tickets, or those of a rule or a site, again; how many."""
    with store.write() as session:
        return retry(session, parked(session, rule=rule, site=site), now, why)
