"""How many tickets stand where, in all and site by site."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select
from sqlmodel import Session, col

from sync.domain.pause import Pause, active
from sync.store import paused
from sync.store.engine import Store
from sync.store.tables import TallyRow, TicketRow, TicketState, table_of


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tickets stand where. ``due`` are without the ``paused``, which wait for a pause to be
    over. ``held``: due later. ``unsure``: being created, the outcome not known. ``spared``: never made.
    ``oldest_due``: since when the oldest could have been walked (seconds since the epoch), None where no
    ticket is due.
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
    paused: int = 0


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
    paused: int = 0


def overall(store: Store, *, now: float) -> Counts:
    """Where the tickets stand. Each scrape of metrics asks."""
    with store.read() as session:
        return _in_all(_by_site(session, now))


def in_all_and_by_site(session: Session, *, now: float) -> tuple[Counts, list[SiteCounts]]:
    """Where the tickets stand, and those of each site that has tickets, by name. ``now`` is in seconds
    since the epoch."""
    sites = _by_site(session, now)
    return _in_all(sites), [
        SiteCounts(
            site,
            found.tickets.total(),
            found.due,
            found.held,
            found.parked,
            found.tickets[TicketState.CREATING],
            _trouble(session, site),
            found.paused,
        )
        for site, found in sorted(sites.items())
        if found.tickets.total()
    ]


def parked(session: Session) -> int:
    """How many tickets are parked."""
    return int(session.execute(_PARKED).scalar() or 0)


@dataclass(slots=True)
class _Standing:
    """The tickets of one site: by state, and those that are due, held or parked."""

    tickets: Counter[str] = field(default_factory=Counter)
    due: int = 0
    held: int = 0
    oldest_due: float | None = None
    parked: int = 0
    fields_parked: int = 0
    paused: int = 0


def _by_site(session: Session, now: float) -> dict[str, _Standing]:
    """Where the tickets of each site stand. No query reads a row of a ticket; what is due is read from
    an index."""
    found: defaultdict[str, _Standing] = defaultdict(_Standing)
    for site, state, parked, count in session.execute(_TALLIES):
        one = found[site]
        one.tickets[state] += int(count)
        one.parked += int(count) * (parked == "ticket")
        one.fields_parked += int(count) * (parked == "fields")
    pauses = paused.load(session)
    for site, due, held, oldest, waits in session.execute(_due(pauses, now), {"now": now}):
        one = found[site]
        one.due, one.held, one.oldest_due, one.paused = due, held, oldest, waits
    return found


_TALLY, _TICKET = table_of(TallyRow).c, table_of(TicketRow).c
_BY = (_TALLY.site, _TALLY.state, _TALLY.parked)
_TALLIES = select(*_BY, func.sum(_TALLY.tickets)).group_by(*_BY)
_PARKED = select(func.sum(_TALLY.tickets)).where(_TALLY.parked == "ticket")
_IS_DUE = _TICKET.due_at <= bindparam("now")


def _numbers(
    walked: ColumnElement[bool], since: ColumnElement[float], waits: ColumnElement[int]
) -> Select[Any]:
    return (
        select(
            _TICKET.site,
            func.count().filter(walked),
            func.count().filter(~_IS_DUE),
            func.min(since).filter(walked),
            waits,
        )
        .where(_TICKET.due_at.is_not(None), _TICKET.parked_at.is_(None))
        .group_by(_TICKET.site)
    )


_DUE = _numbers(_IS_DUE, _TICKET.due_at, literal_column("0"))


def _due(pauses: Sequence[Pause], now: float) -> Select[Any]:
    """The numbers of what is due and held, by site, with what waits for pauses apart."""
    if not pauses:
        return _DUE
    since, going_on = paused.late_since(pauses), active(pauses, now)
    if not going_on:
        return _numbers(_IS_DUE, since, literal_column("0"))
    waits = paused.any_of(going_on)
    return _numbers(_IS_DUE & ~waits, since, func.count().filter(_IS_DUE & waits))


def _in_all(sites: Mapping[str, _Standing]) -> Counts:
    found = sites.values()
    tickets = sum((one.tickets for one in found), Counter[str]())
    return Counts(
        due=sum(one.due for one in found),
        held=sum(one.held for one in found),
        parked=sum(one.parked for one in found),
        unsure=tickets[TicketState.CREATING],
        linked=tickets[TicketState.LINKED],
        spared=tickets[TicketState.SPARED],
        total=tickets.total(),
        oldest_due=min((o.oldest_due for o in found if o.oldest_due is not None), default=None),
        fields_parked=sum(one.fields_parked for one in found),
        paused=sum(one.paused for one in found),
    )


def _trouble(session: Session, site: str) -> str:
    query = select(col(TicketRow.error)).where(
        col(TicketRow.site) == site,
        col(TicketRow.due_at).is_not(None),
        col(TicketRow.parked_at).is_(None),
        col(TicketRow.error) != "",
    )
    return session.execute(query.order_by(col(TicketRow.attempts).desc()).limit(1)).scalar() or ""
