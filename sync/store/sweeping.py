"""Queries of the sweeps on tickets: by Jira id, with open subjects, by marker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlmodel import Session, col, select

from sync.domain.subject import Status
from sync.store.tables import LinkRow, SubjectRow, TicketRow, TicketState

_OVER = [status.value for status in Status if status.ended]


def linked(
    session: Session, site: str, jira_ids: Iterable[str], *, lock: bool = False
) -> dict[str, TicketRow]:
    """Tickets of a site by their Jira id."""
    wanted = sorted(set(jira_ids))
    if not wanted:
        return {}
    query = (
        select(TicketRow)
        .where(TicketRow.site == site, col(TicketRow.jira_id).in_(wanted))
        .order_by(col(TicketRow.id))
    )
    if lock:
        query = query.with_for_update()
    return {row.jira_id: row for row in session.exec(query) if row.jira_id}


def open_tickets(session: Session, site: str, *, after: int, limit: int) -> list[tuple[int, str]]:
    """(Row id, Jira id) of made tickets, not parked, some subject of which is not over; in order."""
    is_open = (
        select(LinkRow.subject)
        .join(SubjectRow, col(SubjectRow.ref) == col(LinkRow.subject))
        .where(LinkRow.ticket_id == TicketRow.id, col(SubjectRow.status).not_in(_OVER))
        .exists()
    )
    query = (
        select(TicketRow.id, TicketRow.jira_id)
        .where(
            TicketRow.site == site,
            TicketRow.state == TicketState.LINKED,
            col(TicketRow.id) > after,
            col(TicketRow.parked_at).is_(None),
            is_open,
        )
        .order_by(col(TicketRow.id))
        .limit(limit)
    )
    return [(id_, jira_id) for id_, jira_id in session.exec(query) if id_ and jira_id]


def keys_of_site(session: Session, site: str) -> Iterator[tuple[int, str, str]]:
    """(Row id, our key, Jira key) of all made tickets of a site, without loading all at once."""
    query = (
        select(TicketRow.id, TicketRow.key, TicketRow.jira_key)
        .where(TicketRow.site == site, col(TicketRow.jira_id).is_not(None))
        .execution_options(yield_per=2000)
    )
    for id_, key, jira_key in session.exec(query):
        if id_ is not None:
            yield id_, key, jira_key
