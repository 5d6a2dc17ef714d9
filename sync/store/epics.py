"""Epics that rules name: which ticket each one is, and whether a call to make it is open.

Every change is one guarded statement, so that of several daemons only one makes an epic.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, delete, func, update
from sqlmodel import col, select

from sync.store import open_items
from sync.store.engine import Session, Store, change, insert_into
from sync.store.tables import EpicRow, TicketRow

# Site, project, and the digest of name and issue type.
EpicKey = tuple[str, str, str]

# That an epic is used is written down once in so many seconds.
USE_SECONDS = 86400.0


def get(store: Store, key: EpicKey) -> EpicRow | None:
    """What is known of an epic, None where nothing is."""
    with store.read() as session:
        return session.exec(select(EpicRow).where(*_this(key))).first()


def named(session: Session, jira_key: str, site: str = "") -> EpicRow | None:
    """The epic that a ticket is, by its Jira key, on any site if none is given; None for any other
    ticket."""
    these = select(EpicRow).where(EpicRow.jira_key == jira_key.upper())
    if site:
        these = these.where(EpicRow.site == site)
    return session.exec(these).first()


def begin(store: Store, key: EpicKey, name: str, now: float) -> bool:
    """Put on record that the epic is about to be made. False where it has been made, or somebody is at
    it."""
    site, project, digest = key
    fresh = insert_into(store.dialect, EpicRow).values(
        site=site, project=project, digest=digest, name=name, at=now
    )
    free = update(EpicRow).where(
        *_this(key), col(EpicRow.jira_id).is_(None), col(EpicRow.begun).is_(None)
    )
    with store.write() as session:
        session.execute(fresh.on_conflict_do_nothing())
        return change(session, free.values(begun=now, said="", name=name, at=now)) > 0


def made(store: Store, key: EpicKey, name: str, jira_id: str, jira_key: str, now: float) -> bool:
    """Record which ticket the epic is. False where another one is on record."""
    site, project, digest = key
    fresh = insert_into(store.dialect, EpicRow).values(
        site=site, project=project, digest=digest, name=name, at=now
    )
    free = update(EpicRow).where(
        *_this(key), col(EpicRow.jira_id).is_(None) | (col(EpicRow.jira_id) == jira_id)
    )
    with store.write() as session:
        session.execute(fresh.on_conflict_do_nothing())
        values = {
            "at": now,
            "jira_id": jira_id,
            "jira_key": jira_key,
            "begun": None,
            "failures": 0,
            "said": "",
        }
        return change(session, free.values(**values)) > 0


def said(store: Store, key: EpicKey, begun: float, words: str) -> None:
    """Record what Jira said when it failed on the call that began then. The call stays open."""
    with store.write() as session:
        change(session, _open(key, begun).values(said=words))


def not_made(store: Store, key: EpicKey, begun: float, *, failures: int = 0) -> None:
    """Record that the call that began then surely made nothing; how often Jira has failed in a row."""
    with store.write() as session:
        change(session, _open(key, begun).values(begun=None, failures=failures))


def gone(store: Store, key: EpicKey, jira_id: str) -> None:
    """The ticket was deleted in Jira: the next ticket for this epic finds or makes another."""
    this = update(EpicRow).where(*_this(key), col(EpicRow.jira_id) == jira_id)
    with store.write() as session:
        change(session, this.values(jira_id=None, jira_key="", begun=None))


def used(store: Store, key: EpicKey, now: float) -> None:
    """Record that a ticket has asked for the epic."""
    with store.write() as session:
        change(session, update(EpicRow).where(*_this(key), col(EpicRow.at) < now).values(at=now))


def prune(session: Session, *, older_than: float, batch: int) -> int:
    """Remove epics that no ticket has asked for since a time (seconds since the epoch) and that no open
    ticket of the project may be under; how many. An open call is never forgotten.

    Whoever asks for one of them again finds it in Jira, by its label or its name.
    """
    unused = (col(EpicRow.at) < older_than, col(EpicRow.begun).is_(None))
    if session.exec(select(EpicRow.site).where(*unused).limit(1)).first() is None:
        return 0
    # A ticket asks no more once it has its epic, so every open one counts that was there at the time.
    oldest = (
        select(
            TicketRow.site, TicketRow.project, func.min(col(TicketRow.created_at)).label("since")
        )
        .where(col(TicketRow.id).in_(open_items.with_open_subject()))
        .group_by(col(TicketRow.site), col(TicketRow.project))
        .subquery()
    )
    there = and_(oldest.c.site == col(EpicRow.site), oldest.c.project == col(EpicRow.project))
    none_needs = oldest.c.since.is_(None) | (oldest.c.since > col(EpicRow.at) + 2 * USE_SECONDS)
    query = select(EpicRow.site, EpicRow.project, EpicRow.digest).outerjoin(oldest, there)
    keys = session.exec(query.where(*unused, none_needs).limit(batch)).all()
    return sum(change(session, delete(EpicRow).where(*_this(key), *unused)) for key in keys)


def _this(key: EpicKey) -> tuple[ColumnElement[bool], ...]:
    site, project, digest = key
    return (
        col(EpicRow.site) == site,
        col(EpicRow.project) == project,
        col(EpicRow.digest) == digest,
    )


def _open(key: EpicKey, begun: float):  # type: ignore[no-untyped-def]
    return update(EpicRow).where(*_this(key), col(EpicRow.begun) == begun)
