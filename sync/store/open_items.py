"""Open subjects and open tickets: one SQL expression for each meaning, and the queries that use them.

The callers differ in what they look at besides open tickets: `plan` at those that are due, an edit of
the rules at those that are parked, the sweep of Jira at neither.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Exists
from sqlmodel import col, select

from sync.domain.subject import Kind
from sync.store import memberships
from sync.store.engine import Session
from sync.store.tables import LinkRow, SubjectRow, TicketRow, TicketState

# A ticket in one of these states is not in Jira and is not to be made.
RESTING = (TicketState.SPARED, TicketState.GONE)


def open_subject() -> ColumnElement[bool]:
    """An open subject: one that has not ended. In Python: ``not snapshot.status.ended``."""
    return col(SubjectRow.ended_at).is_(None)


def open_ticket() -> ColumnElement[bool]:
    """An open ticket: at least one subject that belongs to the ticket is open."""
    return _subject(open_subject())


def speaker_open() -> ColumnElement[bool]:
    """A ticket for which an open subject speaks: one of its incidents or, where it has no incidents,
    one of its issues. In Python: ``not facts.ended``.

    An ended incident thus ends its ticket, although an issue on the ticket may still be open.
    """
    incident = col(SubjectRow.kind) == Kind.INCIDENT.value
    return _subject(open_subject(), incident) | (open_ticket() & ~_subject(incident))


def _subject(*conditions: ColumnElement[bool]) -> Exists:
    """For queries on tickets: a subject that belongs to the ticket meets all conditions."""
    return (
        select(LinkRow.subject)
        .join(SubjectRow, col(SubjectRow.ref) == col(LinkRow.subject))
        .where(col(LinkRow.ticket_id) == col(TicketRow.id), *conditions)
        .exists()
    )


def _not_resting() -> ColumnElement[bool]:
    return col(TicketRow.state).not_in([state.value for state in RESTING])


def open_or_due(session: Session, *, after: int, limit: int) -> list[TicketRow]:
    """Tickets that are open or due, and do not rest: in order, those with row ids above ``after``."""
    query = (
        select(TicketRow)
        .where(
            col(TicketRow.id) > after,
            _not_resting(),
            open_ticket() | col(TicketRow.due_at).is_not(None),
        )
        .order_by(col(TicketRow.id))
        .limit(limit)
    )
    return list(session.exec(query))


def open_or_parked(
    session: Session, changed: Iterable[str], kept: Iterable[str], incidents: Iterable[str]
) -> list[int]:
    """Row ids of tickets that are open or parked, do not rest, and that an edit of the rules can reach.

    Those are the tickets of ``changed`` rules, of rules whose names are not in ``kept`` any more, and
    the tickets of issues whose incident has a ticket of the rules in ``incidents``.
    """
    query = (
        select(TicketRow.id)
        .where(
            col(TicketRow.rule).in_(sorted(changed))
            | col(TicketRow.rule).not_in(sorted(kept))
            | col(TicketRow.id).in_(memberships.issues_of_rules(incidents)),
            _not_resting(),
            open_ticket() | col(TicketRow.parked_at).is_not(None),
        )
        .order_by(col(TicketRow.id))
    )
    return [id_ for id_ in session.exec(query) if id_ is not None]


def open_in_jira(session: Session, site: str, *, after: int, limit: int) -> list[tuple[int, str]]:
    """(Row id, Jira id) of the open tickets that a site has, without the parked ones: in order, those
    with row ids above ``after``."""
    query = (
        select(TicketRow.id, TicketRow.jira_id)
        .where(
            TicketRow.site == site,
            TicketRow.state == TicketState.LINKED,
            col(TicketRow.id) > after,
            col(TicketRow.parked_at).is_(None),
            open_ticket(),
        )
        .order_by(col(TicketRow.id))
        .limit(limit)
    )
    return [(id_, jira_id) for id_, jira_id in session.exec(query) if id_ and jira_id]


def open_without_ticket(session: Session, *, after: str, limit: int) -> list[SubjectRow]:
    """Open subjects that belong to no ticket: in order, those with references above ``after``."""
    linked = select(LinkRow.subject).where(col(LinkRow.subject) == SubjectRow.ref).exists()
    query = (
        select(SubjectRow)
        .where(col(SubjectRow.ref) > after, open_subject(), ~linked)
        .order_by(col(SubjectRow.ref))
        .limit(limit)
    )
    return list(session.exec(query))
