"""Bringing the tables of a store up to what this program expects.

A revision is a file in ``versions``. Revisions never import ``sync.store.tables`` or ``admin_tables``,
because these describe the tables of today, and a revision those of the day when it was written.

Only an upgrade that has something to do imports Alembic, because the import is a large part of what it
takes a verb to start.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text
from sqlmodel import SQLModel

import sync.store.admin_tables  # noqa: F401  (fills the metadata, with sync.store.tables)
from sync.store.engine import Store
from sync.store.errors import SchemaMismatch
from sync.store.url import place_of

if TYPE_CHECKING:
    from alembic.config import Config

# Oldest first. The name of a file in ``versions`` begins with its revision.
REVISIONS = sorted(
    file.name.partition("_")[0] for file in (Path(__file__).parent / "versions").glob("r*_*.py")
)
# The advisory lock of upgrades on PostgreSQL: any number that no other program on the server takes.
_LOCK = 7_436_205_118
# How long one try to have all tables may wait for one of them, and how long an upgrade goes on trying.
_LOCK_MILLISECONDS = 700
_PATIENCE_SECONDS = 120.0
# With this the revision of a store begins into which another one is being copied: ``sync.store.moving``.
COPYING = "copying "
_OTHERWISE = (
    "restore a backup, or set url in [store] to an empty one (see the README: Back up and restore)"
)


def _config(connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """The newest revision this program knows."""
    return REVISIONS[-1]


def current(store: Store) -> str:
    """The revision the store is at, "" before the first. Raises StoreUnavailable."""
    with store.read_connection() as connection:
        return _revision(connection)


def upgrade(
    store: Store, before_change: Callable[[str], object] = lambda _revision: None
) -> tuple[str, str]:
    """Bring the store to ``head()`` in one transaction; the revisions before and after.

    ``before_change`` is called with the revision of a store that is about to change, while nobody else
    can write to it. Several processes may call this at once: one does the work, the others wait and
    find it done. On PostgreSQL daemons may go on meanwhile: their transactions go first, and the upgrade
    begins again until it has all tables for itself.

    Raises SchemaMismatch where the store is newer than this program, and StoreUnavailable.
    """
    if store.dialect != "postgresql":
        return _upgraded(store, before_change)
    from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

    patiently = Retrying(
        retry=retry_if_exception(_in_the_way),
        stop=stop_after_delay(_PATIENCE_SECONDS),
        wait=wait_random(0.1, 1.0),
        reraise=True,
    )
    return patiently(_upgraded, store, before_change)


def _upgraded(store: Store, before_change: Callable[[str], object]) -> tuple[str, str]:
    with store.write_connection() as connection:
        if store.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = _revision(connection)
        _refuse_newer(before)
        if not before:
            _refuse_foreign(connection)
        if before != head():
            if before:
                _lock_tables(connection)
                before_change(before)
            from alembic import command

            command.upgrade(_config(connection), "head")
        _refuse_incomplete(connection)
        return before, head()


def _lock_tables(connection: Connection) -> None:
    """Take all tables at once, before anything is changed. Taken one by one as they are changed, they
    would be waited for while daemons wait for the first ones."""
    if connection.dialect.name != "postgresql":
        return
    there = set(inspect(connection).get_table_names())
    tables = [f'"{name}"' for name in sorted(there & set(SQLModel.metadata.tables))]
    # Sooner than the database looks for deadlocks, so that it never undoes a daemon's transaction.
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_MILLISECONDS}ms'"))
    connection.execute(text(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"))


def _in_the_way(error: BaseException) -> bool:
    """Whether an upgrade failed because others were using the tables."""
    database: Any = error.__cause__
    return getattr(getattr(database, "orig", None), "sqlstate", "") in ("55P03", "40P01")


def check(store: Store) -> None:
    """Raises SchemaMismatch unless the store is at ``head()``, and StoreUnavailable."""
    with store.read_connection() as connection:
        revision = _revision(connection)
        _refuse_newer(revision)
        if revision == head():
            _refuse_incomplete(connection)
    if revision != head():
        found = f"at {revision}" if revision else "missing"
        raise SchemaMismatch(
            f"the tables of the store {store.place} are {found}, this program needs {head()}; "
            "run `ticket-sync db upgrade`"
        )


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    found = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
    if len(found) > 1:
        heads = ", ".join(sorted(found))
        raise SchemaMismatch(
            f"the store {place_of(connection.engine.url)} says that it is at several revisions at "
            f"once ({heads}), which no ticket-sync writes; {_OTHERWISE}"
        )
    return found[0] if found else ""


def _refuse_incomplete(connection: Connection) -> None:
    """For a store at the newest revision: raises SchemaMismatch where a table is missing."""
    missing = sorted(set(SQLModel.metadata.tables) - set(inspect(connection).get_table_names()))
    if missing:
        raise SchemaMismatch(
            f"the store {place_of(connection.engine.url)} has lost tables of its own "
            f"({', '.join(missing)}); {_OTHERWISE}"
        )


def _refuse_foreign(connection: Connection) -> None:
    """For a store without a revision: raises SchemaMismatch where a table of our names is there."""
    taken = sorted(set(inspect(connection).get_table_names()) & set(SQLModel.metadata.tables))
    if taken:
        raise SchemaMismatch(
            f"the store {place_of(connection.engine.url)} belongs to another program: it has a table "
            f"{taken[0]!r}, which ticket-sync did not make; set url in [store] to a database of its own"
        )


def _refuse_newer(revision: str) -> None:
    if revision.startswith(COPYING):
        raise SchemaMismatch(
            "the store holds a part of another one, whose copy did not end: run `ticket-sync db copy` "
            "again until it does, or name the store that was to be copied"
        )
    if revision and revision not in REVISIONS:
        raise SchemaMismatch(
            f"the store was written by a newer ticket-sync (its tables are at {revision}, this one "
            f"knows up to {head()}); install that version again, or restore the store's backup"
        )
