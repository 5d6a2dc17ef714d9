"""The transactions that a piece of work takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from sync.store.engine import Store


@contextmanager
def transactions(store: Store) -> Iterator[list[list[str]]]:
    """The transactions that the block begins, each as its statements."""
    found: list[list[str]] = []

    @event.listens_for(store.engine, "begin")
    def begin(_connection: object) -> None:
        found.append([])

    @event.listens_for(store.engine, "after_cursor_execute")
    def statement(*given: object) -> None:
        if found and not str(given[2]).startswith("BEGIN"):
            found[-1].append(str(given[2]))

    try:
        yield found
    finally:
        event.remove(store.engine, "begin", begin)
        event.remove(store.engine, "after_cursor_execute", statement)
