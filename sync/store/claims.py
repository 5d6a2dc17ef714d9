"""Claims: due tickets taken under a lease, with all that their walks need to know.

A claim is a guarded update: the process whose update changes the row owns the ticket until the lease
ends. The rows about the claimed tickets are read in the same transaction, once for all of them. What
changes after that makes the ticket due again, so that another walk sees the change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, bindparam, func, not_, update
from sqlmodel import Session, col, select

from sync.domain.pause import Pause, PauseKind
from sync.store.engine import Store, change
from sync.store.gathered import Gathered, detached, gathered_for_walks
from sync.store.paused import affected
from sync.store.tables import TicketRow, table_of


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
    # What the store held about the ticket when it was claimed. Its row belongs to no session.
    about: Gathered = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Closed:
    """What must not be claimed now: the tickets of whole sites, of projects as (site, project), single
    tickets by id, and what people have paused. ``among`` names all sites, open and closed."""

    sites: frozenset[str] = frozenset()
    projects: frozenset[tuple[str, str]] = frozenset()
    tickets: frozenset[int] = frozenset()
    among: frozenset[str] = frozenset()
    paused: tuple[Pause, ...] = ()

    def open(self) -> list[list[ColumnElement[bool]]]:
        """Lists of conditions: a ticket may be claimed if it meets every condition of some list.

        Where something is closed or paused, each open site has a list of its own. An index then finds
        the tickets due on that site, however many are due on the closed sites.
        """
        single: list[ColumnElement[bool]] = []
        if self.tickets:
            single.append(col(TicketRow.id).not_in(sorted(self.tickets)))
        if not self.sites and not self.projects and not self.paused:
            return [single]
        rules = sorted(one.name for one in self.paused if one.kind is PauseKind.RULE)
        if rules:
            single.append(col(TicketRow.rule).not_in(rules))
        closed = self.sites.union(one.site for one in self.paused if one.kind is PauseKind.SITE)
        return [
            [col(TicketRow.site) == site, *single, *self._in_projects(site)]
            for site in sorted(self.among - closed)
        ]

    def _in_projects(self, site: str) -> Iterator[ColumnElement[bool]]:
        """What leaves out the projects of a site that are closed or paused."""
        projects = sorted(project for where, project in self.projects if where == site)
        if projects:
            yield col(TicketRow.project).not_in(projects)
        for one in self.paused:
            if one.kind is PauseKind.PROJECT and one.site == site:
                yield not_(affected(one))


OPEN = Closed()


def claim(
    store: Store, *, owner: str, now: float, lease: float, limit: int, closed: Closed = OPEN
) -> list[Claim]:
    """Claim up to ``limit`` due tickets, longest due first, for ``lease`` seconds.

    Takes the one lock for writing on SQLite. A caller who does not expect that a ticket is due asks
    ``next_due`` first, which leaves the lock alone.
    """
    if limit <= 0:
        return []
    with store.write() as session:
        ids = _longest_due(session, now, limit, closed)
        if not ids:
            return []
        until = now + lease
        given = {"ids": ids, "owner": owner, "until": until}
        claimed = session.connection().execute(_CLAIM, given)
        rows = [detached(row) for row in claimed]
        found = {one.row.id: one for one in gathered_for_walks(session, rows)}
        return [
            Claim(id_, found[id_].row.wanted, owner, until, found[id_])
            for id_ in ids
            if id_ in found
        ]


_TICKETS = table_of(TicketRow)
_CLAIM = (
    update(_TICKETS)
    .where(_TICKETS.c.id.in_(bindparam("ids", expanding=True)))
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until"))
    .returning(*_TICKETS.c)
)


def _longest_due(session: Session, now: float, limit: int, closed: Closed) -> list[int]:
    """The ids of due tickets without a lease, longest due first; locked on PostgreSQL."""
    due = select(TicketRow.due_at, TicketRow.id).where(col(TicketRow.due_at) <= now, _unleased(now))
    # SQLite has no locks on rows, and ignores this.
    due = due.order_by(col(TicketRow.due_at)).limit(limit).with_for_update(skip_locked=True)
    found: list[tuple[float, int]] = []
    for conditions in closed.open():
        rows = session.connection().execute(due.where(*conditions))
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
