"""Subjects that are not known yet, each with the ticket that is to be its own once it is heard of.

All of this changes under triage's lock alone, whose row counts what waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, delete, func, update
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from sync.store import deliveries
from sync.store.engine import dialect_of, insert_into
from sync.store.tables import ExpectedRow, TriageRow, table_of
from sync.store.tickets import BATCH

_ROW, _TRIAGE = table_of(ExpectedRow), table_of(TriageRow)
_WAITING = columns(func.count()).where(_ROW.c.words == "").scalar_subquery()
_COUNT = update(_TRIAGE).values(expected=_WAITING)


def add(session: Session, row: ExpectedRow) -> None:
    """Record a subject ahead, over what was recorded for it. The caller holds triage's lock."""
    values = row.model_dump()
    statement = insert_into(dialect_of(session), _ROW).values(values)
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["subject_id", "source"], set_=values)
    )
    session.connection().execute(_COUNT)


def of_ids(session: Session, source: str, ids: Iterable[str]) -> dict[str, ExpectedRow]:
    """What was recorded ahead for subjects of these ids."""
    wanted = sorted(set(ids))
    found: dict[str, ExpectedRow] = {}
    for start in range(0, len(wanted), BATCH):
        query = select(ExpectedRow).where(
            col(ExpectedRow.subject_id).in_(wanted[start : start + BATCH]),
            ExpectedRow.source == source,
        )
        found |= {row.subject_id: row for row in session.exec(query)}
    return found


def all_of(session: Session) -> list[ExpectedRow]:
    """All that was recorded ahead, oldest first."""
    query = select(ExpectedRow).order_by(col(ExpectedRow.at), col(ExpectedRow.subject_id))
    return list(session.exec(query))


def of_name(session: Session, name: str) -> list[ExpectedRow]:
    """What was recorded ahead for a subject (by its id, or a reference that ends with it) or for a
    ticket (by its key)."""
    id_ = name.rpartition(":")[2]
    query = select(ExpectedRow).where(
        col(ExpectedRow.subject_id).in_({id_, id_.lower()})
        | (func.upper(ExpectedRow.jira_key) == name.upper())
    )
    return list(session.exec(query.order_by(col(ExpectedRow.at), col(ExpectedRow.subject_id))))


def remove(session: Session, rows: Iterable[ExpectedRow]) -> None:
    """Take back what was recorded ahead, under triage's lock, which is taken."""
    deliveries.lock_triage(session)
    settle(session.connection(), [(row.subject_id, row.source) for row in rows], {})


def settle(
    connection: Connection, met: Iterable[tuple[str, str]], unmet: Mapping[tuple[str, str], str]
) -> None:
    """Record what became of expected subjects (id and source of each): those that have their tickets
    now, and why others do not. The caller holds triage's lock."""
    gone = [{"b_id": id_, "b_source": source} for id_, source in met]
    if gone:
        connection.execute(_GONE, gone)
    why = [{"b_id": id_, "b_source": s, "b_words": words} for (id_, s), words in unmet.items()]
    if why:
        connection.execute(_WHY, why)
    if gone or why:
        connection.execute(_COUNT)


def prune(session: Session, *, older_than: float, batch: int) -> int:
    """Remove what was recorded ahead before a time (seconds since the epoch); how many."""
    query = select(ExpectedRow).where(ExpectedRow.at < older_than).limit(batch)
    rows = list(session.exec(query))
    if rows:
        remove(session, rows)
    return len(rows)


_THIS = (_ROW.c.subject_id == bindparam("b_id"), _ROW.c.source == bindparam("b_source"))
_GONE = delete(_ROW).where(*_THIS)
_WHY = update(_ROW).where(*_THIS).values(words=bindparam("b_words"))
