"""Queries on tickets: made due, claimed under a lease, changed only by the holder of the lease.

A claim is a guarded update: whoever's update changes the row has the ticket until the lease ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, update
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from sync.store.engine import Store
from sync.store.tables import LinkRow, TicketRow, TicketState


class LeaseLost(Exception):
    """Somebody else may be at this ticket now: stop, and change nothing more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A ticket claimed under a lease. ``wanted`` is what its counter said when it was claimed.

    ``until`` (seconds since the epoch) is what the row's lease says; it differs from that of every
    other claim of the ticket, also of one by the same process after this lease has run out.
    """

    ticket_id: int
    wanted: int
    owner: str
    until: float


@dataclass(frozen=True, slots=True)
class Closed:
    """What is not to be claimed now: the tickets of whole sites, those of projects as (site, project),
    and single ones by id. ``among`` are all the sites there are."""

    sites: frozenset[str] = frozenset()
    projects: frozenset[tuple[str, str]] = frozenset()
    tickets: frozenset[int] = frozenset()
    among: frozenset[str] = frozenset()

    def open(self) -> list[list[ColumnElement[bool]]]:
        """Conditions on tickets, of which one that may be claimed fulfils all of one list.

        A list for each open site where some are closed: an index then finds what is due there, however
        much is due on the others.
        """
        single: list[ColumnElement[bool]] = []
        if self.tickets:
            single.append(col(TicketRow.id).not_in(sorted(self.tickets)))
        if not self.sites and not self.projects:
            return [single]
        found = []
        for site in sorted(self.among - self.sites):
            there: list[ColumnElement[bool]] = [col(TicketRow.site) == site, *single]
            projects = sorted(project for where, project in self.projects if where == site)
            if projects:
                there.append(col(TicketRow.project).not_in(projects))
            found.append(there)
        return found


OPEN = Closed()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tickets stand where. ``oldest_due`` in seconds since the epoch, None if none is due.

    ``spared`` are those that turned out not to be needed before they were made.
    """

    due: int
    held: int
    parked: int
    unsure: int
    linked: int
    spared: int
    total: int
    oldest_due: float | None


def make_due(row: TicketRow, at: float, reason: str, *, look: bool = False) -> None:
    """Let a ticket be walked at ``at`` or, if it is due sooner, then. Counts the wish."""
    row.wanted += 1
    row.due_at = at if row.due_at is None else min(row.due_at, at)
    row.due_reason = reason[:200]
    row.look = row.look or look


def claim(
    store: Store,
    *,
    owner: str,
    now: float,
    lease: float,
    limit: int,
    closed: Closed = OPEN,
) -> list[Claim]:
    """Claim up to ``limit`` due tickets, longest due first, for ``lease`` seconds."""
    # Asked before taking the one lock for writing that SQLite has.
    due = next_due(store, now=now, closed=closed) if limit > 0 else None
    if due is None or due > now:
        return []
    with store.write() as session:
        there: list[tuple[float, int]] = []
        for conditions in closed.open():
            free = (
                select(TicketRow.due_at, TicketRow.id)
                .where(col(TicketRow.due_at) <= now, _unleased(now), *conditions)
                .order_by(col(TicketRow.due_at))
                .limit(limit)
            )
            if store.dialect == "postgresql":
                free = free.with_for_update(skip_locked=True)
            there += [(at or 0.0, id_) for at, id_ in session.exec(free) if id_ is not None]
        ids = [id_ for _, id_ in sorted(there)[:limit]]
        if not ids:
            return []
        rows = session.execute(
            update(TicketRow)
            .where(col(TicketRow.id).in_(ids))
            .values(lease_owner=owner, lease_until=now + lease)
            .returning(col(TicketRow.id), col(TicketRow.wanted))
            .execution_options(synchronize_session=False)
        ).all()
        order = {id_: place for place, id_ in enumerate(ids)}
        claims = [Claim(id_, wanted, owner, now + lease) for id_, wanted in rows if id_ is not None]
        return sorted(claims, key=lambda claim_: order[claim_.ticket_id])


def claimed(session: Session, claim_: Claim) -> TicketRow:
    """The claimed row, locked for this transaction. Raises LeaseLost when it is no longer ours."""
    row = session.exec(
        select(TicketRow).where(TicketRow.id == claim_.ticket_id).with_for_update()
    ).first()
    if row is None or (row.lease_owner, row.lease_until) != (claim_.owner, claim_.until):
        raise LeaseLost(f"the lease on ticket {claim_.ticket_id} was lost")
    return row


def release(row: TicketRow, claim_: Claim, *, again_at: float | None, now: float) -> None:
    """End a walk. It stays due at ``again_at``, or at once if it was made due during the walk."""
    row.lease_owner = None
    row.lease_until = None
    if row.wanted != claim_.wanted:
        # Something came in while we walked: what it asks for was not seen.
        row.due_at = now if again_at is None else min(again_at, max(now, row.due_at or now))
    else:
        row.due_at = again_at


def give_back(store: Store, owner: str, ids: Iterable[int]) -> None:
    """End the leases of an owner on tickets that none of its threads is at."""
    wanted = sorted(ids)
    if wanted:
        with store.write() as session:
            session.execute(
                update(TicketRow)
                .where(col(TicketRow.id).in_(wanted), col(TicketRow.lease_owner) == owner)
                .values(lease_owner=None, lease_until=None)
                .execution_options(synchronize_session=False)
            )


