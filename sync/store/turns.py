"""Whose turn it is to write to SQLite, among the threads of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A lock that one of its users may have next, whoever else waits for it.

    Threads that walk tickets take a plain lock again and again, and a thread that waits for it beside
    them gets it by chance. A sender waits for the inbox, so the inbox comes next.

    All threads but the one that comes ``first`` wait for ``others``. So at most one of them and the
    first wait for ``next``, and whoever has ``next`` is alone in waiting for ``now``. After a turn
    that it had, the first waits for another thread that was there before. While nobody has ``next``,
    nobody waits, and ``now`` alone may be taken where it is free.
    """

    def __init__(self) -> None:
        self.others = threading.Lock()
        self.next = threading.Lock()
        self.now = threading.Lock()

    @contextmanager
    def take(self, timeout: float, *, first: bool = False) -> Iterator[bool]:
        """The lock, for the block; yields False where it was not free within ``timeout`` seconds."""
        end = time.monotonic() + timeout
        taken: list[threading.Lock] = []
        try:
            for lock in (self.next, self.now) if first else (self.others, self.next, self.now):
                if not lock.acquire(timeout=max(0.0, end - time.monotonic())):
                    break
                taken.append(lock)
            else:
                self.next.release()
                taken.remove(self.next)
            yield self.now in taken
        finally:
            for lock in reversed(taken):
                lock.release()
