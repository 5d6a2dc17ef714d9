"""Leases: what one process at a time may do, and who holds which.

Taking a lease is one guarded statement, so of several processes that try only one succeeds. A lease
ends by itself; its end is counted on the database's clock, because the clocks of replicas differ.
Tickets carry a lease in columns of their own (see ``tickets.claim``).
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from sync.store.database_clock import database_time
from sync.store.engine import Store, insert_into
from sync.store.tables import LeaseRow, TicketRow


def take(store: Store, name: str, owner: str, seconds: float) -> bool:
    """Take a lease for ``seconds``. False while it has an owner, even where that is ``owner``."""
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
    """Let a lease end ``seconds`` from now. False where ``owner`` does not hold it any more."""
    with store.write() as session:
        renewed = session.execute(
            update(LeaseRow)
            .where(col(LeaseRow.name) == name, col(LeaseRow.owner) == owner)
            .values(until=database_time(store) + seconds)
            .returning(col(LeaseRow.name))
            .execution_options(synchronize_session=False)
        )
        return renewed.first() is not None


def release(store: Store, name: str, owner: str) -> None:
    """End a lease, if ``owner`` still holds it."""
    with store.write() as session:
        session.execute(
            delete(LeaseRow).where(col(LeaseRow.name) == name, col(LeaseRow.owner) == owner)
        )


def is_held(session: Session, name: str, owner: str) -> bool:
    """Whether ``owner`` holds a lease; nobody can take the lease before this transaction ends."""
    row = session.get(LeaseRow, name, with_for_update=True)
    return row is not None and row.owner == owner


def owners(store: Store) -> set[str]:
    """Everybody who holds a lease now, on a ticket or by name."""
    tickets = select(TicketRow.lease_owner).where(col(TicketRow.lease_until).is_not(None))
    with store.read() as session:
        found = {owner for owner in session.exec(tickets.distinct()) if owner}
        return found.union(session.exec(select(LeaseRow.owner)))


def release_all_of(store: Store, dead: Iterable[str]) -> int:
    """End every lease of owners that are dead; how many tickets that freed."""
    gone = sorted(dead)
    if not gone:
        return 0
    with store.write() as session:
        session.execute(delete(LeaseRow).where(col(LeaseRow.owner).in_(gone)))
        freed = session.execute(
            update(TicketRow)
            .where(col(TicketRow.lease_owner).in_(gone))
            .values(lease_owner=None, lease_until=None)
            .returning(col(TicketRow.id))
            .execution_options(synchronize_session=False)
        )
        return len(freed.all())
