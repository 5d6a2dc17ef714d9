"""Queries on the log of acts: who did what, in pages, API and command line."""

from __future__ import annotations

from sqlalchemy import delete
from sqlmodel import Session, col, select

from sync.store.admin_tables import LogRow
from sync.store.engine import change

LONGEST_WORDS = 4000
_LONGEST_ACCOUNT = 200
_LONGEST_ACT = 64
_LONGEST_ABOUT = 300


def add(
    session: Session, account: str, act: tuple[str, str], words: str, at: float, *, refused: bool
) -> int:
    """Record an act, given as the verb and what it was done to; the id of its row."""
    row = LogRow(
        at=at,
        account=account[:_LONGEST_ACCOUNT],
        act=act[0][:_LONGEST_ACT],
        about=act[1][:_LONGEST_ABOUT],
        words=words[:LONGEST_WORDS],
        refused=refused,
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    return row.id


def get(session: Session, id_: int) -> LogRow | None:
    """One act by its id."""
    return session.get(LogRow, id_)


def last(session: Session, act: tuple[str, str]) -> LogRow | None:
    """The newest act with this verb and about this, whether or not it was refused."""
    query = select(LogRow).where(
        col(LogRow.about) == act[1][:_LONGEST_ABOUT], col(LogRow.act) == act[0][:_LONGEST_ACT]
    )
    return session.exec(query.order_by(col(LogRow.id).desc()).limit(1)).first()


def page(
    session: Session, *, account: str = "", act: str = "", after: int = 0, limit: int = 50
) -> list[LogRow]:
    """Acts, newest first: of one account and with one verb, if given, older than the act ``after``."""
    query = select(LogRow).order_by(col(LogRow.id).desc()).limit(limit)
    if account:
        query = query.where(col(LogRow.account) == account)
    if act:
        query = query.where(col(LogRow.act) == act)
    if after:
        query = query.where(col(LogRow.id) < after)
    return list(session.exec(query))


def about(session: Session, about: str, *, limit: int = 50) -> list[LogRow]:
    """What was done to one thing, newest first."""
    query = select(LogRow).where(col(LogRow.about) == about[:_LONGEST_ABOUT])
    return list(session.exec(query.order_by(col(LogRow.id).desc()).limit(limit)))


def prune(session: Session, *, older_than: float, batch: int) -> int:
    """Delete up to ``batch`` acts from before ``older_than``; how many were deleted."""
    old = select(LogRow.id).where(col(LogRow.at) < older_than).order_by(col(LogRow.at)).limit(batch)
    return change(session, delete(LogRow).where(col(LogRow.id).in_(old)))
