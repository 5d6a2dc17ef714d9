"""Liveness: which of the processes that have leases are alive, and that SQLite has one daemon only.

Every lease ends by itself in time. The leases of a process that died are ended sooner. On PostgreSQL a
live process has a lease by name that it renews: a lock of a database session would mean nothing behind a
pooler that gives each transaction another session. On SQLite a live daemon has a lock of a file beside
the database. The operating system frees that lock when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import structlog

from sync import __version__
from sync.store import leases
from sync.store.engine import Store
from sync.store.errors import StoreMisconfigured

log = structlog.get_logger("store")

# Owner names of verbs that sweep beside the daemon begin with this. A verb does not show that it is
# alive, so its leases end only by themselves.
BY_HAND = "by-hand-"
# How long (seconds) a process counts as alive after it has shown so. ``show`` is called far more often.
ALIVE_SECONDS = 20.0
_SIGN = "alive "
# Owner, start and version of a process that has leases. A lease of its own, so that processes of earlier
# versions go on to read ``_SIGN``; it ends with the other leases of its owner.
_ABOUT = "daemon "
_FOR_EVER = 1e9
_LOOK_SECONDS = 0.1


class StoreInUse(StoreMisconfigured):
    """Another daemon uses the SQLite file."""


@dataclass(frozen=True, slots=True)
class Process:
    """A daemon that uses the store, or one that died and whose leases nobody has ended yet.

    ``since`` is when it began (seconds since the epoch), None where it did not say. ``seen`` is how many
    seconds ago it last showed that it is alive; None for one that died, and on SQLite, where it is
    known at this moment whether it is alive.
    """

    host: str
    pid: int | None
    since: float | None
    version: str
    seen: float | None
    alive: bool

    @property
    def name(self) -> str:
        """As people know it."""
        return f"process {self.pid} on {self.host}" if self.host and self.pid else "a process"


def new_owner() -> str:
    """A name for this process. All its leases must be under this name, because other processes end the
    leases of names that no live process has."""
    host = socket.gethostname().partition(".")[0][:40] or "localhost"
    return f"{host}-{os.getpid()}-{secrets.token_hex(6)}"


class Liveness:
    """Shows that this process is alive, and ends the leases of processes that are not."""

    def __init__(self, store: Store, owner: str, *, alive: float = ALIVE_SECONDS) -> None:
        self._store = store
        self.owner = owner
        self._alive = alive
        self._file = LockFile(lock_path(Path(store.place))) if store.dialect == "sqlite" else None
        # For people: since when, and which version.
        self._about = f"{owner} {int(time.time())} {__version__}"
        # Since when, and when last, this process has shown without a gap that it is alive (monotonic).
        self._since = self._last = float("-inf")

    def alone(
        self, *, patience: float = 0.0, pause: Callable[[float], object] = time.sleep
    ) -> None:
        """On SQLite: make sure that no other daemon uses the file, and that none will. Else: nothing.

        Waits up to ``patience`` seconds for another daemon to end. ``pause`` waits for so many seconds,
        and returns something true to give up. Raises StoreInUse, and StoreMisconfigured.
        """
        if self._file is None:
            return
        until = time.monotonic() + patience
        waiting = False
        while not self._file.take(self._about):
            words = self._file.words()
            if time.monotonic() >= until:
                raise StoreInUse(words)
            if not waiting:
                log.warning("waiting for another daemon to end", reason=words, seconds=patience)
                waiting = True
            if pause(_LOOK_SECONDS):
                raise StoreInUse(words)

    def show(self) -> None:
        """Show that this process is alive. Raises StoreUnavailable; StoreInUse where another daemon has
        come to use the SQLite file."""
        if self._file is not None:
            if not self._file.take(self._about):
                raise StoreInUse(self._file.words())
            return
        began = time.monotonic()
        if began - self._last > self._alive:
            # At the start, and where others may have taken this process for dead.
            leases.set_(self._store, _ABOUT + self._about, self.owner, _FOR_EVER)
        leases.set_(self._store, _SIGN + self.owner, self.owner, self._alive)
        if began - self._last > self._alive:
            self._since = began
        self._last = began

    def release_dead(self) -> int:
        """End the leases of dead processes; how many tickets that freed. Raises StoreUnavailable."""
        self.show()
        # Others could not show that they are alive while the database was away. They get as long as this
        # process has had.
        if self._file is None and time.monotonic() - self._since < self._alive:
            return 0
        alive = {} if self._file is not None else leases.going_on(self._store, _SIGN)
        others = leases.owners(self._store) - alive.keys() - {self.owner}
        dead = [one for one in others if not one.startswith(BY_HAND)]
        return leases.release_all_of(self._store, dead)

    def end(self) -> None:
        """Show no more that this process is alive, and end all its leases. Raises StoreUnavailable."""
        if self._file is not None:
            self._file.release()
        else:
            leases.release_all_of(self._store, [self.owner])


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Within this no daemon can use the SQLite store ``file``. Raises StoreInUse while one does."""
    lock = LockFile(lock_path(file))
    if not lock.take(new_owner()):
        raise StoreInUse(lock.words())
    try:
        yield
    finally:
        lock.release()


