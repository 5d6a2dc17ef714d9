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
    """``turn`` is held by one thread at a time, ``transaction`` commits at its end. Both raise
    StoreUnavailable."""

    def __init__(
        self,
        turn: Callable[[], AbstractContextManager[None]],
        transaction: Callable[[], AbstractContextManager[Connection]],
    ) -> None:
        self._turn = turn
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
        try:
            with self._turn():
                if not mine.over.is_set():
                    self._write_all()
        except StoreUnavailable:
            with self._lock:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                    raise
            # There was no turn in time, and by now another thread does it.
            mine.over.wait()
        if mine.error is not None:
            raise mine.error
        return cast("T", mine.value)

    def _write_all(self) -> None:
        with self._lock:
            writes, self._waiting = self._waiting, []
        try:
            self._commit(writes)
        finally:
            # Whatever ended this thread's work, nobody waits for it any more.
            for one in writes:
                one.over.set()

    def _commit(self, writes: list[_Write]) -> None:
        try:
            with self._transaction() as connection:
                values = [one.work(connection) for one in writes]
        except StoreUnavailable as error:
            for one in writes:
                one.end(error=error)
        except Exception as error:
            if len(writes) == 1:
                writes[0].end(error=error)
                return
            # One of them is refused for its values: each by itself.
            for one in writes:
                self._commit([one])
        else:
            for one, value in zip(writes, values, strict=True):
                one.end(value)
