"""Queries on subjects: their snapshots, and the tickets they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, column, literal, or_, union
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from sync.domain.subject import EventType, Snapshot, Status, SubjectRef
from sync.domain.subject_comments import UpstreamComment
from sync.domain.surroundings import contacts_of_json, impact_of_json
from sync.domain.text import folded
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


@dataclass(slots=True)
class Subject:
    """The row of a subject. ``ended_at`` is None while the subject is open."""

    snapshot: Snapshot
    first_seen_at: float
    ended_at: float | None = None
    occurrences: int = 1

    def followed_by(self, snapshot: Snapshot, now: float) -> Subject:
        """The row with a newer snapshot. It counts how often the subject was opened again."""
        ended, again = self.ended_at, self.snapshot.status.ended and not snapshot.status.ended
        if again:
            ended = None
        if snapshot.status.ended and ended is None:
            ended = _end(snapshot, now)
        return Subject(snapshot, self.first_seen_at, ended, self.occurrences + again)

    @classmethod
    def first(cls, snapshot: Snapshot, now: float) -> Subject:
        """The row of a subject that was not known before."""
        return cls(snapshot, now, _end(snapshot, now) if snapshot.status.ended else None)

    def columns(self) -> dict[str, Any]:
        """The columns of the row."""
        one = self.snapshot
        return {
            "ref": str(one.ref),
            "source": one.ref.source,
            "kind": one.ref.kind.value,
            "workspace": one.workspace,
            "status": one.status.value,
            "event_type": one.event_type.value,
            "event_time": one.event_time,
            "event_id": one.event_id,
            "payload": _to_column(one),
            "title_folded": folded(str(one.payload.get("title") or "")),
            "severity": one.severity,
            "issue_ids": list(one.issue_ids),
            "first_seen_at": self.first_seen_at,
            "ended_at": self.ended_at,
            "occurrences": self.occurrences,
        }


def _end(snapshot: Snapshot, now: float) -> float:
    return snapshot.event_time / 1e9 if snapshot.event_time else now


def to_snapshot(row: SubjectRow | Record) -> Snapshot:
    """The snapshot a row holds."""
    payload, kept = _from_column(row.payload)
    return Snapshot(
        ref=SubjectRef.parse(row.ref),
        workspace=row.workspace,
        status=Status(row.status),
        event_type=EventType(row.event_type),
        event_time=row.event_time,
        event_id=row.event_id,
        payload=payload,
        severity=row.severity,
        issue_ids=tuple(row.issue_ids),
        **kept,
        placed_at=placed["at"] if (placed := getattr(row, "placed", None)) else 0.0,
    )


# The names, in the column of a subject's payload, of its comments, of the times of its marks
# (``marked_at``, ``otherwise_at``), of its impact and of its owners' contacts. The column has each where
# there is something to keep.
_COMMENTS, _TIMES, _IMPACT, _CONTACTS = "comments", "marks", "impact", "contacts"
_KEPT = frozenset((_COMMENTS, _TIMES, _IMPACT, _CONTACTS))


def _to_column(one: Snapshot) -> dict[str, Any]:
    column = dict(one.payload)
    if one.comments:
        column[_COMMENTS] = [comment.to_json() for comment in one.comments]
    if one.marked_at or one.otherwise_at:
        column[_TIMES] = [one.marked_at, one.otherwise_at]
    if one.impact is not None:
        column[_IMPACT] = one.impact.to_json()
    if one.contacts is not None:
        column[_CONTACTS] = one.contacts.to_json()
    return column


def _from_column(column: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """The payload, and by the names of ``Snapshot``'s fields what else the column has."""
    if _KEPT.isdisjoint(column):
        return column, {}
    payload, kept = dict(column), dict[str, Any]()
    kept["comments"] = tuple(UpstreamComment(*said) for said in payload.pop(_COMMENTS, ()))
    kept["marked_at"], kept["otherwise_at"] = payload.pop(_TIMES, (0, 0))
    if (impact := payload.pop(_IMPACT, None)) is not None:
        kept["impact"] = impact_of_json(impact)
    if (contacts := payload.pop(_CONTACTS, None)) is not None:
        kept["contacts"] = contacts_of_json(contacts)
    return payload, kept


def load(session: Session, refs: Iterable[str]) -> dict[str, SubjectRow]:
    """Rows by reference. They change under triage's lock alone (see ``deliveries.lock_triage``)."""
    wanted = sorted(set(refs))
    if not wanted:
        return {}
    query = select(SubjectRow).where(col(SubjectRow.ref).in_(wanted)).order_by(col(SubjectRow.ref))
    return {row.ref: row for row in session.exec(query)}


def add(session: Session, snapshot: Snapshot, now: float) -> None:
    """Record a subject that is not known yet. The caller holds triage's lock."""
    session.add(SubjectRow(**Subject.first(snapshot, now).columns()))


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
        _L.c.placed,
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


def departed(ticket: TicketRow | Record) -> list[SubjectRow]:
    """The subjects that moved from a ticket to a following one, as they were then, in order of moving.
    The rows belong to no session."""
    return [SubjectRow(**one) for one in ticket.departed]


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