def running(store: Store) -> list[str]:
    """The names of the daemons that use the store now. Raises StoreUnavailable."""
    return [one.name for one in processes(store) if one.alive]


def processes(store: Store) -> list[Process]:
    """The daemons that use the store, and those that died and whose leases nobody has ended yet. Raises
    StoreUnavailable."""
    if store.dialect == "sqlite":
        return _of_file(LockFile(lock_path(Path(store.place))))
    seen = {
        owner: max(0.0, ALIVE_SECONDS - left)
        for owner, left in leases.going_on(store, _SIGN).items()
    }
    about = {owner: name.removeprefix(_ABOUT) for name, owner in leases.named(store, _ABOUT)}
    return [
        _process(about.get(owner, owner), seen.get(owner), alive=owner in seen)
        for owner in sorted(about.keys() | seen.keys())
    ]


def _of_file(file: LockFile) -> list[Process]:
    holder, left = file.holder(), file.says()
    if holder is not None:
        return [_process(holder, None, alive=True)]
    return [_process(left, None, alive=False)] if left else []


def _process(about: str, seen: float | None, *, alive: bool) -> Process:
    """A process from its owner name, start and version; from its owner name alone, as earlier versions
    wrote it."""
    owner, _, rest = about.partition(" ")
    since, _, version = rest.partition(" ")
    host, _, pid = owner.rpartition("-")[0].rpartition("-")
    return Process(
        host=host,
        pid=int(pid) if pid.isdecimal() else None,
        since=float(since) if since.isdecimal() else None,
        version=version,
        seen=seen,
        alive=alive,
    )


def lock_path(database: Path) -> Path:
    """The file whose lock the daemon on a SQLite database has: beside the file that links lead to, as
    SQLite's own companions are."""
    real = Path(os.path.realpath(database))
    return real.with_name(real.name + ".lock")


class LockFile:
    """A file that one process at a time has locked. What it says is the name of that process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: IO[str] | None = None

    def take(self, about: str) -> bool:
        """Take the lock, unless this process has it already, and say who has it. False while another
        process has it.

        Raises StoreMisconfigured where the file cannot be made.
        """
        if self._held is not None and self._is_there(self._held):
            return True
        self.release()
        file = self._open()
        if not _locked(file) or not self._is_there(file):
            # A process that has just ended may have removed the file: the next look finds a new one.
            file.close()
            return False
        file.truncate()
        file.write(about)
        file.flush()
        self._held = file
        return True

    def holder(self) -> str | None:
        """What the file says of the process that has the lock; None where no process has."""
        try:
            with self._path.open() as file:
                return None if _locked(file, fcntl.LOCK_SH) else file.read(200).strip()
        except OSError:
            return None

    def says(self) -> str:
        """What the file says, whoever has the lock: after the end of a process, "" unless it died."""
        try:
            with self._path.open() as file:
                return file.read(200).strip()
        except (OSError, ValueError):
            return ""

    def words(self) -> str:
        """Who has the lock, and what to do."""
        other = _process(self.holder() or "", None, alive=True)
        return (
            f"another daemon, {other.name}, uses the store {self._path.stem} (url in "
            f"[store]; it holds {self._path}). A SQLite file takes one daemon: stop the other, name "
            "another file, or move to PostgreSQL, which takes several"
        )

    def release(self) -> None:
        """Give the lock back."""
        if self._held is not None:
            with suppress(OSError):
                # Whose name is still there after the lock, died.
                self._held.truncate(0)
            self._held.close()
            self._held = None

    def _open(self) -> IO[str]:
        try:
            # Neither emptied nor made anew by a process that only looks whether the lock is free.
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreMisconfigured(
                f"{self._path} cannot be opened ({error.strerror}); its lock keeps a second daemon from "
                "the store. Let the account that runs ticket-sync write to the store's folder"
            ) from error
        return os.fdopen(descriptor, "r+")

    def _is_there(self, file: IO[str]) -> bool:
        """Whether the open file is the one at the path."""
        with suppress(OSError):
            return os.path.samestat(os.fstat(file.fileno()), self._path.stat())
        return False


def _locked(file: IO[str], how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
