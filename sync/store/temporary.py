"""A temporary store, on which rules are tried: filled with copies of rows, removed afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlmodel import SQLModel, col, select

from sync.store.engine import Session, Store, open_store
from sync.store.tables import LinkRow, SubjectRow, TicketRow

Row = TypeVar("Row", bound=SQLModel)


@contextmanager
def temporary_store() -> Iterator[Store]:
    """An empty SQLite store, removed at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="ticket-sync-") as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'temporary.db'}")
        try:
            # Tables without migrations: the store is never upgraded.
            SQLModel.metadata.create_all(store.engine)
            yield store
        finally:
            store.close()


def copy_tickets(source: Session, target: Session, rules: Iterable[str]) -> None:
    """Copy the tickets of these rules (by name), with their subjects and links."""
    ids = select(TicketRow.id).where(col(TicketRow.rule).in_(sorted(rules)))
    refs = select(LinkRow.subject).where(col(LinkRow.ticket_id).in_(ids))
    add_copies(target, source.exec(select(TicketRow).where(col(TicketRow.id).in_(ids))))
    add_copies(target, source.exec(select(SubjectRow).where(col(SubjectRow.ref).in_(refs))))
    # Last, because the database checks the references of links to tickets and subjects.
    add_copies(target, source.exec(select(LinkRow).where(col(LinkRow.ticket_id).in_(ids))))


def add_copies(target: Session, rows: Iterable[Row]) -> None:
    """Add copies of rows that belong to another session."""
    target.add_all(type(row)(**row.model_dump()) for row in rows)
    target.flush()
