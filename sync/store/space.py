"""The space that deleted rows leave in the file of a SQLite store.

SQLite puts new rows there, and gives nothing back to the file system by itself. On PostgreSQL nothing
is done: autovacuum keeps the space for new rows, and gives back what is free at a table's end.
"""

from __future__ import annotations

from sync.store.engine import Session, dialect_of

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
