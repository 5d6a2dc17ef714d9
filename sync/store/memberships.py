"""Queries on who belongs to an incident. References are those of subjects (``str(SubjectRef)``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Select, delete
from sqlalchemy import select as columns
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from sync.store.tables import LinkRow, MembershipRow, SubjectRow, TicketRow, TicketState


def issues_of(session: Session, incident: str) -> set[str]:
    """The issues of an incident, whether or not we know them."""
    query = select(MembershipRow.issue).where(MembershipRow.incident == incident)
    return set(session.exec(query))


def incidents_of(session: Session, issues: Iterable[str]) -> Mapping[str, list[str]]:
    """For each issue that belongs to incidents: which, in order."""
    wanted = sorted(set(issues))
    found: dict[str, list[str]] = {}
    if not wanted:
        return found
    query = (
        select(MembershipRow.issue, MembershipRow.incident)
        .where(col(MembershipRow.issue).in_(wanted))
        .order_by(col(MembershipRow.issue), col(MembershipRow.incident))
    )
    for issue, incident in session.exec(query):
        found.setdefault(issue, []).append(incident)
    return found


def any_on(session: Session, ticket_id: int) -> bool:
    """Whether a subject on the ticket is an issue of an incident, or an incident with issues."""
    here = select(LinkRow.subject).where(LinkRow.ticket_id == ticket_id)
    query = (
        select(MembershipRow.issue)
        .where(col(MembershipRow.issue).in_(here) | col(MembershipRow.incident).in_(here))
        .limit(1)
    )
    return session.exec(query).first() is not None


def put(session: Session, incident: str, issues: set[str]) -> tuple[set[str], set[str]]:
    """Say who belongs to an incident; who joined and who left by that."""
    known = issues_of(session, incident)
    joined, left = issues - known, known - issues
    if left:
        session.execute(
            delete(MembershipRow).where(
                col(MembershipRow.incident) == incident, col(MembershipRow.issue).in_(sorted(left))
            )
        )
    session.add_all(MembershipRow(incident=incident, issue=issue) for issue in sorted(joined))
    return joined, left


def tickets_of_issues(session: Session, incidents: Iterable[str]) -> list[TicketRow]:
    """The tickets of the issues of some incidents, in order of their making. For reading: who changes
    one locks it first."""
    wanted = sorted(set(incidents))
    if not wanted:
        return []
    query = (
        select(TicketRow)
        .join(LinkRow, col(LinkRow.ticket_id) == col(TicketRow.id))
        .join(MembershipRow, col(MembershipRow.issue) == col(LinkRow.subject))
        .where(col(MembershipRow.incident).in_(wanted))
        .order_by(col(TicketRow.id))
    )
    return list({row.id: row for row in session.exec(query)}.values())


def ticket_ids_of_issues(session: Session, incidents: Iterable[str]) -> set[int]:
    """The row ids of the tickets of the issues of some incidents."""
    query = (
        select(LinkRow.ticket_id)
        .join(MembershipRow, col(MembershipRow.issue) == col(LinkRow.subject))
        .where(col(MembershipRow.incident).in_(sorted(set(incidents))))
    )
    return set(session.exec(query))


def ticket_ids_of_incidents(session: Session, issues: Iterable[str]) -> set[int]:
    """The row ids of the tickets of the incidents that some issues belong to."""
    query = (
        select(LinkRow.ticket_id)
        .join(MembershipRow, col(MembershipRow.incident) == col(LinkRow.subject))
        .where(col(MembershipRow.issue).in_(sorted(set(issues))))
    )
    return set(session.exec(query))


def issues_of_rules(rules: Iterable[str]) -> Select[int]:
    """For queries: the row ids of the tickets of issues whose incident has a ticket of these rules."""
    own, host = aliased(LinkRow), aliased(LinkRow)
    return (
        columns(col(own.ticket_id))
        .join(MembershipRow, col(MembershipRow.issue) == col(own.subject))
        .join(host, col(MembershipRow.incident) == col(host.subject))
        .join(TicketRow, col(TicketRow.id) == col(host.ticket_id))
        .where(col(TicketRow.rule).in_(sorted(rules)))
        # It stands within a question about tickets, and is one of its own.
        .correlate(None)
    )


@dataclass(frozen=True, slots=True)
class IncidentOf:
    """An incident that an issue belongs to: its status, and the ticket it has. ``jira_key`` is "" while
    that is not in Jira."""

    status: str
    rule: str
    site: str
    jira_key: str


def incidents_with_tickets(
    session: Session, issues: Iterable[str]
) -> Mapping[str, list[IncidentOf]]:
    """For each issue that belongs to incidents with tickets: those, in order."""
    wanted = sorted(set(issues))
    found: dict[str, list[IncidentOf]] = {}
    if not wanted:
        return found
    query = (
        columns(
            col(MembershipRow.issue),
            col(SubjectRow.status),
            col(TicketRow.rule),
            col(TicketRow.site),
            col(TicketRow.jira_key),
            col(TicketRow.state),
        )
        .join(SubjectRow, col(SubjectRow.ref) == col(MembershipRow.incident))
        .join(LinkRow, col(LinkRow.subject) == col(MembershipRow.incident))
        .join(TicketRow, col(TicketRow.id) == col(LinkRow.ticket_id))
        .where(col(MembershipRow.issue).in_(wanted))
        .order_by(col(MembershipRow.issue), col(MembershipRow.incident))
    )
    for issue, status, rule, site, jira_key, state in session.execute(query):
        # The key of a deleted ticket is kept for people to read; nothing can be put under it.
        key = "" if state == TicketState.GONE else jira_key
        found.setdefault(issue, []).append(IncidentOf(status, rule, site, key))
    return found
