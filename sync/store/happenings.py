"""What happened since one last looked, for somebody who watches: deliveries, actions, sweeps."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
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
    """One delivery, action or sweep. ``at`` is in seconds since the epoch; ``about`` is the subject's
    title, the ticket's key or the sweep's name; ``result`` is one of those of the journal."""

    at: float
    kind: str
    about: str
    words: str
    result: str = "ok"


def deliveries_after(session: Session, seq: int, limit: int = 500) -> list[tuple[int, Happening]]:
    """Deliveries after the one numbered ``seq``, up to the first that waits to be read, with their
    numbers."""
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
        words = delivery.outcome if dead else delivery.event_type
        result = "error" if dead else "ok"
        found.append(
            (delivery.seq, Happening(delivery.received_at, "delivery", title, words, result))
        )
    return found


def actions_after(session: Session, id_: int, limit: int = 500) -> list[tuple[int, Happening]]:
    """Journal entries after the one numbered ``id_``, with their numbers."""
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
    """Runs of sweeps that found something, after the one numbered ``id_``, with their numbers."""
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
    found = []
    for run in session.execute(query).scalars():
        counts = (("not known here", run.missing), ("out of date", run.stale), ("wrong", run.wrong))
        words = ", ".join(f"{count} {what}" for what, count in counts if count)
        found.append((run.id or 0, Happening(run.started_at, "sweep", run.sweep, words)))
    return found
