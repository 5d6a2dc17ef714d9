"""How many acts upstream was told lately, by all daemons on the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import delete, func, select, text
from sqlmodel import col

from sync.store.engine import Session, Store, change, dialect_of, insert_into
from sync.store.tables import ToldRow, table_of

# The advisory lock of counting on PostgreSQL: any number that no other program takes there.
_COUNTING = 7_205_759_403_792_795


def admit(
    store: Store, ticket_id: int, acts: Sequence[str], *, now: float, window: float, most: int
) -> bool:
    """Count acts of a ticket, by their names, as told now, unless more than ``most`` would then have
    been told within the last ``window`` seconds. Returns whether they were counted. ``now`` is in
    seconds since the epoch.

    Raises StoreUnavailable.
    """
    digests = sorted({_digest(act) for act in acts})
    rows = [{"ticket_id": ticket_id, "act": digest, "at": now} for digest in digests]
    with store.write() as session:
        _alone(session)
        change(session, delete(ToldRow).where(col(ToldRow.at) <= now - window))
        before = select(col(ToldRow.act)).where(
            col(ToldRow.ticket_id) == ticket_id, col(ToldRow.act).in_(digests)
        )
        again = len(session.execute(before).all())
        if _counted(session, most) + len(rows) - again > most:
            return False
        put = insert_into(dialect_of(session), table_of(ToldRow))
        keys = ["ticket_id", "act"]
        put = put.on_conflict_do_update(index_elements=keys, set_={"at": put.excluded.at})
        session.execute(put.values(rows))
        return True


def _counted(session: Session, most: int) -> int:
    """How many rows there are; not all are counted where there are more than ``most``."""
    some = select(col(ToldRow.act)).order_by(col(ToldRow.at)).limit(most + 1).subquery()
    return int(session.execute(select(func.count()).select_from(some)).scalar_one())


def _alone(session: Session) -> None:
    """Let no other writer count until this transaction ends. SQLite has one writer at a time."""
    if dialect_of(session) == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _COUNTING})


def _digest(act: str) -> str:
    return hashlib.sha256(act.encode(errors="surrogatepass")).hexdigest()[:32]
