"""The clock that all daemons on a database share."""

from __future__ import annotations

from sync.ports import Clock
from sync.store.database_clock import ask_time
from sync.store.engine import Store

# Seconds. The answer to a slower query is too uncertain to set a clock by.
_LONGEST_ASK = 1.0


class SharedClock:
    """The machine's clock, corrected by its difference from the database's.

    Daemons on several machines compare the times of leases and intents. With different clocks, one would
    take tickets from another that is still at work. A SQLite store needs no correction, because only
    this machine uses it.
    """

    def __init__(self, own: Clock) -> None:
        self._own = own
        self.time, self.monotonic, self.sleep = own.time, own.monotonic, own.sleep
        self._store: Store | None = None
        self._ahead = 0.0

    def follow(self, store: Store) -> None:
        """Follow this store's clock from now on. Raises StoreUnavailable."""
        if store.dialect == "postgresql":
            self._store = store
            self.time = lambda: self._own.time() + self._ahead
            self.align()

    def align(self) -> None:
        """Measure the difference again. Raises StoreUnavailable, and then keeps the old difference."""
        if self._store is None:
            return
        before = self._own.time()
        theirs = ask_time(self._store)
        took = self._own.time() - before
        if 0.0 <= took <= _LONGEST_ASK:
            self._ahead = theirs - (before + took / 2)
