"""Deliveries that never reached us, put into the inbox after all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col, select

from sync.store.inbox import Accepted, row_of
from sync.store.tables import DeliveryRow

_TABLE = SQLModel.metadata.tables["deliveries"]


def known(session: Session, ids: Iterable[str]) -> set[str]:
    """Which of these deliveries (by our id, see ``delivery_id``) we have."""
    wanted = sorted(set(ids))
    if not wanted:
        return set()
    return set(session.exec(select(DeliveryRow.id).where(col(DeliveryRow.id).in_(wanted))))


def accept(session: Session, accepted: Sequence[Accepted]) -> set[str]:
    """Put deliveries into the inbox, as if they had come; the ids of those that were new."""
    if not accepted:
        return set()
    dialect = session.get_bind().dialect.name
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = insert(_TABLE).on_conflict_do_nothing(index_elements=["id"]).returning(_TABLE.c.id)
    return set(session.execute(statement, [row_of(one) for one in accepted]).scalars())
