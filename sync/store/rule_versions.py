"""Queries on the versions of the rules: every set that was in force, with its texts."""

from __future__ import annotations

from sqlmodel import Session, col, select

from sync.store.admin_tables import RuleVersionRow
from sync.store.rulebook import Edition

# How an edit came that was taken back before it was in force.
NEVER = "an edit that was taken back, and was never in force"


def add(
    session: Session, edition: Edition, account: str = "", *, changed: int = 0, made: int = 0
) -> int:
    """Record that a set came into force; the id of the version. ``account`` "" stands for an edit on
    disk; ``changed`` and ``made`` are numbers of tickets."""
    row = RuleVersionRow(
        digest=edition.digest,
        at=edition.at,
        account=account[:200],
        how=edition.how + (f", an undo of version {edition.undoes}" if edition.undoes else ""),
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


def before_in_force(session: Session, digest: str) -> RuleVersionRow | None:
    """The version that was in force before the rules with this digest, which are in force now."""
    newest = col(RuleVersionRow.id).desc()
    now = select(RuleVersionRow.id).where(RuleVersionRow.digest == digest).order_by(newest)
    id_ = session.exec(now.limit(1)).first()
    if id_ is None:
        return None
    query = select(RuleVersionRow).where(
        col(RuleVersionRow.id) < id_,
        # Edits of remarks alone, and what was never in force, are no other rules.
        RuleVersionRow.digest != digest,
        RuleVersionRow.how != NEVER,
    )
    return session.exec(query.order_by(newest).limit(1)).first()


def edit_in_force(session: Session, digest: str) -> RuleVersionRow | None:
    """The version with which the rules with this digest came into force, which are in force now. A later
    version has the same rules where only remarks were edited."""
    before = before_in_force(session, digest)
    query = select(RuleVersionRow).where(
        RuleVersionRow.digest == digest, col(RuleVersionRow.id) > (before.id if before else 0)
    )
    return session.exec(query.order_by(col(RuleVersionRow.id)).limit(1)).first()


def page(session: Session, *, after: int = 0, limit: int = 50) -> list[RuleVersionRow]:
    """Versions, newest first, older than the version ``after``."""
    query = select(RuleVersionRow).order_by(col(RuleVersionRow.id).desc()).limit(limit)
    if after:
        query = query.where(col(RuleVersionRow.id) < after)
    return list(session.exec(query))
