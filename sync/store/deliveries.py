"""Queries on deliveries: what waits for triage, what became of each, dead letters, retention."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    bindparam,
    cast,
    delete,
    func,
    literal_column,
    union_all,
    update,
)
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from sync.domain.text import one_line
from sync.store.engine import change, dialect_of, insert_into
from sync.store.inbox import HEAD, Accepted, delivery_id, insert, row_of
from sync.store.tables import (
    DeliveryRow,
    DeliveryState,
    DeliverySubjectRow,
    Record,
    TriageRow,
    table_of,
)

LONGEST_REASON = 500
# Deliveries on a page for people.
PAGE = 50
BATCH_BYTES = 16 * 1024 * 1024

_SEQ = col(DeliveryRow.seq)
# For queries: the deliveries of which only the head is kept.
IS_HEAD = col(DeliveryRow.outcome).startswith(HEAD)


class Overtaken(Exception):
    """Somebody else changed what was read before it could be written: read and decide again."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many deliveries wait for triage and how many are dead letters; when the oldest that waits
    and the newest of all were received (seconds since the epoch), None where there is none."""

    waiting: int
    dead: int
    oldest_waiting: float | None
    last_received: float | None


def in_state(state: DeliveryState) -> ColumnElement[bool]:
    """For queries: the deliveries in a state."""
    # A literal and not a parameter, because the databases use a partial index for literals only.
    return col(DeliveryRow.state) == literal_column(f"'{state.value}'")


_OUTCOME = (
    update(DeliveryRow.__table__)  # type: ignore[attr-defined]
    .where(bindparam("b_seq") == _SEQ, in_state(DeliveryState.ACCEPTED))
    .values(
        state=bindparam("b_state"),
        subject=bindparam("b_subject"),
        event_type=bindparam("b_event_type"),
        outcome=bindparam("b_outcome"),
    )
)


def turn(session: Session) -> tuple[int, int]:
    """How often triage's lock was taken, and how many subjects are expected (``expected``)."""
    found = session.connection().execute(_TURN).first()
    return (found.turn, found.expected) if found else (0, 0)


def lock_triage(session: Session, seen: int | None = None) -> None:
    """Let nobody else write what triage writes until this transaction ends. Call this first in it.

    ``seen`` is the turn that was read before: raises Overtaken where the lock was taken since.
    """
    # On PostgreSQL, others wait for this row. SQLite has only one writing transaction at a time.
    now = session.connection().execute(_NEXT_TURN).scalar()
    if now is None:
        first = insert_into(dialect_of(session), _TRIAGE).values(id=1, turn=0)
        session.connection().execute(first.on_conflict_do_nothing())
        now = session.connection().execute(_NEXT_TURN).scalar_one()
    if seen is not None and now != seen + 1:
        raise Overtaken("another process triaged since the rows were read")


_TRIAGE = table_of(TriageRow)
_DELIVERY = table_of(DeliveryRow).c
_TURN = columns(_TRIAGE.c.turn, _TRIAGE.c.expected)
_NEXT_TURN = update(_TRIAGE).values(turn=_TRIAGE.c.turn + 1).returning(_TRIAGE.c.turn)


def next_batch(
    session: Session, limit: int, *, only: str = "", max_bytes: int = BATCH_BYTES
) -> list[DeliveryRow]:
    """The oldest deliveries that wait for triage: up to ``limit``, and up to ``max_bytes`` of bodies.
    The first is taken however large its body is. ``only`` is the id of the one that is wanted."""
    return batch_and_more(session, limit, only=only, max_bytes=max_bytes)[0]


