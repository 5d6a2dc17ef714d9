"""Bringing the tables of a store up to what this program expects.

A revision is a file in ``versions``; it says how the tables came to be and never imports
``sync.store.tables``, which only says how they are now.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from sync.store.engine import SchemaMismatch, Store

# Any number, as long as nothing else on that PostgreSQL server takes the same advisory lock.
_LOCK = 7_436_205_118


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """The newest revision this program knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current(store: Store) -> str:
    """The revision the store is at, "" before the first. Raises StoreUnavailable."""
    with store.read_connection() as connection:
        return _revision(connection)


def upgrade(store: Store) -> tuple[str, str]:
    """Bring the store to ``head()`` in one transaction; the revisions before and after.

    Several processes may do so at once: one does the work, the others wait and find it done.
    Raises SchemaMismatch where the store is newer than the program, StoreUnavailable.
    """
    with store.write_connection() as connection:
        if store.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = _revision(connection)
        _refuse_newer(before)
        if before != head():
            command.upgrade(_config(connection), "head")
        return before, head()


def check(store: Store) -> None:
    """Raises SchemaMismatch unless the store is at ``head()``, StoreUnavailable."""
    revision = current(store)
    _refuse_newer(revision)
    if revision != head():
        raise SchemaMismatch(
            f"the store's tables are {f'at {revision}' if revision else 'missing'}, this program "
            f"needs {head()}; run `ticket-sync db upgrade`"
        )


def _revision(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _refuse_newer(revision: str) -> None:
    script = ScriptDirectory.from_config(_config())
    known = {one.revision for one in script.walk_revisions()}
    if revision and revision not in known:
        raise SchemaMismatch(
            f"the store was written by a newer ticket-sync (its tables are at {revision}, this one "
            f"knows up to {head()}); install that version again, or restore the store's backup"
        )
