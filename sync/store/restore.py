"""Putting a backup in the place of an SQLite store. The store that was there is kept beside it.

``sync.store.continuity`` has the daemon look in Jira for the tickets that the backup does not know. It
notices by the file's identity; what is written here makes that sure, also where a new file happens to
get the identity of the old one.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sync.store import backup
from sync.store.errors import StoreMisconfigured
from sync.store.liveness import alone
from sync.store.migrations import COPYING, REVISIONS, head

# A place that no store has: see ``SiteRow.place``.
_NOWHERE = "restored"


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was put in place: the store's file, the revision of its tables, the last sign of
    life of a daemon in it (seconds since the epoch, None without one), and where the store before was
    put (None where there was none)."""

    file: Path
    revision: str
    alive_at: float | None
    kept: Path | None


def restore(file: Path, source: Path, now: float) -> Restored:
    """Put the backup ``source`` in the place of the store ``file``.

    The backup is looked through before, and stays as it is. Raises StoreInUse while a daemon uses the
    store, StoreMisconfigured where the backup is none or is damaged, and StoreUnavailable.
    """
    real = Path(os.path.realpath(file))
    if real.exists() and source.exists() and os.path.samefile(source, real):
        raise StoreMisconfigured(f"{source} is the store itself; name a backup of it")
    with alone(real):
        backup.require_room(real.parent, backup.size_of(source), "the restored store")
        with backup.beside(real) as part:
            with _source(source) as connection:
                backup.copy_pages(connection, part)
            with backup.opened(part) as copy:
                revision = _checked(copy, source)
                alive_at = _marked(copy)
            kept = _set_aside(real, now)
            os.replace(part, real)
            backup.to_disk(real.parent)
    return Restored(file, revision, alive_at, kept)


@contextmanager
def _source(file: Path) -> Iterator[sqlite3.Connection]:
    """The backup, opened so that nothing in it or beside it changes."""
    if not file.is_file():
        raise StoreMisconfigured(f"there is no file {file}; name a backup")
    log = file.with_name(file.name + "-wal")
    # A log beside the file is a part of it, and only a plain connection reads that.
    how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?{how}", uri=True)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            yield connection
    except sqlite3.DatabaseError as error:
        raise StoreMisconfigured(f"{file} cannot be restored ({error}); name a backup") from error


def _checked(copy: sqlite3.Connection, source: Path) -> str:
    """The revision of a backup that is whole. Raises StoreMisconfigured."""
    if damage := backup.damage_of(copy):
        raise StoreMisconfigured(f"{source} is damaged ({damage}); restore another backup")
    revision = backup.revision_of(copy)
    if not revision:
        raise StoreMisconfigured(f"{source} is no backup of a store: it has no tables of ours")
    if revision.startswith(COPYING):
        raise StoreMisconfigured(f"{source} is part of a store: a copy into it did not end")
    if revision not in REVISIONS:
        raise StoreMisconfigured(
            f"{source} was written by a newer ticket-sync (its tables are at {revision}, this one knows "
            f"up to {head()}); install that version to restore it"
        )
    if broken := copy.execute("PRAGMA foreign_key_check").fetchone():
        raise StoreMisconfigured(
            f"{source} is not whole: a row of {broken[0]} names a row of {broken[2]} that is not "
            "there; restore another backup"
        )
    return revision


def _marked(copy: sqlite3.Connection) -> float | None:
    """Write into the copy that it was restored, and end all logins; the last sign of life in it."""
    tables = {row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    alive_at = None
    if "sites" in tables:
        alive_at = copy.execute("SELECT max(alive_at) FROM sites").fetchone()[0]
        copy.execute("UPDATE sites SET place = ?", (_NOWHERE,))
    if "web_sessions" in tables:
        # Among them may be one that was ended after the backup.
        copy.execute("DELETE FROM web_sessions")
    copy.commit()
    return alive_at


def _set_aside(file: Path, now: float) -> Path | None:
    """Keep the store that is there under another name; that name, None where no store is.

    The name of the store stays until the backup takes it. Its log goes before: SQLite would write an old
    log into the new file. Nothing opens the old file, which may be damaged.
    """
    if not file.exists():
        return None
    when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    kept = file.with_name(f"{file.name}.replaced-{when}")
    if kept.exists():
        raise StoreMisconfigured(f"{kept} is there already; try again in a second")
    try:
        os.link(file, kept)
    except OSError:
        os.rename(file, kept)
    for companion in ("-wal", "-shm"):
        beside = file.with_name(file.name + companion)
        if beside.exists():
            os.rename(beside, kept.with_name(kept.name + companion))
    backup.to_disk(file.parent)
    return kept
