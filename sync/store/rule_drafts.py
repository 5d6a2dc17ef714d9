"""Queries on drafts: edits of the rules that are not saved yet, each of one account."""

from __future__ import annotations

from sqlalchemy import delete, func
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from sync.store.admin_tables import RuleDraftRow
from sync.store.engine import change

_LARGEST_ID = 2**63 - 1


def add(session: Session, row: RuleDraftRow) -> int:
    """Record a new draft; its id."""
    session.add(row)
    session.flush()
    assert row.id is not None
    return row.id


def get(session: Session, id_: int, account: str, *, lock: bool = False) -> RuleDraftRow | None:
    """A draft of this account, locked against other writers if asked."""
    if not 0 < id_ <= _LARGEST_ID:
        # The databases refuse to look for a number that no id can be.
        return None
    row = session.get(RuleDraftRow, id_, with_for_update=lock or None)
    return row if row is not None and row.account == account else None


def of_account(session: Session, account: str, *, limit: int = 50) -> list[RuleDraftRow]:
    """The drafts of one account, the last changed first."""
    query = select(RuleDraftRow).where(col(RuleDraftRow.account) == account)
    newest = query.order_by(col(RuleDraftRow.changed_at).desc(), col(RuleDraftRow.id).desc())
    return list(session.exec(newest.limit(limit)))


def recent(session: Session, since: float, *, limit: int = 50) -> list[RuleDraftRow]:
    """Everybody's drafts that were changed since then, the last begun first. From which texts each began
    is left out: the rows are not to be asked for that."""
    query = select(RuleDraftRow).where(col(RuleDraftRow.changed_at) >= since)
    began = defer(RuleDraftRow.began_texts), defer(RuleDraftRow.began)  # type: ignore[arg-type]
    newest = query.order_by(col(RuleDraftRow.id).desc()).limit(limit)
    return list(session.exec(newest.options(*began)))


def count(session: Session, account: str) -> int:
    """How many drafts an account has."""
    own = select(func.count()).where(col(RuleDraftRow.account) == account)
    return session.exec(own).one()


def drop(session: Session, id_: int, account: str) -> bool:
    """Delete a draft of this account; whether it was there."""
    if not 0 < id_ <= _LARGEST_ID:
        return False
    own = delete(RuleDraftRow).where(
        col(RuleDraftRow.id) == id_, col(RuleDraftRow.account) == account
    )
    return change(session, own) > 0


def prune(session: Session, *, older_than: float, batch: int) -> int:
    """Delete up to ``batch`` drafts that were not changed since ``older_than``; how many."""
    old = select(RuleDraftRow.id).where(col(RuleDraftRow.changed_at) < older_than).limit(batch)
    return change(session, delete(RuleDraftRow).where(col(RuleDraftRow.id).in_(old)))
