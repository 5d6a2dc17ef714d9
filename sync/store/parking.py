"""Parked tickets: listed, and made due again by hand, after a rule edit, or when a site is up again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlmodel import col, select

from sync.store import journal, tickets
from sync.store.engine import Session, Store
from sync.store.tables import TicketRow

# Seconds between two tickets that are made due, so that not all call Jira at the same moment.
SPREAD_SECONDS = 0.05


def retry(session: Session, rows: Iterable[TicketRow], now: float, why: str) -> int:
    """Make parked tickets due, spread over time; how many. They stay parked until a walk succeeds.

    The rows may have been read without a lock. They are read again with a lock, so that the results of
    a walk that ended meanwhile are not written over.
    """
    ids = [row.id for row in rows if row.id is not None]
    locked = tickets.by_ids(session, ids)
    known = [locked[id_] for id_ in ids if id_ in locked]
    for number, row in enumerate(known):
        row.due_at = None
        row.attempts = 0
        row.base = _fields_again(row.base)
        tickets.make_due(row, now + number * SPREAD_SECONDS, why, look=True)
        entry = journal.Entry("retry", why)
        journal.write(session, entry, at=now, ticket_id=row.id, rule=row.rule)
    return len(known)


def _fields_again(base: dict[str, Any]) -> dict[str, Any]:
    """The base with each of its parked fields to be tried again."""
    fields = base.get("parked")
    if not fields:
        return base
    return {**base, "parked": {id_: {**one, "again": True} for id_, one in fields.items()}}


def lift(row: TicketRow) -> None:
    """Take the park off a ticket, without making the ticket due."""
    row.parked = None
    row.parked_at = None
    row.error = ""
    row.attempts = 0


def parked(session: Session, *, rule: str = "", site: str = "", limit: int = 0) -> list[TicketRow]:
    """Parked tickets, longest parked first, and tickets with parked fields."""
    query = (
        select(TicketRow)
        .where(col(TicketRow.parked).is_not(None))
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
