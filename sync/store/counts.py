"""How many tickets stand where, in all and site by site."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from sync.store.engine import Store
from sync.store.tables import TicketRow, TicketState


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tickets stand where. ``held``: due later. ``unsure``: being created, the outcome not
    known. ``spared``: never made. ``oldest_due``: seconds since the epoch, None where no ticket is due.
    """

    due: int
    held: int
    parked: int
    unsure: int
    linked: int
    spared: int
    total: int
    oldest_due: float | None
    fields_parked: int = 0


@dataclass(frozen=True, slots=True)
class SiteCounts:
    """The tickets of one Jira site. ``trouble`` is the error of the due ticket that was tried most
    often, "" where no due ticket has an error."""

    site: str
    tickets: int
    due: int
    held: int
    parked: int
    unsure: int
    trouble: str


def overall(store: Store, *, now: float) -> Counts:
    """Where the tickets stand. One query, from an index alone, because each scrape of metrics asks."""
    query = select(
        *_due_held_parked_unsure(now),
        _count_in(TicketState.LINKED),
        _count_in(TicketState.SPARED),
        func.count(),
        func.min(TicketRow.due_at).filter(_is_due(now)),
    ).select_from(TicketRow)
    # A query of its own, for which the index of what is parked is enough.
    fields = select(func.count()).where(
        col(TicketRow.parked).is_not(None), col(TicketRow.parked_at).is_(None)
    )
    with store.read() as session:
        found = session.execute(query).one()
        return replace(Counts(*found), fields_parked=session.execute(fields).scalar_one())


def by_site(session: Session, *, now: float) -> list[SiteCounts]:
    """Counts for each site that has tickets, by name. ``now`` is in seconds since the epoch."""
    query = (
        select(col(TicketRow.site), func.count(), *_due_held_parked_unsure(now))
        .group_by(col(TicketRow.site))
        .order_by(col(TicketRow.site))
    )
    return [
        SiteCounts(site, total, due, held, parked, unsure, _trouble(session, site))
        for site, total, due, held, parked, unsure in session.execute(query).all()
    ]


def _is_due(now: float) -> ColumnElement[bool]:
    return col(TicketRow.parked_at).is_(None) & (col(TicketRow.due_at) <= now)


def _count_in(state: TicketState) -> ColumnElement[int]:
    return func.count().filter(col(TicketRow.state) == state.value)


def _due_held_parked_unsure(now: float) -> list[ColumnElement[int]]:
    parked = col(TicketRow.parked_at).is_not(None)
    return [
        func.count().filter(_is_due(now)),
        func.count().filter(~parked & (col(TicketRow.due_at) > now)),
        func.count().filter(parked),
        _count_in(TicketState.CREATING),
    ]


def _trouble(session: Session, site: str) -> str:
    query = select(col(TicketRow.error)).where(
        col(TicketRow.site) == site,
        col(TicketRow.due_at).is_not(None),
        col(TicketRow.parked_at).is_(None),
        col(TicketRow.error) != "",
    )
    return session.execute(query.order_by(col(TicketRow.attempts).desc()).limit(1)).scalar() or ""
