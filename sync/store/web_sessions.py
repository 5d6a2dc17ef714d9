"""Queries on who is signed in to the pages."""

from __future__ import annotations

from sqlalchemy import delete
from sqlmodel import Session, col, select

from sync.store.admin_tables import WebSessionRow
from sync.store.engine import change

# How many sessions that are over go when one begins.
_AT_ONCE = 100


def begin(session: Session, row: WebSessionRow, *, instead_of: str = "") -> None:
    """Record that somebody signed in. The session with the digest ``instead_of`` ends, and some of those
    whose time is over are deleted."""
    over = select(WebSessionRow.hash).where(col(WebSessionRow.until) < row.created_at)
    change(session, delete(WebSessionRow).where(col(WebSessionRow.hash).in_(over.limit(_AT_ONCE))))
    if instead_of:
        end(session, instead_of)
    session.add(row)


def find(session: Session, digest: str, now: float) -> WebSessionRow | None:
    """The session with this digest, if its time is not over."""
    row = session.get(WebSessionRow, digest)
    return row if row is not None and row.until > now else None


def end(session: Session, digest: str) -> None:
    """End a session, if it is there."""
    change(session, delete(WebSessionRow).where(col(WebSessionRow.hash) == digest))
