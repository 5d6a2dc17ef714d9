"""Queries on subjects: their snapshots, and the tickets they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import bindparam, column, literal, or_, union
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from sync.domain.subject import EventType, Snapshot, Status, SubjectRef
from sync.store.deliveries import IS_HEAD
from sync.store.tables import (
    SUBJECT_ID,
    DeliveryRow,
    DeliverySubjectRow,
    LinkRow,
    MembershipRow,
    Record,
    SubjectRow,
    TicketRow,
    table_of,
)


def to_snapshot(row: SubjectRow | Record) -> Snapshot:
    """The snapshot a row holds."""
    return Snapshot(
        ref=SubjectRef.parse(row.ref),
        workspace=row.workspace,
        status=Status(row.status),
        event_type=EventType(row.event_type),
        event_time=row.event_time,
        event_id=row.event_id,
        payload=row.payload,
        severity=row.severity,
        issue_ids=tuple(row.issue_ids),
    )


def load(session: Session, refs: Iterable[str]) -> dict[str, SubjectRow]:
    """Rows by reference, locked against other writers."""
    wanted = sorted(set(refs))
    if not wanted:
        return {}
    query = (
        select(SubjectRow)
        .where(col(SubjectRow.ref).in_(wanted))
        .order_by(col(SubjectRow.ref))
        .with_for_update()
    )
    return {row.ref: row for row in session.exec(query)}


def put(session: Session, known: SubjectRow | None, snapshot: Snapshot, now: float) -> SubjectRow:
    """Write a snapshot over the row ``known`` (None for a new subject). The caller has made sure that
    the snapshot is the newer of the two.

    Counts how often the subject was opened again after it had ended.
    """
    row = SubjectRow(
        ref=str(snapshot.ref),
        source=snapshot.ref.source,
        kind=snapshot.ref.kind.value,
        workspace=snapshot.workspace,
        status=snapshot.status.value,
        event_type=snapshot.event_type.value,
        event_time=snapshot.event_time,
        event_id=snapshot.event_id,
        payload=dict(snapshot.payload),
        severity=snapshot.severity,
        issue_ids=list(snapshot.issue_ids),
        first_seen_at=known.first_seen_at if known else now,
        ended_at=known.ended_at if known else None,
        occurrences=known.occurrences if known else 1,
    )
    if known is not None and Status(known.status).ended and not snapshot.status.ended:
        row.occurrences += 1
        row.ended_at = None
    if snapshot.status.ended and row.ended_at is None:
        row.ended_at = snapshot.event_time / 1e9 if snapshot.event_time else now
    if known is not None:
        return session.merge(row)
    session.add(row)
    return row


def of_ticket(session: Session, ticket_id: int) -> list[SubjectRow]:
    """The subjects that belong to a ticket, oldest first."""
    query = (
        select(SubjectRow)
        .join(LinkRow, col(LinkRow.subject) == col(SubjectRow.ref))
        .where(LinkRow.ticket_id == ticket_id)
        .order_by(col(SubjectRow.first_seen_at), col(SubjectRow.ref))
    )
    return list(session.exec(query))


def of_tickets(session: Session, ticket_ids: Sequence[int]) -> dict[int, list[Record]]:
    """The subjects that belong to each of these tickets, oldest first; not locked, for reading only.

    Each has ``related``: whether it is an issue of an incident, or an incident with issues.
    """
    found: dict[int, list[Record]] = {}
    for row in session.connection().execute(_OF_TICKETS, {"ids": sorted(set(ticket_ids))}):
        found.setdefault(row.ticket_id, []).append(row)
    return found


_S, _L, _M = map(table_of, (SubjectRow, LinkRow, MembershipRow))
_OF_TICKETS = (
    columns(
        _S,
        _L.c.ticket_id,
        # Not EXISTS, for which PostgreSQL may read all memberships.
        or_(
            *(
                columns(literal(1)).where(side == _S.c.ref).limit(1).scalar_subquery().is_not(None)
                for side in (_M.c.issue, _M.c.incident)
            )
        ).label("related"),
    )
    .join(_L, _L.c.subject == _S.c.ref)
    .where(_L.c.ticket_id.in_(bindparam("ids", expanding=True)))
    .order_by(_S.c.first_seen_at, _S.c.ref)
)


def named(session: Session, name: str) -> list[SubjectRow]:
    """Subjects whose reference, or the id at its end, is ``name``. Ids are in lower case."""
    refs = select(SubjectRow.ref).where(SubjectRow.ref == name)
    ids = select(SubjectRow.ref).where(
        column(SUBJECT_ID, is_literal=True).in_([name, name.lower()])
    )
    # A union, because databases read the whole table for an OR of a column and an expression.
    query = select(SubjectRow).where(col(SubjectRow.ref).in_(union(refs, ids)))
    return list(session.exec(query.order_by(col(SubjectRow.ref))))


def open_and_known_before(
    session: Session, until: float, *, after: str, limit: int
) -> list[SubjectRow]:
    """A page of the open subjects that were first seen before ``until`` (seconds since the epoch), by
    reference. ``after`` is the last one of the page before."""
    ref = col(SubjectRow.ref)
    query = select(SubjectRow).where(
        col(SubjectRow.ended_at).is_(None), ref > after, SubjectRow.first_seen_at < until
    )
    return list(session.exec(query.order_by(ref).limit(limit)))


def ended_and_known_before(
    session: Session, until: float, among: Iterable[str]
) -> list[SubjectRow]:
    """Those of some subjects that have ended and were first seen before ``until``, by reference."""
    query = select(SubjectRow).where(
        col(SubjectRow.ref).in_(sorted(among)),
        col(SubjectRow.ended_at).is_not(None),
        SubjectRow.first_seen_at < until,
    )
    return list(session.exec(query.order_by(col(SubjectRow.ref))))


def never_delivered(session: Session, since: float, until: float) -> list[SubjectRow]:
    """Subjects first seen from ``since`` to ``until`` that no whole delivery is about, by time."""
    seen = col(SubjectRow.first_seen_at)
    first = select(DeliveryRow.seq).where(DeliveryRow.subject == SubjectRow.ref, ~IS_HEAD)
    further = select(DeliverySubjectRow.delivery).where(
        DeliverySubjectRow.subject == SubjectRow.ref
    )
    query = select(SubjectRow).where(seen.between(since, until), ~first.exists(), ~further.exists())
    return list(session.exec(query.order_by(seen)))


def copy_of(row: SubjectRow) -> SubjectRow:
    """A copy of a row. The copy belongs to no session, so it does not change with the row."""
    return SubjectRow(**row.model_dump())


def departed(ticket: TicketRow | Record) -> list[SubjectRow]:
    """The subjects that moved from a ticket to a following one, as they were then, in order of moving.
    The rows belong to no session."""
    return [SubjectRow(**one) for one in ticket.departed]


def depart(ticket: TicketRow, left: SubjectRow) -> None:
    """Keep on a ticket the state in which a subject left, instead of that of an earlier departure."""
    others = [one for one in ticket.departed if one["ref"] != left.ref]
    ticket.departed = [*others, left.model_dump()]


def ticket_ids(session: Session, refs: Iterable[str]) -> Mapping[str, int]:
    """The row id of the ticket that each subject belongs to, for subjects that have one."""
    wanted = sorted(set(refs))
    if not wanted:
        return {}
    query = select(LinkRow.subject, LinkRow.ticket_id).where(col(LinkRow.subject).in_(wanted))
    return dict(session.exec(query).all())


def latest_workspace(session: Session, source: str) -> str:
    """The workspace of a source's newest snapshot that names one, "" where none does."""
    query = (
        select(SubjectRow.workspace)
        .where(SubjectRow.source == source, SubjectRow.workspace != "")
        .order_by(col(SubjectRow.event_time).desc())
        .limit(1)
    )
    return session.exec(query).first() or ""