def batch_and_more(
    session: Session, limit: int, *, only: str = "", max_bytes: int = BATCH_BYTES
) -> tuple[list[DeliveryRow], bool]:
    """As ``next_batch``; also whether more of what is wanted waits than is in the batch."""
    sizes = select(DeliveryRow.seq, func.length(DeliveryRow.body))
    if only:
        sizes = sizes.where(DeliveryRow.id == only)
    waiting = sizes.where(in_state(DeliveryState.ACCEPTED)).order_by(_SEQ).limit(limit + 1)
    found = session.exec(waiting).all()
    chosen: list[int | None] = []
    total = 0
    for seq, size in found[:limit]:
        total += size
        if chosen and total > max_bytes:
            break
        chosen.append(seq)
    if not chosen:
        return [], False
    query = select(DeliveryRow).where(_SEQ.in_(chosen)).order_by(_SEQ)
    return list(session.exec(query)), len(chosen) < len(found)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery (by its ``seq``): its state, and in words. ``subjects`` are the
    references of its subjects, each once; ``event_type`` is that of its first event."""

    seq: int | None
    words: str
    state: DeliveryState = DeliveryState.TRIAGED
    subjects: Sequence[str] = ()
    event_type: str = ""


def dead_letter(row: DeliveryRow, reason: str) -> Outcome:
    """The delivery is a dead letter, with the reason in words on one line, cut if too long.

    A reason may quote the sender's bytes, and terminals and logs print the reason. Line ends and
    escape sequences therefore become spaces.
    """
    words = one_line(reason[:10_000], LONGEST_REASON)
    return Outcome(row.seq, words, DeliveryState.DEAD, [row.subject], row.event_type)


def record(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Record what became of deliveries that wait. Raises Overtaken where one of them waits no more."""
    if not outcomes:
        return
    connection = session.connection()
    rows, further = [], []
    for one in outcomes:
        first, *others = (subject[:300] for subject in one.subjects or ("",))
        rows.append(
            {
                "b_seq": one.seq,
                "b_state": one.state.value,
                "b_subject": first,
                "b_event_type": one.event_type[:64],
                "b_outcome": one.words,
            }
        )
        further += [{"delivery": one.seq, "subject": subject} for subject in others]
    if connection.execute(_OUTCOME, rows).rowcount != len(rows):
        raise Overtaken("a delivery was triaged since it was read")
    if further:
        # A delivery that is triaged again has its rows already.
        others_ = insert_into(dialect_of(session), DeliverySubjectRow).on_conflict_do_nothing()
        connection.execute(others_, further)


def mark_dead(session: Session, row: DeliveryRow, reason: str) -> None:
    """Set a delivery aside as a dead letter, whether or not it waits."""
    row.state, row.outcome = DeliveryState.DEAD, dead_letter(row, reason).words
    session.add(row)


def get(session: Session, id_: str) -> DeliveryRow | None:
    """A delivery by its id."""
    return session.exec(select(DeliveryRow).where(DeliveryRow.id == id_)).first()


def beginning_with(session: Session, start: str, limit: int = 4) -> list[DeliveryRow]:
    """Deliveries whose id begins with ``start``; the only one where ``start`` is a whole id."""
    exact = get(session, start)
    if exact is not None:
        return [exact]
    id_ = col(DeliveryRow.id)
    query = select(DeliveryRow).where(
        id_.startswith(start, autoescape=True),
        # An id has the digits 0 to f alone. An index serves this range, and no LIKE.
        id_.between(start.lower(), start.lower() + "g"),
    )
    return list(session.exec(query.order_by(id_).limit(limit)))


def dead(session: Session, limit: int = 100) -> list[DeliveryRow]:
    """Dead letters, newest first."""
    query = select(DeliveryRow).where(in_state(DeliveryState.DEAD))
    return list(session.exec(query.order_by(_SEQ.desc()).limit(limit)))


def heads(session: Session, *, after: int = 0, limit: int = 100) -> list[DeliveryRow]:
    """Dead letters of which only the head is kept, oldest first. ``after`` is the last ``seq`` of the
    page before."""
    query = select(DeliveryRow).where(in_state(DeliveryState.DEAD), IS_HEAD, after < _SEQ)
    return list(session.exec(query.order_by(_SEQ).limit(limit)))


def count_heads(session: Session) -> int:
    """How many dead letters are heads."""
    count = select(func.count(_SEQ)).where(in_state(DeliveryState.DEAD), IS_HEAD)
    return session.exec(count).one()


def is_head(row: DeliveryRow) -> bool:
    """Whether only the head of a delivery is kept, so that it cannot be read."""
    return row.outcome.startswith(HEAD)


def drop_heads_of_whole(session: Session, rows: Sequence[DeliveryRow]) -> list[DeliveryRow]:
    """Delete the heads of those deliveries that are in the store as a whole; these heads."""
    wholes = {row.id: delivery_id(row.source, row.event_id, b"") for row in rows if row.event_id}
    here = known(session, wholes.values())
    gone = [row for row in rows if wholes.get(row.id) in here]
    session.execute(delete(DeliveryRow).where(col(DeliveryRow.id).in_([row.id for row in gone])))
    return gone