def release_leases_of(store: Store, owners: Iterable[str]) -> int:
    """Give back what dead owners held; how many tickets that freed."""
    dead = sorted(owners)
    if not dead:
        return 0
    with store.write() as session:
        freed = session.execute(
            update(TicketRow)
            .where(col(TicketRow.lease_owner).in_(dead))
            .values(lease_owner=None, lease_until=None)
            .returning(col(TicketRow.id))
            .execution_options(synchronize_session=False)
        ).all()
        return len(freed)


def lease_owners(store: Store) -> list[str]:
    """Everybody who holds a lease now."""
    with store.read() as session:
        query = select(TicketRow.lease_owner).where(col(TicketRow.lease_until).is_not(None))
        return sorted({owner for owner in session.exec(query.distinct()) if owner})


def next_due(store: Store, *, now: float, closed: Closed = OPEN) -> float | None:
    """When the next unleased ticket is due, None if there is none."""
    with store.read() as session:
        found = [
            session.exec(
                select(func.min(TicketRow.due_at)).where(
                    col(TicketRow.due_at).is_not(None), _unleased(now), *conditions
                )
            ).one()
            for conditions in closed.open()
        ]
    return min((at for at in found if at is not None), default=None)


def _unleased(now: float) -> ColumnElement[bool]:
    return (col(TicketRow.lease_until).is_(None)) | (col(TicketRow.lease_until) < now)


def by_keys(session: Session, keys: Iterable[str]) -> dict[str, TicketRow]:
    """Tickets by our own key."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    query = select(TicketRow).where(col(TicketRow.key).in_(wanted)).with_for_update()
    return {row.key: row for row in session.exec(query)}


def by_ids(session: Session, ids: Iterable[int]) -> dict[int, TicketRow]:
    """Tickets by row id, locked in id order."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    query = (
        select(TicketRow)
        .where(col(TicketRow.id).in_(wanted))
        .order_by(col(TicketRow.id))
        .with_for_update()
    )
    return {row.id: row for row in session.exec(query) if row.id is not None}


def rename_rule(store: Store, before: str, after: str, *, limit: int) -> int:
    """Give up to ``limit`` tickets of a rule its new name; how many there were."""
    some = select(TicketRow.id).where(TicketRow.rule == before).limit(limit)
    with store.write() as session:
        return len(
            session.execute(
                update(TicketRow)
                .where(col(TicketRow.id).in_(some))
                .values(rule=after)
                .returning(col(TicketRow.id))
                .execution_options(synchronize_session=False)
            ).all()
        )


def made_since(session: Session, rule: str, start: float) -> int:
    """How many tickets of a rule were recorded after ``start``, those that were spared left out."""
    return session.exec(
        select(func.count())
        .select_from(TicketRow)
        .where(
            TicketRow.rule == rule,
            TicketRow.state != TicketState.SPARED,
            col(TicketRow.created_at) > start,
        )
    ).one()


def add(session: Session, row: TicketRow) -> TicketRow:
    """Record a new ticket and give it its id. The unique key refuses a second one."""
    session.add(row)
    session.flush()
    return row


def link(session: Session, subject: str, ticket_id: int, now: float) -> None:
    """Say that a subject belongs to a ticket, instead of any it belonged to before."""
    known = session.get(LinkRow, subject)
    if known is None:
        session.add(LinkRow(subject=subject, ticket_id=ticket_id, created_at=now))
    else:
        known.ticket_id = ticket_id


def subjects_on(session: Session, ticket_id: int) -> list[str]:
    """The references of the subjects that belong to a ticket."""
    return list(session.exec(select(LinkRow.subject).where(LinkRow.ticket_id == ticket_id)))


def unlink(session: Session, subject: str) -> None:
    """Take a subject off its ticket."""
    known = session.get(LinkRow, subject)
    if known is not None:
        session.delete(known)
        session.flush()


def find(session: Session, name: str) -> TicketRow | None:
    """A ticket by Jira key, our key, or the id of a subject it keeps."""
    row = session.exec(
        select(TicketRow).where((col(TicketRow.jira_key) == name) | (col(TicketRow.key) == name))
    ).first()
    if row is not None:
        return row
    return session.exec(
        select(TicketRow)
        .join(LinkRow, col(LinkRow.ticket_id) == col(TicketRow.id))
        .where(
            (col(LinkRow.subject) == name)
            | col(LinkRow.subject).endswith(f":{name}", autoescape=True)
        )
    ).first()


def counts(store: Store, *, now: float) -> Counts:
    """Where the tickets stand."""
    due, parked = col(TicketRow.due_at), col(TicketRow.parked_at).is_not(None)
    state = col(TicketRow.state)
    # One question, which the index on these columns answers: asked at each look at the metrics.
    query = columns(
        func.count().filter(~parked & (due <= now)),
        func.count().filter(~parked & (due > now)),
        func.count().filter(parked),
        func.count().filter(state == TicketState.CREATING.value),
        func.count().filter(state == TicketState.LINKED.value),
        func.count().filter(state == TicketState.SPARED.value),
        func.count(),
        func.min(due).filter(~parked & (due <= now)),
    ).select_from(TicketRow)
    with store.read() as session:
        return Counts(*session.execute(query).one())
