"""Making a store fail the way disks and servers do, and work again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from sync.store.engine import Store
from tests.postgres import Postgres


class FullDisk:
    """SQLite's own limit on the size of its file, at its present size while ``on``."""

    def __init__(self, store: Store) -> None:
        self.on = False

        @event.listens_for(store.engine, "begin")
        def limit(connection: Any) -> None:
            pages = 1 if self.on else 1_000_000
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


class ReadOnlyFile:
    """SQLite refuses writes while ``on``, with the error it has for a read-only file."""

    def __init__(self, store: Store) -> None:
        self.on = False

        @event.listens_for(store.engine, "begin")
        def protect(connection: Any) -> None:
            connection.exec_driver_sql(f"PRAGMA query_only={int(self.on)}")


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