def end_head(session: Session, id_: str, words: str) -> None:
    """A head is no dead letter any more: what it was about was learnt otherwise."""
    row = get(session, id_)
    if row is not None and is_head(row):
        row.state, row.outcome = DeliveryState.TRIAGED, f"{HEAD}: {words}"
        session.add(row)


def recent(session: Session, limit: int = 100) -> list[DeliveryRow]:
    """Deliveries of any state, newest first."""
    return list(session.exec(select(DeliveryRow).order_by(_SEQ.desc()).limit(limit)))


def page(
    session: Session,
    *,
    state: DeliveryState | None,
    type_: str,
    refs: Sequence[str] | None,
    after: int,
    limit: int,
) -> list[Record]:
    """Deliveries without their bodies, newest first, before the delivery numbered ``after`` (0: from the
    newest): in a state, of a type, and about one of these subjects, as far as these are given. ``bytes``
    is the length of the body."""
    table = table_of(DeliveryRow).c
    shown = (
        table.seq,
        table.id,
        table.source,
        table.event_id,
        table.event_type,
        table.received_at,
        table.state,
        table.subject,
        table.outcome,
        func.length(table.body).label("bytes"),
    )
    query = columns(*shown).order_by(table.seq.desc()).limit(limit)
    if state is not None:
        query = query.where(literal_column("state") == literal_column(f"'{state.value}'"))
    if type_:
        query = query.where(table.event_type == type_)
    if refs is not None:
        about: CompoundSelect[int] = union_all(
            select(DeliveryRow.seq).where(col(DeliveryRow.subject).in_(refs)),
            select(DeliverySubjectRow.delivery).where(col(DeliverySubjectRow.subject).in_(refs)),
        )
        query = query.where(table.seq.in_(about))
    if after:
        query = query.where(table.seq < after)
    return list(session.execute(query))


def by_type(session: Session, most: int = 100) -> list[tuple[str, int]]:
    """The types of events that deliveries had, and how many had each, from an index."""
    type_ = col(DeliveryRow.event_type)
    query = select(type_, func.count(_SEQ)).group_by(type_).order_by(type_).limit(most)
    return [(name, number) for name, number in session.execute(query).all()]


def subjects_of(session: Session, row: DeliveryRow) -> list[str]:
    """The references of a delivery's subjects."""
    further = select(DeliverySubjectRow.subject).where(DeliverySubjectRow.delivery == row.seq)
    return sorted({*([row.subject] if row.subject else []), *session.exec(further)})


def for_subject(session: Session, ref: str, limit: int = 100) -> list[DeliveryRow]:
    """The deliveries about a subject, newest first."""
    # A union of two queries, because PostgreSQL reads the whole table for an OR of the two conditions.
    about: CompoundSelect[int] = union_all(
        select(DeliveryRow.seq).where(DeliveryRow.subject == ref),
        select(DeliverySubjectRow.delivery).where(DeliverySubjectRow.subject == ref),
    )
    query = select(DeliveryRow).where(_SEQ.in_(about))
    return list(session.exec(query.order_by(_SEQ.desc()).limit(limit)))


def subjects_since(session: Session, since: float = -math.inf) -> set[str]:
    """References of the subjects of deliveries received from ``since`` on."""
    received = DeliveryRow.received_at >= since
    first = select(DeliveryRow.subject).where(received)
    further = select(DeliverySubjectRow.subject).join(
        DeliveryRow, col(DeliveryRow.seq) == col(DeliverySubjectRow.delivery)
    )
    # Without DISTINCT, for which SQLite may read the index of all subjects.
    return {*session.exec(first), *session.exec(further.where(received))}


def received_between(
    session: Session, until: float, *, after: tuple[float, int], limit: int = 500
) -> list[DeliveryRow]:
    """A page of the triaged deliveries that were received up to ``until``, oldest first. ``after`` is
    when the last one of the page before was received, and its ``seq``."""
    at = col(DeliveryRow.received_at)
    query = select(DeliveryRow).where(
        at <= until,
        # The first condition is what an index serves.
        at >= after[0],
        (at > after[0]) | (after[1] < _SEQ),
        DeliveryRow.state == DeliveryState.TRIAGED,
        ~IS_HEAD,
    )
    return list(session.exec(query.order_by(at, _SEQ).limit(limit)))


def oldest(session: Session) -> float | None:
    """When the oldest delivery that is kept was received (seconds since the epoch), None for none."""
    at = col(DeliveryRow.received_at)
    return session.exec(select(at).order_by(at).limit(1)).first()


