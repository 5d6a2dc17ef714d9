"""The real clock, and the one that all daemons on a database share."""

from __future__ import annotations

import time

from sync.ports import Clock
from sync.store.database_clock import ask_time
from sync.store.engine import Store

# An answer that took longer says too little of what the time was.
_LONGEST_ASK = 1.0


class WallClock:
    """Time as the machine has it."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SharedClock:
    """The machine's clock, corrected by as much as it differs from the database's.

    Leases and intents are judged by other daemons too: with clocks that differ, one would take from
    another what it is still at. A store on this machine alone (SQLite) needs no correction.
    """

    def __init__(self, own: Clock) -> None:
        self._own = own
        self._store: Store | None = None
        self._ahead = 0.0

    def time(self) -> float:
        return self._own.time() + self._ahead

    def monotonic(self) -> float:
        return self._own.monotonic()

    def sleep(self, seconds: float) -> None:
        self._own.sleep(seconds)

    def follow(self, store: Store) -> None:
        """From now on, be in step with this store's clock. Raises StoreUnavailable."""
        self._store = store if store.dialect == "postgresql" else None
        self.align()

    def align(self) -> None:
        """See again how far the two are apart. Raises StoreUnavailable, and goes on as before then."""
        if self._store is None:
            return
        before = self._own.time()
        theirs = ask_time(self._store)
        took = self._own.time() - before
        if 0.0 <= took <= _LONGEST_ASK:
            self._ahead = theirs - (before + took / 2)
