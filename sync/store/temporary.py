"""A temporary store, on which rules are tried: filled with copies of rows, removed afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import event
from sqlmodel import SQLModel, col, select

from sync.store import tickets
from sync.store.engine import Session, Store, open_store
from sync.store.sqlite_file import not_waiting_for_the_disk
from sync.store.tables import LinkRow, SubjectRow, TicketRow

Row = TypeVar("Row", bound=SQLModel)


@contextmanager
def temporary_store() -> Iterator[Store]:
    """An empty SQLite store, removed at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="ticket-sync-") as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'temporary.db'}")
        # Nobody needs this store after a crash.
        event.listen(store.engine, "checkout", not_waiting_for_the_disk)
        try:
            # Tables without migrations: the store is never upgraded.
            SQLModel.metadata.create_all(store.engine)
            yield store
        finally:
            store.close()


def copy_tickets(source: Session, target: Session, keys: Iterable[str]) -> None:
    """Copy the tickets of these keys, and of the keys that follow each (``key#2``, ``key#3``, …) as long
    as there are tickets; with their subjects and links. Tickets that any of them were merged into are
    copied in the same way."""
    first = {key: (key, 1) for key in keys}
    known: set[str] = set()
    while first:
        following: dict[str, tuple[str, int]] = {}
        wanted = sorted(first)
        known |= first.keys()
        for start in range(0, len(wanted), tickets.BATCH):
            some = col(TicketRow.key).in_(wanted[start : start + tickets.BATCH])
            rows = source.exec(select(TicketRow).where(some)).all()
            _copy(source, target, rows)
            for row in rows:
                key, number = first[row.key]
                following[f"{key}#{number + 1}"] = key, number + 1
            following |= {key: (key, 1) for key in _merged_into(source, rows)}
        first = {key: place for key, place in following.items() if key not in known}


def _merged_into(source: Session, rows: Sequence[TicketRow]) -> list[str]:
    """The keys of the tickets that some of these were merged into."""
    ids = sorted({row.merged["into"] for row in rows if row.merged})
    if not ids:
        return []
    return list(source.exec(select(TicketRow.key).where(col(TicketRow.id).in_(ids))))


def copy_recent_tickets(source: Session, target: Session, rule: str, since: float) -> None:
    """Copy the tickets of a rule that were recorded after ``since`` and are not copied yet, alone."""
    rows = source.exec(
        select(TicketRow).where(TicketRow.rule == rule, col(TicketRow.created_at) > since)
    )
    add_copies(target, (row for row in rows if target.get(TicketRow, row.id) is None))


def _copy(source: Session, target: Session, rows: Sequence[TicketRow]) -> None:
    ids = [row.id for row in rows if row.id is not None]
    links = source.exec(select(LinkRow).where(col(LinkRow.ticket_id).in_(ids))).all()
    refs = sorted(link.subject for link in links)
    add_copies(target, rows)
    for start in range(0, len(refs), tickets.BATCH):
        some = col(SubjectRow.ref).in_(refs[start : start + tickets.BATCH])
        add_copies(target, source.exec(select(SubjectRow).where(some)))
    # Last, because the database checks the references of links to tickets and subjects.
    add_copies(target, links)


def add_copies(target: Session, rows: Iterable[Row]) -> None:
    """Add copies of rows that belong to another session."""
    target.add_all(type(row)(**row.model_dump()) for row in rows)
    target.flush()
