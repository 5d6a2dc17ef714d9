"""Empty stores to prove things on: a file, or a database of a PostgreSQL of our own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sync.store.engine import open_store
from sync.store.migrations import upgrade

STORES = ("sqlite", "postgresql")


class Stores:
    """Makes stores with tables in them. PostgreSQL is started when it is first asked for."""

    def __init__(self) -> None:
        self._postgres: object | None = None
        self._template: Path | None = None

    @classmethod
    def shared(cls) -> Stores:
        """The one of this process."""
        global _SHARED
        if _SHARED is None:
            _SHARED = cls()
        return _SHARED

    @contextmanager
    def fresh(self, kind: str, folder: Path) -> Iterator[str]:
        """The URL of an empty store."""
        if kind == "sqlite":
            yield self._file(folder)
            return
        server = self.postgres()
        name = server.create()
        try:
            yield server.url(name)
        finally:
            server.drop(name)

    def _file(self, folder: Path) -> str:
        if self._template is None:
            self._template = Path(tempfile.mkdtemp(prefix="ticket-sync-proof-")) / "template.db"
            store = open_store(f"sqlite:///{self._template}")
            upgrade(store)
            store.close()
        shutil.copy(self._template, folder / "store.db")
        return f"sqlite:///{folder / 'store.db'}"

    def postgres(self):  # type: ignore[no-untyped-def]
        """The server of this run (``tests.postgres.Postgres``)."""
        if self._postgres is None:
            from tests.postgres import Postgres

            self._postgres = Postgres()
        return self._postgres

    def close(self) -> None:
        """Remove what was made for all."""
        if self._template is not None:
            shutil.rmtree(self._template.parent, ignore_errors=True)
            self._template = None


_SHARED: Stores | None = None


def folder_for(name: str) -> Path:
    """A folder of its own for a trial."""
    return Path(tempfile.mkdtemp(prefix=f"ticket-sync-{name}-"))
