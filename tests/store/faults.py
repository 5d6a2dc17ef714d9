"""Making a store fail the way disks and servers do, and work again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, text

from sync.store.engine import Store
from tests.postgres import Postgres


class _Pragma:
    """A setting of SQLite's connections that makes them fail while ``on``."""

    def __init__(self, store: Store, failing: str, working: str) -> None:
        self.on = False

        # When a connection is taken from the pool, and for those that are kept, in each transaction.
        @event.listens_for(store.engine, "checkout")
        def on_checkout(connection: Any, *_: Any) -> None:
            connection.execute(failing if self.on else working)

        @event.listens_for(store.engine, "begin")
        def on_begin(connection: Any) -> None:
            connection.exec_driver_sql(failing if self.on else working)


class FullDisk(_Pragma):
    """SQLite's own limit on the size of its file, at its present size while ``on``."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, "PRAGMA max_page_count=1", "PRAGMA max_page_count=1000000")


class ReadOnlyFile(_Pragma):
    """SQLite refuses writes while ``on``, with the error it has for a read-only file."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, "PRAGMA query_only=1", "PRAGMA query_only=0")


class GoneServer:
    """A PostgreSQL database that ends its connections and takes no new ones while ``on``."""

    def __init__(self, store: Store, postgres: Postgres) -> None:
        self._store = store
        self._postgres = postgres

    @property
    def on(self) -> bool:
        """Whether the database is away."""
        return False

    @on.setter
    def on(self, away: bool) -> None:
        name = self._store.engine.url.database
        self._postgres.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {'false' if away else 'true'}")
        if away:
            self._postgres.disconnect_all(self._store)


def overwrite(store: Store, table: str) -> None:
    """Damage the first page of a table in the file."""
    with store.read_connection() as connection:
        page, size = (
            connection.execute(text(asked)).scalar_one()
            for asked in (
                f"SELECT rootpage FROM sqlite_master WHERE name = '{table}'",
                "PRAGMA page_size",
            )
        )
    with store.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(store.place, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    store.engine.dispose()
