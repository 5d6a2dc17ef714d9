"""Small writes of several threads, committed together.

On SQLite each commit waits for the disk, and threads write one after the other. The thread whose turn
comes therefore also does what the others wait to do, in one transaction, as the inbox does with
deliveries.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

from sync.store.errors import StoreUnavailable

T = TypeVar("T")


class _Write:
    """One write that waits, and then what came of it."""

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.value: Any = None
        self.error: Exception | None = StoreUnavailable("a write of the store was broken off")
        self.over = threading.Event()

    def end(self, value: Any = None, error: Exception | None = None) -> None:
        self.value, self.error = value, error
        self.over.set()


class Together:
    """``transaction`` waits for its turn to write, and commits at its end. Raises StoreUnavailable."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._transaction = transaction
        self._lock = threading.Lock()
        self._waiting: list[_Write] = []

    @property
    def waiting(self) -> int:
        """How many writes wait for a turn."""
        return len(self._waiting)

    def write(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` returns, once it is committed, perhaps by another thread. Raises what it raises,
        and StoreUnavailable.

        ``work`` makes a few statements on rows that no other write touches. It may be called again,
        after a transaction that was undone because another's work failed.
        """
        mine = _Write(work)
        with self._lock:
            self._waiting.append(mine)
            first = len(self._waiting) == 1
        if first:
            # All that come until it is this thread's turn are written by it.
            self._write_all()
        else:
            mine.over.wait()
        if mine.error is not None:
            raise mine.error
        return cast("T", mine.value)

    def _taken(self) -> list[_Write]:
        with self._lock:
            writes, self._waiting = self._waiting, []
        return writes

    def _write_all(self) -> None:
        writes: list[_Write] = []
        try:
            with self._transaction() as connection:
                writes = self._taken()
                values = [one.work(connection) for one in writes]
            for one, value in zip(writes, values, strict=True):
                one.end(value)
        except Exception as error:
            writes = writes or self._taken()
            if isinstance(error, StoreUnavailable) or len(writes) == 1:
                for one in writes:
                    one.end(error=error)
            else:
                # One of them is refused for its values.
                self._each_by_itself(writes)
        finally:
            # Whatever ended this thread's work, nobody waits for it any more.
            for one in writes or self._taken():
                one.over.set()

    def _each_by_itself(self, writes: list[_Write]) -> None:
        for one in writes:
            try:
                with self._transaction() as connection:
                    value = one.work(connection)
                one.end(value)
            except Exception as error:
                one.end(error=error)
