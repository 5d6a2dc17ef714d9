"""Parked tickets: listed, and made due again by hand, after a rule edit, or because a site came back."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import col, select

from sync.store import journal, tickets
from sync.store.engine import Session, Store
from sync.store.tables import TicketRow

# Tickets that one cause parked are not all tried in the same second.
SPREAD_SECONDS = 0.05


def retry(session: Session, rows: Iterable[TicketRow], now: float, why: str) -> int:
    """Make parked tickets due, spread over time; how many. They stay parked until a walk succeeds.

    The rows may have been read without a lock. They are read again under one, so that the end of a
    walk meanwhile is seen and none is written over.
    """
    ids = [row.id for row in rows if row.id is not None]
    known = tickets.by_ids(session, ids, refresh=True)
    count = 0
    for count, row in enumerate((known[id_] for id_ in ids if id_ in known), start=1):
        at = now + (count - 1) * SPREAD_SECONDS
        row.due_at = None
        row.attempts = 0
        tickets.make_due(row, at, why, look=True)
        entry = journal.Entry("retry", why)
        journal.write(session, entry, at=now, ticket_id=row.id, rule=row.rule)
    return count


def lift(row: TicketRow) -> None:
    """Take a ticket's park away without a try: nothing is to be done for the ticket any more."""
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
    """Make all parked tickets (of a rule, of a site) due again; how many."""
    with store.write() as session:
        return retry(session, parked(session, rule=rule, site=site), now, why)
