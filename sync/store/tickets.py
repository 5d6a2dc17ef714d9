"""Queries on tickets: made due, claimed under a lease, changed only by the owner of the claim.

A claim is a guarded update: the process whose update changes the row owns the ticket until the lease
ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, update
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from sync.store.engine import Store, change
from sync.store.tables import LinkRow, Record, TicketRow, TicketState


class LeaseLost(Exception):
    """Another process may have claimed this ticket: stop, and change nothing more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A ticket under a lease. ``wanted`` is the ticket's counter (see ``TicketRow``) at the claim.

    ``until`` (seconds since the epoch) is the end of the lease. No two claims of a ticket have the same
    end, so ``until`` tells this claim from a later one by the same process.
    """

    ticket_id: int
    wanted: int
    owner: str
    until: float


@dataclass(frozen=True, slots=True)
class Closed:
    """What must not be claimed now: the tickets of whole sites, of projects as (site, project), and
    single tickets by id. ``among`` names all sites, open and closed."""

    sites: frozenset[str] = frozenset()
    projects: frozenset[tuple[str, str]] = frozenset()
    tickets: frozenset[int] = frozenset()
    among: frozenset[str] = frozenset()

    def open(self) -> list[list[ColumnElement[bool]]]:
        """Lists of conditions: a ticket may be claimed if it meets every condition of some list.

        Where sites or projects are closed, each open site has a list of its own. An index then finds
        the tickets due on that site, however many are due on the closed sites.
        """
        single: list[ColumnElement[bool]] = []
        if self.tickets:
            single.append(col(TicketRow.id).not_in(sorted(self.tickets)))
        if not self.sites and not self.projects:
            return [single]
        found: list[list[ColumnElement[bool]]] = []
        for site in sorted(self.among - self.sites):
            found.append([col(TicketRow.site) == site, *single])
            projects = sorted(project for where, project in self.projects if where == site)
            if projects:
                found[-1].append(col(TicketRow.project).not_in(projects))
        return found


OPEN = Closed()
# How many ids one statement asks for; databases limit the parameters of a statement.
BATCH = 500


def make_due(row: TicketRow, at: float, reason: str, *, look: bool = False) -> None:
    """Let a ticket be walked at ``at`` (seconds since the epoch), or sooner if it is due sooner. With
    ``look``, the walk reads the ticket in Jira in any case."""
    row.wanted += 1
    row.due_at = at if row.due_at is None else min(row.due_at, at)
    row.due_reason = reason[:200]
    row.look = row.look or look


def claim(
    store: Store, *, owner: str, now: float, lease: float, limit: int, closed: Closed = OPEN
) -> list[Claim]:
    """Claim up to ``limit`` due tickets, longest due first, for ``lease`` seconds."""
    # Read first: where no ticket is due, the one lock for writing on SQLite is left alone.
    due = next_due(store, now=now, closed=closed) if limit > 0 else None
    if due is None or due > now:
        return []
    with store.write() as session:
        ids = _longest_due(session, now, limit, closed)
        if not ids:
            return []
        rows = session.execute(
            update(TicketRow)
            .where(col(TicketRow.id).in_(ids))
            .values(lease_owner=owner, lease_until=now + lease)
            .returning(col(TicketRow.id), col(TicketRow.wanted))
            .execution_options(synchronize_session=False)
        ).all()
        claims = {id_: Claim(id_, wanted, owner, now + lease) for id_, wanted in rows if id_}
        return [claims[id_] for id_ in ids if id_ in claims]


def _longest_due(session: Session, now: float, limit: int, closed: Closed) -> list[int]:
    """The ids of due tickets without a lease, longest due first; locked on PostgreSQL."""
    due = select(TicketRow.due_at, TicketRow.id).where(col(TicketRow.due_at) <= now, _unleased(now))
    # SQLite has no locks on rows, and ignores this.
    due = due.order_by(col(TicketRow.due_at)).limit(limit).with_for_update(skip_locked=True)
    found: list[tuple[float, int]] = []
    for conditions in closed.open():
        rows = session.exec(due.where(*conditions))
        found += [(at, id_) for at, id_ in rows if at is not None and id_]
    return [id_ for _, id_ in sorted(found)[:limit]]


def claimed(session: Session, claim_: Claim) -> TicketRow:
    """The claimed row, locked for this transaction. Raises LeaseLost where the claim has ended."""
    row = session.exec(
        select(TicketRow).where(TicketRow.id == claim_.ticket_id).with_for_update()
    ).first()
    if row is None or (row.lease_owner, row.lease_until) != (claim_.owner, claim_.until):
        raise LeaseLost(f"the lease on ticket {claim_.ticket_id} was lost")
    return row


def release(row: TicketRow, claim_: Claim, *, again_at: float | None, now: float) -> None:
    """End a walk: the ticket is due at ``again_at``, or sooner where it was made due during the walk."""
    row.lease_owner = None
    row.lease_until = None
    if row.wanted != claim_.wanted:
        # The walk may have missed the change for which the ticket was made due meanwhile.
        row.due_at = now if again_at is None else min(again_at, max(now, row.due_at or now))
    else:
        row.due_at = again_at


def give_back(store: Store, owner: str, ids: Iterable[int]) -> None:
    """End the leases of an owner on these tickets."""
    wanted = sorted(ids)
    if wanted:
        own = col(TicketRow.id).in_(wanted), col(TicketRow.lease_owner) == owner
        with store.write() as session:
            change(
                session, update(TicketRow).where(*own).values(lease_owner=None, lease_until=None)
            )


def next_due(store: Store, *, now: float, closed: Closed = OPEN) -> float | None:
    """When the next ticket without a lease is due, None if there is none."""
    due = select(func.min(TicketRow.due_at)).where(
        col(TicketRow.due_at).is_not(None), _unleased(now)
    )
    with store.read() as session:
        found = [session.exec(due.where(*conditions)).one() for conditions in closed.open()]
    return min((at for at in found if at is not None), default=None)


def _unleased(now: float) -> ColumnElement[bool]:
    return (col(TicketRow.lease_until).is_(None)) | (col(TicketRow.lease_until) < now)


def by_keys(session: Session, keys: Iterable[str]) -> dict[str, TicketRow]:
    """Tickets by our own key, locked."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    query = select(TicketRow).where(col(TicketRow.key).in_(wanted)).with_for_update()
    return {row.key: row for row in session.exec(query)}


