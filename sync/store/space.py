"""The space that deleted rows leave in the file of a SQLite store.

SQLite puts new rows there, and gives nothing back to the file system by itself. On PostgreSQL nothing
is done: autovacuum keeps the space for new rows, and gives back what is free at a table's end.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import text
from sqlmodel import SQLModel

from sync.store.backup import require_room, size_of
from sync.store.engine import Session, Store, dialect_of
from sync.store.errors import translate
from sync.store.liveness import alone

# Free pages that stay for new rows: as many, and a tenth of the file. To give them back would be to
# write the file's last pages over and over.
KEPT_PAGES = 2_000
KEPT_SHARE = 10
_INCREMENTAL = 2


def give_back(session: Session, *, batch: int) -> int:
    """Give up to ``batch`` free pages back to the file system; how many. None of a file that was made
    without ``auto_vacuum``: only ``VACUUM`` changes that."""
    if dialect_of(session) != "sqlite":
        return 0
    connection = session.connection().connection.driver_connection
    assert connection is not None

    def ask(pragma: str) -> int:
        return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])

    free = ask("freelist_count")
    spare = free - max(KEPT_PAGES, ask("page_count") // KEPT_SHARE)
    if spare <= 0 or ask("auto_vacuum") != _INCREMENTAL:
        return 0
    for _ in range(min(batch, spare)):
        # Each step of the statement frees one page, and sqlite3 takes one step only.
        connection.execute("PRAGMA incremental_vacuum(1)").close()
    return free - ask("freelist_count")


def vacuum(store: Store) -> tuple[int, int]:
    """Write the store anew without the space of deleted rows; its bytes before and after.

    On SQLite nobody else may write meanwhile: raises StoreInUse while a daemon uses the file. On
    PostgreSQL the space is kept for new rows, daemons go on, and what the planner knows is brought up to
    date. Raises StoreUnavailable.
    """
    if store.dialect == "sqlite":
        return _vacuum_file(Path(store.place))
    before = _size(store)
    for table in SQLModel.metadata.sorted_tables:
        statement = text(f'VACUUM (ANALYZE) "{table.name}"')
        store.single(lambda connection, one=statement: connection.execute(one))  # type: ignore[misc]
    return before, _size(store)


def _vacuum_file(file: Path) -> tuple[int, int]:
    before = size_of(file)
    with alone(file):
        # SQLite writes the file anew beside it, and then over it through the log.
        require_room(file.parent, 2 * before, "the store while it is written anew")
        try:
            with closing(sqlite3.connect(file, isolation_level=None, timeout=10)) as connection:
                connection.execute(f"PRAGMA auto_vacuum={_INCREMENTAL}")
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise translate(error, str(file)) or error from error
    return before, size_of(file)


def _size(store: Store) -> int:
    """The bytes of all tables on PostgreSQL, with their indexes."""
    query = (
        "SELECT sum(pg_total_relation_size(CAST(name AS regclass))) "
        "FROM unnest(CAST(:names AS text[])) AS name"
    )
    names = {"names": sorted(SQLModel.metadata.tables)}
    with store.read_connection() as connection:
        return int(connection.execute(text(query), names).scalar_one())
