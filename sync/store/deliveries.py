"""Queries on deliveries: what waits for triage, what became of each, dead letters, retention."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    delete,
    func,
    literal_column,
    text,
    union_all,
    update,
)
from sqlmodel import Session, col, select

from sync.domain.text import one_line
from sync.store.engine import dialect_of
from sync.store.inbox import Accepted, insertion, row_of
from sync.store.tables import DeliveryRow, DeliveryState, DeliverySubjectRow

# A few lines: reasons are for people.
LONGEST_REASON = 500
BATCH_BYTES = 16 * 1024 * 1024

# The advisory lock of triage on PostgreSQL: any number that no other program on the server takes.
_TRIAGE_LOCK = 7_436_205_119


@dataclass(frozen=True, slots=True)
class Counts:
    """How many deliveries wait for triage and how many are dead; times in seconds since the epoch."""

    waiting: int
    dead: int
    oldest_waiting: float | None
    last_received: float | None


def _in_state(state: DeliveryState) -> ColumnElement[bool]:
    # A literal, not a parameter: the databases match a partial index by literals only.
    return col(DeliveryRow.state) == literal_column(f"'{state.value}'")


def lock_triage(session: Session) -> None:
    """Let no other process triage until this transaction ends. To be called first in it."""
    # On SQLite a writing transaction is alone anyway.
    if dialect_of(session) == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _TRIAGE_LOCK})


def next_batch(session: Session, limit: int, *, max_bytes: int = BATCH_BYTES) -> list[DeliveryRow]:
    """The oldest deliveries that wait for triage: up to ``limit``, and up to ``max_bytes`` of bodies.

    One at least, however large its body, if any waits.
    """
    sizes = session.exec(
        select(DeliveryRow.seq, func.length(DeliveryRow.body))
        .where(_in_state(DeliveryState.ACCEPTED))
        .order_by(col(DeliveryRow.seq))
        .limit(limit)
    ).all()
    chosen: list[int] = []
    total = 0
    for seq, size in sizes:
        total += size
        if seq is None or (chosen and total > max_bytes):
            break
        chosen.append(seq)
    if not chosen:
        return []
    query = (
        select(DeliveryRow).where(col(DeliveryRow.seq).in_(chosen)).order_by(col(DeliveryRow.seq))
    )
    return list(session.exec(query))


def mark_triaged(
    session: Session, row: DeliveryRow, *, subjects: Sequence[str], event_type: str, outcome: str
) -> None:
    """Record what became of a delivery. ``subjects`` are references, each once."""
    first, *further = (subject[:300] for subject in subjects or ("",))
    row.state = DeliveryState.TRIAGED
    row.subject = first
    row.event_type = event_type[:64]
    row.outcome = outcome
    session.add(row)
    assert row.seq is not None
    for subject in further:
        # A replayed delivery has its rows already.
        session.merge(DeliverySubjectRow(delivery=row.seq, subject=subject))


def mark_dead(session: Session, row: DeliveryRow, reason: str) -> None:
    """Set a delivery aside as a dead letter, with the reason in words on one line, cut if too long.

    A reason may quote the sender's bytes. Line ends and escape sequences in them become spaces, because
    terminals and logs print the reason.
    """
    row.state = DeliveryState.DEAD
    row.outcome = one_line(reason[:10_000], LONGEST_REASON)
    session.add(row)


def get(session: Session, id_: str) -> DeliveryRow | None:
    """A delivery by its id."""
    return session.exec(select(DeliveryRow).where(DeliveryRow.id == id_)).first()


def beginning_with(session: Session, start: str, limit: int = 4) -> list[DeliveryRow]:
    """Deliveries whose id begins with ``start``; only one where ``start`` is its whole id."""
    exact = get(session, start)
    if exact is not None:
        return [exact]
    query = (
        select(DeliveryRow)
        .where(col(DeliveryRow.id).startswith(start, autoescape=True))
        .order_by(col(DeliveryRow.id))
        .limit(limit)
    )
    return list(session.exec(query))


def dead(session: Session, limit: int = 100) -> list[DeliveryRow]:
    """Dead letters, newest first."""
    query = (
        select(DeliveryRow)
        .where(_in_state(DeliveryState.DEAD))
        .order_by(col(DeliveryRow.seq).desc())
        .limit(limit)
    )
    return list(session.exec(query))


def recent(session: Session, limit: int = 100) -> list[DeliveryRow]:
    """Deliveries of any state, newest first."""
    query = select(DeliveryRow).order_by(col(DeliveryRow.seq).desc()).limit(limit)
    return list(session.exec(query))


def for_subject(session: Session, ref: str, limit: int = 100) -> list[DeliveryRow]:
    """The deliveries about a subject, newest first."""
    # Not an OR of both conditions: for that, PostgreSQL would read the whole table.
    about: CompoundSelect[int] = union_all(
        select(DeliveryRow.seq).where(DeliveryRow.subject == ref),
        select(DeliverySubjectRow.delivery).where(DeliverySubjectRow.subject == ref),
    )
    query = (
        select(DeliveryRow)
        .where(col(DeliveryRow.seq).in_(about))
        .order_by(col(DeliveryRow.seq).desc())
        .limit(limit)
    )
    return list(session.exec(query))


def subjects_since(session: Session, since: float = -math.inf) -> set[str]:
    """References of the subjects of deliveries received from ``since`` on."""
    first = select(DeliveryRow.subject).where(DeliveryRow.received_at >= since)
    further = (
        select(DeliverySubjectRow.subject)
        .join(DeliveryRow, col(DeliveryRow.seq) == col(DeliverySubjectRow.delivery))
        .where(DeliveryRow.received_at >= since)
    )
    return {*session.exec(first.distinct()), *session.exec(further.distinct())}


def received_since(
    session: Session, since: float, *, after: int = 0, limit: int = 500
) -> list[DeliveryRow]:
    """A page of the deliveries that were read and received at ``since`` or later, in the order they
    came. ``after`` is the last ``seq`` of the page before."""
    query = (
        select(DeliveryRow)
        .where(
            DeliveryRow.received_at >= since,
            col(DeliveryRow.seq) > after,
            DeliveryRow.state == DeliveryState.TRIAGED,
        )
        .order_by(col(DeliveryRow.seq))
        .limit(limit)
    )
    return list(session.exec(query))


def known(session: Session, ids: Iterable[str]) -> set[str]:
    """Which of these deliveries (by our id, see ``inbox.delivery_id``) are in the store."""
    wanted = sorted(set(ids))
    if not wanted:
        return set()
    return set(session.exec(select(DeliveryRow.id).where(col(DeliveryRow.id).in_(wanted))))


def recover(session: Session, accepted: Sequence[Accepted]) -> set[str]:
    """Put deliveries that never reached us into the inbox, as if they had; the ids of the new ones."""
    if not accepted:
        return set()
    rows = [row_of(one) for one in accepted]
    return set(session.execute(insertion(dialect_of(session)), rows).scalars())


def replay(session: Session, id_: str) -> bool:
    """Let a delivery be triaged again, whatever became of it. False where there is none of this id."""
    return bool(_to_accepted(session, col(DeliveryRow.id) == id_))


def replay_dead(session: Session) -> int:
    """Let every dead letter be triaged again; how many there were."""
    return _to_accepted(session, _in_state(DeliveryState.DEAD))


def _to_accepted(session: Session, which: ColumnElement[bool]) -> int:
    changed = session.execute(
        update(DeliveryRow)
        .where(which)
        .values(state=DeliveryState.ACCEPTED.value, outcome="")
        .returning(col(DeliveryRow.seq))
        .execution_options(synchronize_session=False)
    )
    return len(changed.all())


def counts(session: Session) -> Counts:
    """How many deliveries wait and how many are dead. Cheap at any size of the table."""
    waiting, oldest_seq = session.exec(
        select(func.count(), func.min(DeliveryRow.seq)).where(_in_state(DeliveryState.ACCEPTED))
    ).one()
    oldest = (
        session.exec(select(DeliveryRow.received_at).where(DeliveryRow.seq == oldest_seq)).one()
        if oldest_seq is not None
        else None
    )
    return Counts(
        waiting=waiting,
        dead=session.exec(
            select(func.count(col(DeliveryRow.seq))).where(_in_state(DeliveryState.DEAD))
        ).one(),
        oldest_waiting=oldest,
        last_received=session.exec(select(func.max(DeliveryRow.received_at))).one(),
    )


def prune(
    session: Session, *, older_than: float, batch: int, state: DeliveryState = DeliveryState.TRIAGED
) -> int:
    """Delete up to ``batch`` deliveries in ``state`` received before ``older_than``; how many were
    deleted.

    Raises ValueError for ``ACCEPTED``: a delivery that waits for triage is never deleted.
    """
    if state is DeliveryState.ACCEPTED:
        raise ValueError("deliveries that wait for triage are never removed")
    doomed = list(
        session.exec(
            select(DeliveryRow.seq)
            .where(DeliveryRow.received_at < older_than, _in_state(state))
            .order_by(col(DeliveryRow.received_at))
            .limit(batch)
        )
    )
    if doomed:
        session.execute(delete(DeliveryRow).where(col(DeliveryRow.seq).in_(doomed)))
    return len(doomed)
