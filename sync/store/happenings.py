"""Queries for a person who watches the daemon: new deliveries, actions and sweeps."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, true
from sqlmodel import Session, col

from sync.store.tables import (
    DeliveryRow,
    DeliveryState,
    JournalRow,
    RunResult,
    SubjectRow,
    SweepRunRow,
    TicketRow,
)


@dataclass(frozen=True, slots=True)
class Happening:
    """One delivery, action or sweep. ``at``: seconds since the epoch. ``about``: the subject's title,
    the ticket's key or the sweep's name. ``result``: as in a journal entry."""

    at: float
    kind: str
    about: str
    words: str
    result: str = "ok"


def deliveries_after(session: Session, seq: int, limit: int = 500) -> list[tuple[int, Happening]]:
    """The deliveries numbered above ``seq``, with their numbers, up to the first that waits for
    triage."""
    query = (
        select(DeliveryRow, SubjectRow)
        .outerjoin(SubjectRow, col(SubjectRow.ref) == col(DeliveryRow.subject))
        .where(col(DeliveryRow.seq) > seq)
        .order_by(col(DeliveryRow.seq))
        .limit(limit)
    )
    found: list[tuple[int, Happening]] = []
    for delivery, subject in session.execute(query).all():
        if delivery.state == DeliveryState.ACCEPTED:
            break
        dead = delivery.state == DeliveryState.DEAD
        title = str(subject.payload.get("title", "")) if subject else delivery.event_id
        words, result = (delivery.outcome, "error") if dead else (delivery.event_type, "ok")
        row = Happening(delivery.received_at, "delivery", title, words, result)
        found.append((delivery.seq, row))
    return found


def actions_after(session: Session, id_: int, limit: int = 500) -> list[tuple[int, Happening]]:
    """The journal entries numbered above ``id_``, with their numbers."""
    query = (
        select(JournalRow, col(TicketRow.jira_key), col(TicketRow.key))
        .outerjoin(TicketRow, col(TicketRow.id) == col(JournalRow.ticket_id))
        .where(col(JournalRow.id) > id_)
        .order_by(col(JournalRow.id))
        .limit(limit)
    )
    return [
        (row.id, Happening(row.at, row.action, jira_key or key or "", row.words, row.result))
        for row, jira_key, key in session.execute(query).all()
    ]


def sweeps_after(session: Session, id_: int, limit: int = 100) -> list[tuple[int, Happening]]:
    """The ended runs of sweeps numbered above ``id_`` that found something, with their numbers. Only
    those before the first one that still goes on, so that none is passed over."""
    going_on = select(func.min(SweepRunRow.id)).where(
        col(SweepRunRow.id) > id_, col(SweepRunRow.result) == RunResult.RUNNING.value
    )
    first: int | None = session.execute(going_on).scalar_one()
    query = select(SweepRunRow).where(
        col(SweepRunRow.id) > id_,
        true() if first is None else col(SweepRunRow.id) < first,
        col(SweepRunRow.result) != RunResult.RUNNING.value,
        col(SweepRunRow.missing) + col(SweepRunRow.stale) + col(SweepRunRow.wrong) > 0,
    )
    found = []
    for run in session.execute(query.order_by(col(SweepRunRow.id)).limit(limit)).scalars():
        counts = (("not known here", run.missing), ("out of date", run.stale), ("wrong", run.wrong))
        words = ", ".join(f"{count} {what}" for what, count in counts if count)
        found.append((run.id or 0, Happening(run.started_at, "sweep", run.sweep, words)))
    return found
