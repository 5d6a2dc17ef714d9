"""Queries of the housekeeping sweep: tickets that wait for a walk which nobody is going to make."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, literal_column
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from sync.store.engine import Session
from sync.store.open_items import speaker_open, with_open_subject
from sync.store.tables import TicketRow, TicketState

TicketQuery = SelectOfScalar[TicketRow]


def expired_leases(before: float) -> TicketQuery:
    """Tickets with a lease that ended before ``before`` (seconds since the epoch) and is still there."""
    return select(TicketRow).where(col(TicketRow.lease_until) < before)


def creates_without_search() -> TicketQuery:
    """Tickets that may have been made in Jira, and for which no search in Jira is due."""
    # A literal and not a parameter, because the databases use a partial index for literals only.
    creating = col(TicketRow.state) == literal_column(f"'{TicketState.CREATING.value}'")
    return select(TicketRow).where(creating, *_left_alone())


def resting_but_open(recreating: Iterable[str]) -> TicketQuery:
    """Tickets that are not in Jira, are not due, and should be made because ``speaker_open`` is true:
    spared tickets, and deleted tickets of the ``recreating`` rules (by name)."""
    deleted = col(TicketRow.state) == TicketState.GONE.value
    return select(TicketRow).where(
        # Open subjects are fewer than spared tickets, which are kept for good.
        col(TicketRow.id).in_(with_open_subject()),
        (col(TicketRow.state) == TicketState.SPARED.value)
        | (deleted & col(TicketRow.rule).in_(sorted(recreating))),
        speaker_open(),
        *_left_alone(),
    )


def overdue(before: float, *, sites_down: Iterable[str]) -> TicketQuery:
    """Tickets due since before ``before`` (seconds since the epoch) that nobody has claimed, longest
    due first. Sites that are down are left out."""
    due = col(TicketRow.due_at)
    unclaimed = col(TicketRow.lease_owner).is_(None)
    up = col(TicketRow.site).not_in(sorted(sites_down))
    return select(TicketRow).where(due < before, unclaimed, up).order_by(due)


def _left_alone() -> tuple[ColumnElement[bool], ...]:
    return col(TicketRow.due_at).is_(None), col(TicketRow.lease_owner).is_(None)


def rows(session: Session, query: TicketQuery, *, limit: int, lock: bool) -> list[TicketRow]:
    """The rows of a query. ``lock`` locks them, and leaves out those that another writer has locked."""
    query = query.limit(limit)
    return list(session.exec(query.with_for_update(skip_locked=True) if lock else query))
