"""Liveness: which of the processes that have leases are alive.

Every lease ends by itself in time. The leases of a process that was killed are ended at once: a live
process has a lock (on SQLite of a file beside the database, on PostgreSQL an advisory lock of a session)
that the operating system or the server frees when the process ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from sync.store import leases
from sync.store.engine import Store

# Owner names of verbs that sweep beside the daemon begin with this. A verb has no lock that shows that
# it is alive, so its leases end only by themselves.
BY_HAND = "by-hand-"


def new_owner() -> str:
    """A name for this process. All its leases must be under this name, because other processes end the
    leases of names that no live process has."""
    return f"{os.getpid()}-{secrets.token_hex(6)}"


def _lock_number(owner: str) -> int:
    digest = hashlib.sha256(f"ticket-sync {owner}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class Liveness:
    """The lock that shows that this process is alive, and the look at the locks of other processes."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._file: IO[str] | None = None
        self._session: Connection | None = None

    def show(self) -> None:
        """Take the lock that shows that this process is alive. Raises StoreUnavailable."""
        if self._store.dialect == "sqlite":
            self._lock_file()
        else:
            self._lock_session()

    def release_dead(self) -> int:
        """End the leases of dead processes; how many tickets that freed. Raises StoreUnavailable."""
        self.show()
        others = sorted(leases.owners(self._store) - {self._owner})
        dead = [one for one in others if not one.startswith(BY_HAND) and self._is_dead(one)]
        return leases.release_all_of(self._store, dead)

    def end(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._end_session()

    def _end_session(self) -> None:
        if self._session is not None:
            self._session.invalidate()
            self._session.close()
            self._session = None

    def _is_dead(self, owner: str) -> bool:
        if self._store.dialect == "sqlite":
            # Only one process at a time has the lock of the file: while it is this one, others are dead.
            return self._file is not None
        if self._session is None:
            return False
        number = {"number": _lock_number(owner)}
        if not self._session.execute(text("SELECT pg_try_advisory_lock(:number)"), number).scalar():
            return False
        self._session.execute(text("SELECT pg_advisory_unlock(:number)"), number)
        self._session.commit()
        return True

    def _lock_file(self) -> None:
        if self._file is not None:
            return
        place = Path(self._store.place)
        try:
            file = place.with_name(place.name + ".lock").open("w")
        except OSError:
            # In a read-only folder there is no lock: leases of dead processes end by themselves.
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return
        self._file = file

    def _lock_session(self) -> None:
        if self._session is not None:
            try:
                self._session.execute(text("SELECT 1"))
                self._session.commit()
                return
            except SQLAlchemyError:
                self._end_session()
        session = self._store.writer()
        number = {"number": _lock_number(self._owner)}
        session.execute(text("SELECT pg_advisory_lock(:number)"), number)
        session.commit()
        self._session = session
