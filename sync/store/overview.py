"""Where things stand, site by site, for people who look after the program."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import Session, col

from sync.store.tables import TicketRow, TicketState


@dataclass(frozen=True, slots=True)
class SiteCounts:
    """The tickets of one Jira site. ``trouble`` is what the last walk that is to be repeated met."""

    site: str
    tickets: int
    due: int
    held: int
    parked: int
    unsure: int
    trouble: str


def by_site(session: Session, *, now: float) -> list[SiteCounts]:
    """Counts for each site that has tickets, by name. ``now`` in seconds since the epoch."""
    due, parked = col(TicketRow.due_at), col(TicketRow.parked_at).is_not(None)
    query = (
        select(
            col(TicketRow.site),
            func.count(),
            func.count().filter(~parked & (due <= now)),
            func.count().filter(~parked & (due > now)),
            func.count().filter(parked),
            func.count().filter(col(TicketRow.state) == TicketState.CREATING.value),
        )
        .group_by(col(TicketRow.site))
        .order_by(col(TicketRow.site))
    )
    return [
        SiteCounts(site, total, due_now, held, aside, unsure, _trouble(session, site))
        for site, total, due_now, held, aside, unsure in session.execute(query).all()
    ]


def _trouble(session: Session, site: str) -> str:
    """What stands in the way of the ticket that has been tried most often; "" when nothing does."""
    query = (
        select(col(TicketRow.error))
        .where(
            col(TicketRow.site) == site,
            col(TicketRow.due_at).is_not(None),
            col(TicketRow.parked_at).is_(None),
            col(TicketRow.error) != "",
        )
        .order_by(col(TicketRow.attempts).desc())
        .limit(1)
    )
    return session.execute(query).scalar() or ""
