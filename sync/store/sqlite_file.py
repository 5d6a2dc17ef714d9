"""The SQLite file of the store, and whether it still is the file that was opened.

SQLite keeps the file that it opened, even after the file is deleted, moved or replaced: it takes
commits that nobody will find again, and a new connection makes an empty file in its place. Therefore
each transaction checks here, when it begins and after its commit, that the file at the path is the
one that was opened. A commit is confirmed only after the second check.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakSet

import structlog

from sync.store.errors import FileLost, StoreUnavailable

log = structlog.get_logger("store")

# Seconds that a process waits for a turn at most. Then it asks SQLite all the same, whose lock alone
# keeps two from writing at once: the process that has the turn may have been stopped.
LONGEST = 1.0
_LOOK_SECONDS = 0.001
_NEXT, _NOW = 0, 1
_TAKEN = (errno.EACCES, errno.EAGAIN)

# Device and inode, which identify a file whatever its path. None where there is no file.
_Identity = tuple[int, int] | None

_REMEDY = (
    "Nothing is accepted meanwhile. Put that file back, and ticket-sync goes on with it by itself; "
    "to go on without it, restart ticket-sync"
)


@dataclass(frozen=True, slots=True)
class _Files:
    """The files at the paths of the database, its write-ahead log, and the index of that log."""

    database: _Identity
    log: _Identity
    index: _Identity


class _Connection(sqlite3.Connection):
    """A connection that leaves the set ``counted`` when it is closed."""

    counted: WeakSet[_Connection] | None = None

    def close(self) -> None:
        super().close()
        if self.counted is not None:
            self.counted.discard(self)


class StoreFile:
    """One SQLite file and the connections of this process to it.

    Only the first connection may make the file. All connections have the same three files open (see
    ``_Files``), and SQLite removes none of these while a connection is open.
    """

    def __init__(self, path: Path, *, busy_timeout: float) -> None:
        self._path = path.absolute()
        # SQLite puts the log and its index beside the file that a symbolic link leads to.
        self._real = os.path.realpath(path)
        self._busy_timeout = busy_timeout
        self._changing = threading.Lock()
        self._open: WeakSet[_Connection] = WeakSet()
        self._files: _Files | None = None
        self._turns = FileTurns(path)
        # What is wrong with the file, as the log was told last; "" for nothing.
        self.trouble = ""

    def connect(self) -> sqlite3.Connection:
        """A new connection. Raises FileLost, StoreUnavailable, or what SQLite raises."""
        if self._files is None:
            # Readable by the owner alone, because deliveries are confidential. SQLite gives the log and
            # its index the same rights.
            with contextlib.suppress(OSError):
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL, 0o600))
        else:
            self._expect(connecting=True)
        # mode=rw: SQLite must not make an empty file in the place of one that was taken away.
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw",
            uri=True,
            timeout=self._busy_timeout,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        try:
            if _identity(str(self._path), filled=True) is None:
                # Only a file without any content takes this. ``space.give_back`` needs it.
                connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            _prepare(connection, self._busy_timeout)
            self._add(connection)
        except BaseException:
            # Nobody else knows of the connection yet, and it would keep its locks.
            connection.close()
            raise
        return connection

    def begin(self, connection: Any, *, writes: bool) -> None:
        """Before a transaction of this connection: as ``check``; and, where the transaction ``writes``,
        wait for a turn among the processes that use the file. ``end`` gives the turn back."""
        self.check(connection)
        if writes:
            self._turns.take()

    def end(self) -> None:
        """After a transaction that wrote: give the turn back."""
        self._turns.give_back()

    def committed(self) -> None:
        """After the commit of a transaction that wrote: as ``end`` and ``check``."""
        self.end()
        self.check()

    def close(self) -> None:
        """Close what is open beside the connections."""
        self._turns.close()

    def check(self, connection: Any = None) -> None:
        """Raises FileLost while the file at the path is not the one that was opened. Raises
        StoreUnavailable where only the log or its index is lost, until all connections are new.

        ``connection``, if given, must be in no transaction. What it has committed is then moved from
        the lost log into the file.
        """
        try:
            self._expect()
        except StoreUnavailable as error:
            self._announce(str(error))
            if connection is not None:
                # Only a connection that has a removed log open can still read the log.
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
            raise
        if self.trouble:
            self._announce("")

    @property
    def companions_lost(self) -> bool:
        """Whether the database is at its path, but not the log or index that connections have open."""
        files = self._files
        if files is None or not self.trouble:
            return False
        with contextlib.suppress(OSError):
            found = self._look()
            return found.database == files.database and found != files
        return False

    def _expect(self, *, connecting: bool = False) -> _Files:
        """The files at the paths. Raises unless they are those that the connections have open."""
        expected = self._files
        try:
            found = self._look()
        except OSError as error:
            raise FileLost(
                f"the store's file {self._path} cannot be looked at ({error.strerror}). {_REMEDY}"
            ) from error
        if expected is None:
            return found
        if found.database is None:
            raise FileLost(
                f"the store's file {self._path} is not there any more: it was deleted, moved or "
                f"emptied. {_REMEDY}, which begins an empty one and "
                "looks in Jira for the tickets that were made before"
            )
        if found.database != expected.database:
            raise FileLost(
                f"the store's file {self._path} is not the one that was opened: another was put in "
                f"its place. {_REMEDY}, which goes on with the file that is there then"
            )
        if found != expected and not (connecting and not self._open):
            raise StoreUnavailable(
                f"{self._path.name}-wal or {self._path.name}-shm beside the store's file "
                f"{self._path} was removed while it was in use; the store is opened anew. Leave "
                "both alone while ticket-sync runs: they are part of the store"
            )
        return found

    def _look(self) -> _Files:
        return _Files(
            _identity(str(self._path), filled=True),
            _identity(f"{self._real}-wal"),
            _identity(f"{self._real}-shm"),
        )

    def _add(self, connection: _Connection) -> None:
        with self._changing:
            found = self._expect(connecting=True)
            if not self._open:
                self._files = found
            connection.counted = self._open
            self._open.add(connection)

    def _announce(self, words: str) -> None:
        with self._changing:
            if words == self.trouble:
                return
            self.trouble = words
        if words:
            log.error("the store's file was lost", reason=words)
        else:
            log.info("the store's file is back", file=str(self._path))


class FileTurns:
    """The turns of this process to write, one thread at a time, among the processes that use the file.

    SQLite lets a process that waits for its lock look for it now and then. Beside a process that writes
    all the time, the other looks at the wrong moments and gets no turn for seconds. So it first waits
    for locks on a file, ``NAME.turns`` beside ``NAME``.

    A process that waits has ``_NEXT``, and gives that up once it has ``_NOW``. Who has had a turn and
    wants another has to wait for ``_NEXT``, so that the one who waits comes before.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._file: int | None = None

    def take(self) -> None:
        """Wait for a turn, which ``give_back`` ends."""
        # Usually nobody else has a turn or waits for one, and one call takes both locks.
        if self._try(_NEXT, 2):
            self._unlock(_NEXT)
            return
        end = time.monotonic() + LONGEST
        next_ = self._lock(_NEXT, end)
        if next_:
            self._lock(_NOW, end)
            self._unlock(_NEXT)

    def give_back(self) -> None:
        """The turn is over, if there was one."""
        self._unlock(_NOW)

    def close(self) -> None:
        """Close the file; the next turn opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _lock(self, lock: int, end: float) -> bool:
        """Whether the lock was free before ``end``. False also where the folder takes no file, and where
        the file system has no locks: writing has to do without turns there."""
        while not (taken := self._try(lock)):
            if taken is None or time.monotonic() > end:
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def _try(self, lock: int, count: int = 1) -> bool | None:
        """Take so many locks from this one on, all or none; None where there can be none."""
        if not self._open():
            return None
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, count, lock)  # type: ignore[arg-type]
        except OSError as error:
            return False if error.errno in _TAKEN else None
        return True

    def _unlock(self, lock: int) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, lock)

    def _open(self) -> bool:
        if self._file is None:
            real = Path(os.path.realpath(self._database))
            with contextlib.suppress(OSError):
                # The rights are those of the database.
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                self._file = os.open(real.with_name(real.name + ".turns"), flags, 0o600)
        return self._file is not None


def _identity(path: str, *, filled: bool = False) -> _Identity:
    """Which file is at ``path``; with ``filled``, an empty file counts as no file."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return None if filled and not found.st_size else (found.st_dev, found.st_ino)


def _prepare(connection: sqlite3.Connection, busy_timeout: float) -> None:
    _to_wal(connection, busy_timeout)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA journal_size_limit={64 * 1024 * 1024}")
    # SQLite opens the log and its index at the first read.
    connection.execute("SELECT count(*) FROM sqlite_master").close()


def not_waiting_for_the_disk(connection: sqlite3.Connection, *_: object) -> None:
    """Let a connection that is taken from the pool not wait at each commit until the disk has it."""
    connection.execute("PRAGMA synchronous=OFF")


def _to_wal(connection: sqlite3.Connection, busy_timeout: float) -> None:
    # SQLite needs the file for itself to change to WAL, and ignores the busy timeout here.
    until = time.monotonic() + busy_timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)
