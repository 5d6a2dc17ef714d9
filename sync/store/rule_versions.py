"""Queries on the versions of the rules: every set that was in force, with its texts."""

from __future__ import annotations

from sqlmodel import Session, col, select

from sync.store.admin_tables import RuleVersionRow
from sync.store.rulebook import Edition


def add(
    session: Session, edition: Edition, account: str = "", *, changed: int = 0, made: int = 0
) -> int:
    """Record that a set came into force; the id of the version. ``account`` "" stands for an edit on
    disk; ``changed`` and ``made`` are numbers of tickets."""
    row = RuleVersionRow(
        digest=edition.digest,
        at=edition.at,
        account=account[:200],
        how=edition.how,
        changed=changed,
        made=made,
        texts=dict(edition.texts),
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    return row.id


def last(session: Session) -> RuleVersionRow | None:
    """The newest version."""
    query = select(RuleVersionRow).order_by(col(RuleVersionRow.id).desc())
    return session.exec(query.limit(1)).first()


def get(session: Session, id_: int) -> RuleVersionRow | None:
    """One version by its id."""
    return session.get(RuleVersionRow, id_)


def before(session: Session, id_: int) -> RuleVersionRow | None:
    """The version before another."""
    query = select(RuleVersionRow).where(col(RuleVersionRow.id) < id_)
    return session.exec(query.order_by(col(RuleVersionRow.id).desc()).limit(1)).first()


def page(session: Session, *, after: int = 0, limit: int = 50) -> list[RuleVersionRow]:
    """Versions, newest first, older than the version ``after``."""
    query = select(RuleVersionRow).order_by(col(RuleVersionRow.id).desc()).limit(limit)
    if after:
        query = query.where(col(RuleVersionRow.id) < after)
    return list(session.exec(query))
