"""Queries on the tokens of the API."""

from __future__ import annotations

from sqlalchemy import delete, or_, update
from sqlmodel import Session, col, select

from sync.store.admin_tables import ApiTokenRow
from sync.store.engine import change

# How exactly (seconds) it is known when a token was last used: a write for each call would cost more.
USED_SECONDS = 60.0


def add(session: Session, row: ApiTokenRow) -> bool:
    """Add a token. False where its name is taken."""
    if session.get(ApiTokenRow, row.name) is not None:
        return False
    session.add(row)
    return True


def all_(session: Session) -> list[ApiTokenRow]:
    """All tokens, by name, also those that have expired."""
    return list(session.exec(select(ApiTokenRow).order_by(col(ApiTokenRow.name))))


def find(session: Session, digest: str, now: float) -> ApiTokenRow | None:
    """The token with this digest, if it has not expired."""
    row = session.exec(select(ApiTokenRow).where(col(ApiTokenRow.hash) == digest)).first()
    return row if row is not None and (row.until is None or row.until > now) else None


def is_noted(row: ApiTokenRow, now: float) -> bool:
    """Whether it is on record that the token was used lately."""
    return row.used_at is not None and row.used_at > now - USED_SECONDS


def note_use(session: Session, digest: str, now: float) -> None:
    """Record that a token was used, unless another process has done so lately."""
    used = col(ApiTokenRow.used_at)
    old = or_(used.is_(None), used <= now - USED_SECONDS)
    one = update(ApiTokenRow).where(col(ApiTokenRow.hash) == digest, old)
    change(session, one.values(used_at=now))


def revoke(session: Session, name: str) -> bool:
    """Delete a token. False where there is none of this name."""
    return change(session, delete(ApiTokenRow).where(col(ApiTokenRow.name) == name)) > 0
