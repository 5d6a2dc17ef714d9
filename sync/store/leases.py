"""Leases by name: what only one process at a time may do, and which process does it.

Taking a lease is one guarded statement, so only one of several processes that try succeeds. A lease
ends by itself, by the database's clock, because the clocks of replicas differ. Tickets have leases in
columns of their own (see ``claims.claim``).
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from sync.store.database_clock import database_time
from sync.store.engine import Store, change, insert_into
from sync.store.tables import LeaseRow, TicketRow


def take(store: Store, name: str, owner: str, seconds: float) -> bool:
    """Take a lease for ``seconds``. False while anybody has the lease, even ``owner`` itself."""
    now = database_time(store)
    statement = insert_into(store.dialect, LeaseRow).values(
        name=name, owner=owner, until=now + seconds
    )
    with store.write() as session:
        taken = session.execute(
            statement.on_conflict_do_update(
                index_elements=["name"],
                set_={"owner": statement.excluded.owner, "until": statement.excluded.until},
                where=col(LeaseRow.until) < now,
            ).returning(col(LeaseRow.name))
        )
        return taken.first() is not None


def renew(store: Store, name: str, owner: str, seconds: float) -> bool:
    """Let a lease end ``seconds`` from now. False where ``owner`` has lost the lease."""
    own = update(LeaseRow).where(col(LeaseRow.name) == name, col(LeaseRow.owner) == owner)
    with store.write() as session:
        return change(session, own.values(until=database_time(store) + seconds)) > 0


def release(store: Store, name: str, owner: str) -> None:
    """End a lease, if ``owner`` still has it."""
    own = delete(LeaseRow).where(col(LeaseRow.name) == name, col(LeaseRow.owner) == owner)
    with store.write() as session:
        change(session, own)


def is_held(session: Session, name: str, owner: str) -> bool:
    """Whether ``owner`` has a lease; nobody else can take the lease before this transaction ends."""
    row = session.get(LeaseRow, name, with_for_update=True)
    return row is not None and row.owner == owner


def set_(store: Store, name: str, owner: str, seconds: float) -> None:
    """Let a lease that only ``owner`` takes end ``seconds`` from now, whether or not it is there."""
    until = database_time(store) + seconds
    statement = insert_into(store.dialect, LeaseRow).values(name=name, owner=owner, until=until)
    with store.write() as session:
        session.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"until": until})
        )


def owners(store: Store) -> set[str]:
    """The owners of all leases, on tickets and by name, also of those that have ended by themselves."""
    tickets = select(TicketRow.lease_owner).where(col(TicketRow.lease_until).is_not(None))
    with store.read() as session:
        found = {owner for owner in session.exec(tickets.distinct()) if owner}
        return found.union(session.exec(select(LeaseRow.owner)))


def going_on(store: Store, beginning: str) -> dict[str, float]:
    """By owner, in how many seconds the leases end that have not ended and whose name begins so."""
    left = col(LeaseRow.until) - database_time(store)
    named = col(LeaseRow.name).startswith(beginning, autoescape=True)
    with store.read() as session:
        return dict(session.exec(select(LeaseRow.owner, left).where(named, left >= 0)).all())


def names_of(store: Store, owner: str) -> set[str]:
    """The names of the leases that ``owner`` holds now."""
    going_on_ = col(LeaseRow.until) - database_time(store) >= 0
    with store.read() as session:
        return set(session.exec(select(LeaseRow.name).where(LeaseRow.owner == owner, going_on_)))


def named(store: Store, beginning: str) -> list[tuple[str, str]]:
    """The names and owners of the leases whose names begin so, also of those that have ended."""
    begins = col(LeaseRow.name).startswith(beginning, autoescape=True)
    with store.read() as session:
        return list(session.exec(select(LeaseRow.name, LeaseRow.owner).where(begins)).all())


def release_all_of(store: Store, them: Iterable[str]) -> int:
    """End every lease of these owners, on tickets and by name; how many tickets that freed."""
    gone = sorted(them)
    if not gone:
        return 0
    # Owner and end of a lease are set together, and there is an index of the ends.
    leased = update(TicketRow).where(
        col(TicketRow.lease_until).is_not(None), col(TicketRow.lease_owner).in_(gone)
    )
    with store.write() as session:
        change(session, delete(LeaseRow).where(col(LeaseRow.owner).in_(gone)))
        return change(session, leased.values(lease_owner=None, lease_until=None))
