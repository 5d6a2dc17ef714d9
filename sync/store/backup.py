"""Copies of an SQLite store: taken while others write, looked through, and put in place in one step.

A copy is one file in SQLite's oldest journal mode. So it needs no companions, and can be opened where
nothing may be written.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from sync.store.engine import Store
from sync.store.errors import StoreMisconfigured, StoreUnavailable

log = structlog.get_logger("store")

# Pages that are copied between two looks at signals, so that Ctrl-C ends a long copy.
_PAGES = 20_000
# What a copy may need beside the bytes of its file.
_SPARE = 1024 * 1024
_COMPANIONS = ("", "-wal", "-shm", "-journal", ".progress", ".lock", ".turns")


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a store: its file, its size in bytes, and the revision of its tables."""

    file: Path
    size: int
    revision: str


def back_up(store: Store, target: Path, *, overwrite: bool = False) -> Copy:
    """Copy an SQLite store to the file ``target``, as it stands at one moment; daemons go on meanwhile.

    The copy is looked through before it gets its name. Raises StoreMisconfigured where ``target`` is
    there already (unless ``overwrite``) or is a part of the store, StoreDamaged where the store is
    damaged, and StoreUnavailable where there is no room.
    """
    _refuse_target(Path(store.place), target, overwrite=overwrite)
    require_room(target.parent, size_of(Path(store.place)), "the backup")
    with beside(target) as part:
        copy_into(store, part)
        with opened(part) as copy:
            _look_through(store, copy)
            revision = revision_of(copy)
        _name(part, target, overwrite=overwrite)
    return Copy(target, target.stat().st_size, revision)


def keep_before_upgrade(store: Store, revision: str, keep: int, now: float) -> Path | None:
    """Keep a copy of an SQLite store beside it, before its tables leave ``revision``; the copy's file.

    The newest ``keep`` of such copies stay. None where ``keep`` is 0, and on PostgreSQL. The caller
    holds the writers' lock, so the copy is the store that is upgraded. Raises StoreMisconfigured where
    there is no room.
    """
    if store.dialect != "sqlite" or not keep:
        return None
    file = Path(os.path.realpath(store.place))
    when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    target = file.with_name(f"{file.name}.at-{revision}-{when}")
    more = (
        ". A copy of the store is kept before its tables are upgraded. Make room, or set "
        "upgrade_copies = 0 in [store] and keep a backup yourself"
    )
    require_room(file.parent, size_of(file), "the copy before the upgrade", more)
    with beside(target) as part:
        copy_into(store, part)
        _name(part, target, overwrite=True)
    log.info("a copy of the store was kept before the upgrade", file=str(target))
    for old in _kept(file)[keep:]:
        with suppress(OSError):
            old.unlink()
    return target


def _kept(file: Path) -> list[Path]:
    """The copies from before upgrades, the newest first."""
    named = re.compile(re.escape(file.name) + r"\.at-r\d{4}-(\d{8}T\d{6}Z)")
    found = [
        (match[1], one) for one in file.parent.iterdir() if (match := named.fullmatch(one.name))
    ]
    return [one for _, one in sorted(found, reverse=True)]


def size_of(file: Path) -> int:
    """The bytes of an SQLite file with those that are still in its log."""
    real = Path(os.path.realpath(file))
    total = 0
    for part in (real, real.with_name(real.name + "-wal")):
        with suppress(FileNotFoundError):
            total += part.stat().st_size
    return total


def require_room(folder: Path, size: int, what: str, more: str = ". Make room") -> None:
    """Raises StoreMisconfigured where ``folder`` has no room for ``size`` bytes, or is none."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise StoreMisconfigured(f"{folder} cannot be written to ({error.strerror})") from error
    if free < size + _SPARE:
        raise StoreMisconfigured(
            f"there is no room for {what} in {folder.absolute()}: {megabytes(size)} are needed, "
            f"{megabytes(free)} are free{more}"
        )


def megabytes(size: int) -> str:
    """A size for people.

    >>> megabytes(1_540_000)
    '1.5 MB'
    """
    return f"{size / 1e6:,.1f} MB"


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A new empty file in the folder of ``target``, which the owner alone may read. What is still there
    by this name at the end is removed."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise StoreMisconfigured(
            f"no file can be made in {target.parent.absolute()} ({error.strerror})"
        ) from error
    try:
        yield part
    finally:
        for companion in ("", "-journal", "-wal", "-shm"):
            part.with_name(part.name + companion).unlink(missing_ok=True)


def copy_into(store: Store, part: Path) -> None:
    """Copy a store as it stands at one moment into an empty file. Raises StoreUnavailable."""
    with store.read_connection() as connection:
        # Holds the moment: what others commit from here on is not in the copy, nor begins it anew.
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        copy_pages(source, part)


def copy_pages(source: sqlite3.Connection, part: Path) -> None:
    """Copy what a connection sees into an empty file, and bring that to the disk. Raises
    StoreUnavailable, and sqlite3.Error where ``source`` is damaged."""
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as target:
            # Written once and named afterwards: a copy that a crash ends is thrown away.
            target.execute("PRAGMA synchronous=OFF")
            source.backup(target, pages=_PAGES, sleep=0.01)
            target.execute("PRAGMA journal_mode=DELETE")
        with part.open("rb") as file:
            os.fsync(file.fileno())
    except (sqlite3.OperationalError, OSError) as error:
        raise StoreUnavailable(f"the copy {part} could not be written ({error})") from error


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection to an SQLite file that no store has open."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        yield connection


def revision_of(connection: sqlite3.Connection) -> str:
    """The revision of the tables, "" where there are none. Raises sqlite3.Error."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")
    if found.fetchone() is None:
        return ""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def damage_of(connection: sqlite3.Connection) -> str:
    """What a look through the whole file finds, every index compared with its table; "" for nothing."""
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else " ".join(str(found).split())


def _look_through(store: Store, copy: sqlite3.Connection) -> None:
    if damage := damage_of(copy):
        raise StoreUnavailable(
            f"no backup was made: the store {store.place} is damaged ({damage}). Keep the backups that "
            "there are, and restore the newest of them"
        )


def _refuse_target(file: Path, target: Path, *, overwrite: bool) -> None:
    real = os.path.realpath(file)
    if os.path.realpath(target) in {real + one for one in _COMPANIONS}:
        raise StoreMisconfigured(f"{target} is a part of the store itself; name another file")
    if target.is_dir():
        raise StoreMisconfigured(f"{target} is a folder; name a file in it")
    if not overwrite and os.path.lexists(target):
        raise StoreMisconfigured(f"{target} is there already; name another file, or add --force")


def _name(part: Path, target: Path, *, overwrite: bool) -> None:
    """Give a finished copy its name, over a file of that name only where ``overwrite``."""
    if overwrite:
        os.replace(part, target)
    else:
        try:
            # Unlike a rename, a link never takes the place of a file that came meanwhile.
            os.link(part, target)
        except FileExistsError:
            _refuse_target(part, target, overwrite=False)
            raise
        except OSError:
            os.replace(part, target)
    to_disk(target.parent)


def to_disk(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