def begins(session: Session, most: int) -> float:
    """The time after which at most ``most`` deliveries were received (seconds since the epoch), 0 where
    no more are kept."""
    at = col(DeliveryRow.received_at)
    return session.exec(select(at).order_by(at.desc()).offset(most).limit(1)).first() or 0.0


def known(session: Session, ids: Iterable[str]) -> set[str]:
    """Which of these deliveries (by our id, see ``inbox.delivery_id``) are in the store."""
    wanted = sorted(set(ids))
    if not wanted:
        return set()
    return set(session.exec(select(DeliveryRow.id).where(col(DeliveryRow.id).in_(wanted))))


def recover(session: Session, accepted: Sequence[Accepted]) -> set[str]:
    """Put deliveries that the sender could not deliver into the inbox; the ids of the new ones."""
    return insert(session.connection(), [row_of(one) for one in accepted])


def replay(session: Session, id_: str) -> bool:
    """Let a delivery be triaged again, whatever became of it. False where no delivery has this id,
    or only its head is kept."""
    return bool(_to_accepted(session, col(DeliveryRow.id) == id_))


def replay_dead(session: Session) -> int:
    """Let every dead letter that is whole be triaged again; how many there were."""
    return _to_accepted(session, in_state(DeliveryState.DEAD))


def _to_accepted(session: Session, which: ColumnElement[bool]) -> int:
    again = update(DeliveryRow).where(which, ~IS_HEAD)
    return change(session, again.values(state=DeliveryState.ACCEPTED.value, outcome="", attempts=0))


def counts(session: Session) -> Counts:
    """Counts from indexes alone: cheap at any size of the table."""
    count = select(func.count(_SEQ))
    waiting = in_state(DeliveryState.ACCEPTED)
    oldest = select(DeliveryRow.received_at).where(waiting).order_by(_SEQ).limit(1)
    return Counts(
        waiting=session.exec(count.where(waiting)).one(),
        dead=count_dead(session),
        oldest_waiting=session.exec(oldest).first(),
        last_received=session.exec(select(func.max(DeliveryRow.received_at))).one(),
    )


def count_dead(session: Session) -> int:
    """How many deliveries are dead letters, from an index."""
    return session.exec(select(func.count(_SEQ)).where(in_state(DeliveryState.DEAD))).one()


# So many of the newest deliveries are looked at for the last one of each source.
_NEWEST = 100


def last_by_source(session: Session) -> dict[str, float]:
    """When the last delivery of each source was received (seconds since the epoch), of the sources among
    the newest deliveries. Each scrape of metrics asks, so no further deliveries are read."""
    newest = columns(_DELIVERY.source, _DELIVERY.received_at).order_by(_DELIVERY.seq.desc())
    found: dict[str, float] = {}
    for source, at in session.connection().execute(newest.limit(_NEWEST)):
        found[source] = max(at, found.get(source, 0.0))
    return found


def oldest_dead(session: Session) -> float | None:
    """When the oldest dead letter was received (seconds since the epoch)."""
    dead = select(DeliveryRow.received_at).where(in_state(DeliveryState.DEAD))
    return session.exec(dead.order_by(_SEQ).limit(1)).first()


def by_hour(session: Session, since: float) -> list[tuple[int, str, int]]:
    """How many deliveries were received since then: (hour, state, number), where an hour is a number of
    hours since the epoch."""
    hour = cast(col(DeliveryRow.received_at), BigInteger) // 3600
    query = (
        select(hour, DeliveryRow.state, func.count(_SEQ))
        .where(DeliveryRow.received_at >= since)
        .group_by(hour, col(DeliveryRow.state))
    )
    return [(int(at), state, number) for at, state, number in session.execute(query).all()]


def prune(
    session: Session, *, older_than: float, batch: int, state: DeliveryState = DeliveryState.TRIAGED
) -> int:
    """Delete up to ``batch`` deliveries in ``state`` received before ``older_than``; how many. Raises
    ValueError for ``ACCEPTED``: a delivery that waits for triage is never deleted."""
    if state is DeliveryState.ACCEPTED:
        raise ValueError("deliveries that wait for triage are never removed")
    old = select(DeliveryRow.seq).where(DeliveryRow.received_at < older_than, in_state(state))
    oldest = old.order_by(col(DeliveryRow.received_at)).limit(batch)
    return change(session, delete(DeliveryRow).where(_SEQ.in_(oldest)))
