"""Who is alive among those that hold leases, so that a crash is taken over at once.

A lease ends by itself; that is the safety net. But a process that was killed cannot come back for its
tickets, and the store can tell: on SQLite a lock on a file beside the database, on PostgreSQL an
advisory lock of the process's own session. Both vanish with the process.
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

from sync.store import sweeps, tickets
from sync.store.engine import Store

# How the owners of what is done by hand, beside the daemon, begin.
BY_HAND = "by-hand-"


def new_owner() -> str:
    """A name for a process among those that hold leases. It goes to everything in the process that
    takes some: who holds one under another name than that of the process counts as dead."""
    return f"{os.getpid()}-{secrets.token_hex(6)}"


def _lock_number(owner: str) -> int:
    digest = hashlib.sha256(f"ticket-sync {owner}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class Presence:
    """This process's sign of life, and its view of the others'."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._file: IO[str] | None = None
        self._session: Connection | None = None

    def enter(self) -> None:
        """Show that this process is alive. Raises StoreUnavailable where the store is away."""
        if self._store.dialect == "sqlite":
            self._lock_file()
        else:
            self._lock_session()

    def release_dead(self) -> int:
        """Give back the leases of processes that are gone; how many tickets that freed."""
        self.enter()
        # A verb that a person runs beside the daemon shows no sign of life: its lease just runs out.
        sweepers = [o for o in sweeps.lease_owners(self._store) if not o.startswith(BY_HAND)]
        holders = {*tickets.lease_owners(self._store), *sweepers} - {self._owner}
        dead = [owner for owner in sorted(holders) if self._is_dead(owner)]
        sweeps.release_leases_of(self._store, dead)
        return tickets.release_leases_of(self._store, dead)

    def leave(self) -> None:
        """Take the sign of life away."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._session is not None:
            self._session.invalidate()
            self._session.close()
            self._session = None

    def _is_dead(self, owner: str) -> bool:
        if self._store.dialect == "sqlite":
            # Who has the file's lock is alone with the store.
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
            # A read-only folder: leases then simply run out.
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
