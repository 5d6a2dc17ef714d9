"""How many tickets stand where, in all and site by site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import Session, col

from sync.store.engine import Store
from sync.store.tables import Record, TicketRow, TicketState


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
    """Where the tickets stand. Each scrape of metrics asks."""
    with store.read() as session:
        return _in_all(_standing(session, now), _fields_parked(session))


def in_all_and_by_site(session: Session, *, now: float) -> tuple[Counts, list[SiteCounts]]:
    """Where the tickets stand, and those of each site that has tickets, by name. ``now`` is in seconds
    since the epoch."""
    rows = _standing(session, now)
    sites: dict[str, Counter[str]] = {}
    for row in rows:
        found = sites.setdefault(row.site, Counter())
        found.update(total=row.total, due=row.due, held=row.held, parked=row.parked)
        found["unsure"] += row.total * (row.state == TicketState.CREATING)
    return _in_all(rows, _fields_parked(session)), [
        SiteCounts(
            site,
            found["total"],
            found["due"],
            found["held"],
            found["parked"],
            found["unsure"],
            _trouble(session, site),
        )
        for site, found in sorted(sites.items())
    ]


def _standing(session: Session, now: float) -> Sequence[Record]:
    """Counts by state and site. Reads the whole of one small index, and no row with its base."""
    parked, due = col(TicketRow.parked_at).is_not(None), col(TicketRow.due_at)
    is_due = ~parked & (due <= now)
    query = select(
        col(TicketRow.state),
        col(TicketRow.site),
        func.count().label("total"),
        func.count().filter(is_due).label("due"),
        func.count().filter(~parked & (due > now)).label("held"),
        func.count().filter(parked).label("parked"),
        func.min(due).filter(is_due).label("oldest_due"),
    ).group_by(col(TicketRow.state), col(TicketRow.site))
    return session.execute(query).all()


def _in_all(rows: Sequence[Record], fields_parked: int) -> Counts:
    def count(*states: TicketState) -> int:
        return sum(row.total for row in rows if row.state in states)

    return Counts(
        due=sum(row.due for row in rows),
        held=sum(row.held for row in rows),
        parked=sum(row.parked for row in rows),
        unsure=count(TicketState.CREATING),
        linked=count(TicketState.LINKED),
        spared=count(TicketState.SPARED),
        total=count(*TicketState),
        oldest_due=min((r.oldest_due for r in rows if r.oldest_due is not None), default=None),
        fields_parked=fields_parked,
    )


def _fields_parked(session: Session) -> int:
    # A query of its own, for which the index of what is parked is enough.
    query = select(func.count()).where(
        col(TicketRow.parked).is_not(None), col(TicketRow.parked_at).is_(None)
    )
    return int(session.execute(query).scalar_one())


def _trouble(session: Session, site: str) -> str:
    query = select(col(TicketRow.error)).where(
        col(TicketRow.site) == site,
        col(TicketRow.due_at).is_not(None),
        col(TicketRow.parked_at).is_(None),
        col(TicketRow.error) != "",
    )
    return session.execute(query.order_by(col(TicketRow.attempts).desc()).limit(1)).scalar() or ""
