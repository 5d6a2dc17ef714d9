"""Liveness: which of the processes that hold leases are alive.

Every lease ends by itself, but only after its time. The leases of a process that was killed are ended
at once, because the store can tell that the process is gone: a live process holds a lock, on SQLite on
a file beside the database, on PostgreSQL an advisory lock of a session. The lock ends with the process.
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

# The names of verbs that sweep beside the daemon begin with this. They show no sign of life, so their
# leases are left to end by themselves.
BY_HAND = "by-hand-"


def new_owner() -> str:
    """A name for this process, under which everything in it takes leases. A lease under any other name
    counts as that of a dead process."""
    return f"{os.getpid()}-{secrets.token_hex(6)}"


def _lock_number(owner: str) -> int:
    digest = hashlib.sha256(f"ticket-sync {owner}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class Liveness:
    """This process's sign of life, and its view of the others' signs."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._file: IO[str] | None = None
        self._session: Connection | None = None

    def show(self) -> None:
        """Show that this process is alive. Raises StoreUnavailable."""
        if self._store.dialect == "sqlite":
            self._lock_file()
        else:
            self._lock_session()

    def release_dead(self) -> int:
        """End the leases of processes that are gone; how many tickets that freed. Raises
        StoreUnavailable."""
        self.show()
        others = sorted(leases.owners(self._store) - {self._owner})
        dead = [one for one in others if not one.startswith(BY_HAND) and self._is_dead(one)]
        return leases.release_all_of(self._store, dead)

    def end(self) -> None:
        """Show no sign of life any more."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._session is not None:
            self._session.invalidate()
            self._session.close()
            self._session = None

    def _is_dead(self, owner: str) -> bool:
        if self._store.dialect == "sqlite":
            # Only one process at a time holds the lock on the file: all others are gone.
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
            # The folder is read-only: leases then end by themselves.
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
                self._session.invalidate()
                self._session.close()
                self._session = None
        session = self._store.writer()
        number = {"number": _lock_number(self._owner)}
        session.execute(text("SELECT pg_advisory_lock(:number)"), number)
        session.commit()
        self._session = session
