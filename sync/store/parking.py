"""Parked tickets: listed, and made due again by hand, after a rule edit, or when a site is up again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select as columns
from sqlmodel import col, select

from sync.domain.admission import Admission
from sync.store import journal, tickets
from sync.store.engine import Session, Store
from sync.store.tables import Record, TicketRow, table_of

# Seconds between two tickets that are made due, so that not all call Jira at the same moment.
SPREAD_SECONDS = 0.05
# How many tickets one transaction makes due.
TOGETHER = 50


def retry(session: Session, rows: Iterable[TicketRow], now: float, why: str) -> int:
    """Make tickets that a person names due, spread over time; how many. Parked ones stay parked until a
    walk succeeds. A hold ends: the walk takes both sides as agreed as they stand now.

    The rows may have been read without a lock. They are read again with a lock, so that the results of
    a walk that ended meanwhile are not written over.
    """
    known = _retry(session, [row.id for row in rows if row.id is not None], now, why, 0)
    for row in known:
        if row.admission == Admission.HELD:
            row.admission, row.admission_at = Admission.RELEASED.value, now
    return len(known)


def retry_all(store: Store, ids: Sequence[int], now: float, why: str) -> int:
    """Make parked tickets due, spread over time, by their row ids; how many. A few in each transaction,
    because deliveries wait meanwhile."""
    count = 0
    for start in range(0, len(ids), TOGETHER):
        with store.write() as session:
            count += len(_retry(session, ids[start : start + TOGETHER], now, why, count))
    return count


def _retry(
    session: Session, ids: Sequence[int], now: float, why: str, after: int
) -> list[TicketRow]:
    locked = tickets.by_ids(session, ids)
    known = [locked[id_] for id_ in ids if id_ in locked]
    for number, row in enumerate(known, after):
        row.due_at = None
        row.attempts = 0
        row.base = _fields_again(row.base)
        tickets.make_due(row, now + number * SPREAD_SECONDS, why, look=True)
        entry = journal.Entry("retry", why)
        journal.write(session, entry, at=now, ticket_id=row.id, rule=row.rule)
    return known


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
    # Expressions, which no index serves: a rule or a site may have all tickets, and parked are a few.
    if rule:
        query = query.where(col(TicketRow.rule).concat("") == rule)
    if site:
        query = query.where(col(TicketRow.site).concat("") == site)
    if limit:
        query = query.limit(limit)
    return list(session.exec(query))


def oldest(session: Session) -> float | None:
    """Since when the ticket that is parked longest is parked (seconds since the epoch)."""
    query = select(TicketRow.parked_at).where(
        col(TicketRow.parked).is_not(None), col(TicketRow.parked_at).is_not(None)
    )
    return session.exec(query.order_by(col(TicketRow.parked_at)).limit(1)).first()


@dataclass(frozen=True, slots=True)
class Group:
    """Tickets that are parked, or have a field parked, for one cause. ``why`` is what the first row says
    of it, with ``since``; ``values`` are what it is said of."""

    why: Mapping[str, Any]
    rows: Sequence[TicketRow | Record]
    values: Sequence[str] = ()


def grouped(rows: Iterable[TicketRow | Record]) -> list[Group]:
    """Parked tickets and fields by cause, the largest group first. See ``cause_of``."""
    found: dict[tuple[str, ...], list[tuple[TicketRow | Record, Mapping[str, Any]]]] = {}
    for row in rows:
        for why in causes(row):
            found.setdefault(cause_of(row, why), []).append((row, why))
    groups = []
    for those in found.values():
        first, cause = those[0]
        values = sorted({str(one.get("value") or "") for _, one in those} - {""})
        said = {**cause, "reason": reason(first, cause)}
        groups.append(Group(said, [row for row, _ in those], values))
    return sorted(groups, key=lambda group: -len(group.rows))


def cause_of(row: TicketRow | Record, why: Mapping[str, Any]) -> tuple[str, ...]:
    """What one mistake has in common, however many tickets it hit: the line and key of the rule, the
    field and the kind of mistake.

    Words of Jira and of templates hold values from upstream, which differ from ticket to ticket. They
    count only where neither the key nor the field is known.
    """
    parts = [str(why.get(name) or "") for name in ("where", "key", "field", "cause")]
    known = parts[1] or parts[2]
    return (row.site, row.rule, *parts, "" if known else reason(row, why))


def causes(row: TicketRow | Record) -> list[dict[str, Any]]:
    """Why the ticket is parked, if it is, and why each of its parked fields is; each with ``since``."""
    data = row.parked or {}
    ticket = [{**data, "since": row.parked_at}] if row.parked_at is not None else []
    return [*ticket, *data.get("fields", {}).values()]


def reason(row: TicketRow | Record, why: Mapping[str, Any]) -> str:
    """A cause in words, without the ticket's own key, by which the words of one cause would differ."""
    said = str(why.get("reason") or row.error)
    return re.sub(rf"\b{re.escape(row.jira_key)}\b", "the ticket", said) if row.jira_key else said


def retry_parked(store: Store, now: float, why: str, *, rule: str = "", site: str = "") -> int:
    """Make all parked tickets (of a rule, of a site) due again; how many."""
    with store.read() as session:
        ids = [row.id for row in parked(session, rule=rule, site=site) if row.id is not None]
    return retry_all(store, ids, now, why)


def listed(session: Session, *, limit: int) -> list[Record]:
    """The first ``limit`` rows of ``parked``, without what a list of them does not need."""
    table = table_of(TicketRow).c
    shown = (
        table.id,
        table.key,
        table.jira_key,
        table.rule,
        table.site,
        table.project,
        table.parked,
        table.parked_at,
        table.due_at,
        table.error,
        table.aside,
    )
    query = columns(*shown).where(table.parked.is_not(None))
    return list(session.execute(query.order_by(table.parked_at, table.id).limit(limit)))
