"""Queries of the sweeps on tickets: by Jira id, by marker, and those that are not as they should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from sync.store.engine import Session
from sync.store.open_items import speaker_open
from sync.store.tables import TicketRow, TicketState


def linked(
    session: Session, site: str, jira_ids: Iterable[str], *, lock: bool = False
) -> dict[str, TicketRow]:
    """Tickets of a site by their Jira id."""
    wanted = sorted(set(jira_ids))
    if not wanted:
        return {}
    query = (
        select(TicketRow)
        .where(TicketRow.site == site, col(TicketRow.jira_id).in_(wanted))
        .order_by(col(TicketRow.id))
    )
    if lock:
        query = query.with_for_update()
    return {row.jira_id: row for row in session.exec(query) if row.jira_id}


def keys_of_site(session: Session, site: str) -> Iterator[tuple[int, str, str]]:
    """(Row id, our key, Jira key) of all made tickets of a site, without loading all at once."""
    query = (
        select(TicketRow.id, TicketRow.key, TicketRow.jira_key)
        .where(TicketRow.site == site, col(TicketRow.jira_id).is_not(None))
        .execution_options(yield_per=2000)
    )
    for id_, key, jira_key in session.exec(query):
        if id_ is not None:
            yield id_, key, jira_key


def expired_leases(session: Session, before: float, *, limit: int, lock: bool) -> list[TicketRow]:
    """Tickets whose lease ended before ``before`` (seconds since the epoch) and was not given back."""
    return _rows(session, select(TicketRow).where(col(TicketRow.lease_until) < before), limit, lock)


def creates_without_search(session: Session, *, limit: int, lock: bool) -> list[TicketRow]:
    """Tickets that may have been made in Jira, although nobody is going to search for them there."""
    query = select(TicketRow).where(TicketRow.state == TicketState.CREATING, *_left_alone())
    return _rows(session, query, limit, lock)


def resting_but_open(
    session: Session, recreating: Iterable[str], *, limit: int, lock: bool
) -> list[TicketRow]:
    """Resting tickets that should be made, because the subjects that speak for them are open: spared
    ones, and deleted ones of the rules (by name) that make a deleted ticket anew."""
    deleted = col(TicketRow.state) == TicketState.GONE.value
    query = select(TicketRow).where(
        (col(TicketRow.state) == TicketState.SPARED.value)
        | (deleted & col(TicketRow.rule).in_(sorted(recreating))),
        speaker_open(),
        *_left_alone(),
    )
    return _rows(session, query, limit, lock)


def overdue(
    session: Session, before: float, *, sites_down: Iterable[str], limit: int
) -> list[TicketRow]:
    """Tickets due since before ``before`` (seconds since the epoch) that nobody has claimed, longest
    due first. Sites that are down are left out."""
    query = (
        select(TicketRow)
        .where(
            col(TicketRow.due_at) < before,
            col(TicketRow.lease_owner).is_(None),
            col(TicketRow.site).not_in(sorted(sites_down)),
        )
        .order_by(col(TicketRow.due_at))
    )
    return _rows(session, query, limit, lock=False)


def _left_alone() -> tuple[ColumnElement[bool], ...]:
    return col(TicketRow.due_at).is_(None), col(TicketRow.lease_owner).is_(None)


def _rows(
    session: Session, query: SelectOfScalar[TicketRow], limit: int, lock: bool
) -> list[TicketRow]:
    """``lock`` locks the rows against other writers; those that another has locked are left out."""
    query = query.limit(limit)
    return list(session.exec(query.with_for_update(skip_locked=True) if lock else query))
