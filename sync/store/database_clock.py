"""The database's clock, on which all processes that share a store agree."""

from __future__ import annotations

from sqlalchemy import ColumnElement, literal_column, select

from sync.store.engine import Store


def database_time(store: Store) -> ColumnElement[float]:
    """SQL for the time now, in seconds since the epoch."""
    if store.dialect == "postgresql":
        return literal_column("extract(epoch from clock_timestamp())::double precision")
    return literal_column("((julianday('now') - 2440587.5) * 86400.0)")


def ask_time(store: Store) -> float:
    """The time now by the database's clock, in seconds since the epoch. Raises StoreUnavailable."""
    with store.read_connection() as connection:
        return float(connection.execute(select(database_time(store))).scalar_one())