def by_ids(session: Session, ids: Iterable[int], *, lock: bool = True) -> dict[int, TicketRow]:
    """Tickets by row id, in that order. With ``lock``, rows are locked against other writers, and rows
    that this session has read before are read again."""
    wanted = sorted(set(ids))
    query = select(TicketRow).order_by(col(TicketRow.id))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found: dict[int, TicketRow] = {}
    for start in range(0, len(wanted), BATCH):
        some = query.where(col(TicketRow.id).in_(wanted[start : start + BATCH]))
        found.update({row.id: row for row in session.exec(some) if row.id is not None})
    return found


def records(session: Session, ids: Iterable[int]) -> list[Record]:
    """Up to ``BATCH`` tickets by row id, in that order; not locked, for reading only."""
    table = TicketRow.__table__  # type: ignore[attr-defined]
    query = columns(*table.columns).where(table.c.id.in_(sorted(set(ids)))).order_by(table.c.id)
    return list(session.execute(query))


def by_jira_ids(
    session: Session, site: str, jira_ids: Iterable[str], *, lock: bool = False
) -> dict[str, TicketRow]:
    """Tickets of a site by their Jira id."""
    wanted = sorted(set(jira_ids))
    if not wanted:
        return {}
    query = select(TicketRow).where(TicketRow.site == site, col(TicketRow.jira_id).in_(wanted))
    if lock:
        query = query.order_by(col(TicketRow.id)).with_for_update()
    return {row.jira_id: row for row in session.exec(query) if row.jira_id}


def keys_of_site(session: Session, site: str) -> Iterator[tuple[int, str, str]]:
    """(Row id, our key, Jira key) of all tickets that a site has, without loading all at once."""
    query = select(TicketRow.id, TicketRow.key, TicketRow.jira_key)
    made = query.where(TicketRow.site == site, col(TicketRow.jira_id).is_not(None))
    for id_, key, jira_key in session.exec(made.execution_options(yield_per=2000)):
        if id_ is not None:
            yield id_, key, jira_key


def due(session: Session, now: float) -> list[TicketRow]:
    """Tickets that are due at ``now``, whether or not they are claimed."""
    return list(session.exec(select(TicketRow).where(col(TicketRow.due_at) <= now)))


def recorded_since(session: Session, since: float) -> list[TicketRow]:
    """Tickets that were recorded at ``since`` (seconds since the epoch) or later."""
    return list(session.exec(select(TicketRow).where(col(TicketRow.created_at) >= since)))


def rename_rule(store: Store, before: str, after: str, *, limit: int) -> int:
    """Give up to ``limit`` tickets of a renamed rule the new name; how many there were."""
    some = select(TicketRow.id).where(TicketRow.rule == before).limit(limit)
    with store.write() as session:
        return change(
            session, update(TicketRow).where(col(TicketRow.id).in_(some)).values(rule=after)
        )


def made_since(session: Session, rule: str, start: float) -> int:
    """How many tickets of a rule were recorded after ``start``, without those that were spared."""
    query = select(func.count(col(TicketRow.id))).where(
        TicketRow.rule == rule,
        TicketRow.state != TicketState.SPARED,
        col(TicketRow.created_at) > start,
    )
    return session.exec(query).one()


def add(session: Session, row: TicketRow) -> TicketRow:
    """Record a new ticket and give it its id. Raises IntegrityError where its key is taken."""
    session.add(row)
    session.flush()
    return row


def link(session: Session, subject: str, ticket_id: int, now: float) -> None:
    """Let a subject belong to this ticket, and no more to the ticket that it belonged to before."""
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


def links(session: Session) -> dict[str, int]:
    """The row id of each subject's ticket, by the subject's reference."""
    return dict(session.exec(select(LinkRow.subject, LinkRow.ticket_id)).all())


def find(session: Session, name: str) -> TicketRow | None:
    """A ticket by its Jira key, our key, or one of its subjects: the whole reference or the id alone."""
    subject = col(LinkRow.subject)
    by_key = (col(TicketRow.jira_key) == name) | (col(TicketRow.key) == name)
    by_subject = (subject == name) | subject.endswith(f":{name}", autoescape=True)
    joined = select(TicketRow).join(LinkRow, col(LinkRow.ticket_id) == col(TicketRow.id))
    return (
        session.exec(select(TicketRow).where(by_key)).first()
        or session.exec(joined.where(by_subject)).first()
    )
