"""Queries of the housekeeping sweep: tickets that wait for a walk which nobody is going to make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, literal_column, not_
from sqlmodel import col, select

from sync.domain.pause import active
from sync.store import paused
from sync.store.engine import Session
from sync.store.open_items import speaker_open, with_open_subject
from sync.store.tables import TicketRow, TicketState


@dataclass(frozen=True, slots=True)
class Wanted:
    """Tickets that meet all conditions. ``among`` follows from these, and finds the tickets by an index;
    of tickets that were found, it need not be asked again."""

    conditions: tuple[ColumnElement[bool], ...]
    among: tuple[ColumnElement[bool], ...] = ()

    def find(self, session: Session, limit: int) -> list[TicketRow]:
        """Some of the tickets."""
        query = select(TicketRow).where(*self.among, *self.conditions)
        return list(session.exec(query.limit(limit)))

    def lock(self, session: Session, found: Sequence[TicketRow]) -> list[TicketRow]:
        """The rows, to be changed, of those found tickets that still meet the conditions and that no
        other writer has locked."""
        ids = sorted(row.id for row in found if row.id is not None)
        query = select(TicketRow).where(col(TicketRow.id).in_(ids), *self.conditions)
        return list(session.exec(query.with_for_update(skip_locked=True)))


def expired_leases(before: float) -> Wanted:
    """Tickets with a lease that ended before ``before`` (seconds since the epoch) and is still there."""
    return Wanted((col(TicketRow.lease_until) < before,))


def creates_without_search() -> Wanted:
    """Tickets that may have been made in Jira, and for which no search in Jira is due."""
    # A literal and not a parameter, because the databases use a partial index for literals only.
    creating = col(TicketRow.state) == literal_column(f"'{TicketState.CREATING.value}'")
    return Wanted((creating, *_left_alone()))


def resting_but_open(recreating: Iterable[str]) -> Wanted:
    """Tickets that are not in Jira, are not due, and should be made because ``speaker_open`` is true:
    spared tickets, and deleted tickets of the ``recreating`` rules (by name)."""
    deleted = col(TicketRow.state) == TicketState.GONE.value
    return Wanted(
        (
            (col(TicketRow.state) == TicketState.SPARED.value)
            | (deleted & col(TicketRow.rule).in_(sorted(recreating))),
            speaker_open(),
            *_left_alone(),
        ),
        # Open subjects are fewer than spared tickets, which are kept for good.
        among=(col(TicketRow.id).in_(with_open_subject()),),
    )


def overdue(
    session: Session, before: float, *, sites_down: Iterable[str], limit: int
) -> list[TicketRow]:
    """Tickets due since before ``before`` (seconds since the epoch) that nobody has claimed, longest
    due first. Sites that are down are left out, and so is what waits for a pause, or waited for one that
    was not over by then."""
    due = col(TicketRow.due_at)
    unclaimed = col(TicketRow.lease_owner).is_(None)
    up = col(TicketRow.site).not_in(sorted(sites_down))
    query = select(TicketRow).where(due < before, unclaimed, up).order_by(due)
    if pauses := active(paused.load(session), before):
        query = query.where(not_(paused.any_of(pauses)))
    return list(session.exec(query.limit(limit)))


def _left_alone() -> tuple[ColumnElement[bool], ...]:
    return col(TicketRow.due_at).is_(None), col(TicketRow.lease_owner).is_(None)
