"""Where things stand, site by site, for people who look after the program."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import Session, col

from sync.store.tables import (
    DeliveryRow,
    DeliveryState,
    JournalRow,
    RunResult,
    SubjectRow,
    SweepRunRow,
    TicketRow,
    TicketState,
)


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


@dataclass(frozen=True, slots=True)
class Happening:
    """One delivery, action or sweep, as somebody who watches is told of it. ``at`` in seconds since
    the epoch; ``about`` is the subject's title, the ticket's key or the sweep's name; ``result`` as in
    the journal."""

    at: float
    kind: str
    about: str
    words: str
    result: str = "ok"


def deliveries_after(session: Session, seq: int, limit: int = 500) -> list[tuple[int, Happening]]:
    """Deliveries that were read (or are dead) since the one numbered ``seq``, with their numbers."""
    query = (
        select(DeliveryRow, SubjectRow)
        .outerjoin(SubjectRow, col(SubjectRow.ref) == col(DeliveryRow.subject))
        .where(col(DeliveryRow.seq) > seq)
        .order_by(col(DeliveryRow.seq))
        .limit(limit)
    )
    told: list[tuple[int, Happening]] = []
    for delivery, subject in session.execute(query).all():
        if delivery.state == DeliveryState.ACCEPTED:
            break
        dead = delivery.state == DeliveryState.DEAD
        title = str(subject.payload.get("title", "")) if subject else delivery.event_id
        words = delivery.outcome if dead else delivery.event_type
        result = "error" if dead else "ok"
        told.append(
            (delivery.seq, Happening(delivery.received_at, "delivery", title, words, result))
        )
    return told


def actions_after(session: Session, id_: int, limit: int = 500) -> list[tuple[int, Happening]]:
    """Journal entries since the one numbered ``id_``, with their numbers."""
    query = (
        select(JournalRow, col(TicketRow.jira_key), col(TicketRow.key))
        .outerjoin(TicketRow, col(TicketRow.id) == col(JournalRow.ticket_id))
        .where(col(JournalRow.id) > id_)
        .order_by(col(JournalRow.id))
        .limit(limit)
    )
    return [
        (
            entry.id,
            Happening(entry.at, entry.action, jira_key or key or "", entry.words, entry.result),
        )
        for entry, jira_key, key in session.execute(query).all()
    ]


def sweeps_after(session: Session, id_: int, limit: int = 100) -> list[tuple[int, Happening]]:
    """Sweeps that found something since the one numbered ``id_``, with their numbers."""
    query = (
        select(SweepRunRow)
        .where(
            col(SweepRunRow.id) > id_,
            col(SweepRunRow.result) != RunResult.RUNNING.value,
            col(SweepRunRow.missing) + col(SweepRunRow.stale) + col(SweepRunRow.wrong) > 0,
        )
        .order_by(col(SweepRunRow.id))
        .limit(limit)
    )
    told = []
    for run in session.execute(query).scalars():
        counts = (("not known here", run.missing), ("out of date", run.stale), ("wrong", run.wrong))
        words = ", ".join(f"{count} {what}" for what, count in counts if count)
        told.append((run.id or 0, Happening(run.started_at, "sweep", run.sweep, words)))
    return told
