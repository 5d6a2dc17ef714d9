"""Queries on which issues belong to which incidents. Issues and incidents are given as subject
references (``str(SubjectRef)``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from sync.store.tables import LinkRow, MembershipRow, SubjectRow, TicketRow, TicketState


def linked_of_issues(
    session: Session, incidents: Iterable[str]
) -> Mapping[str, list[tuple[int, str, str]]]:
    """For each of these incidents: the tickets of its issues that are in Jira, each as (row id, site,
    Jira key), oldest first."""
    wanted = sorted(set(incidents))
    found: dict[str, list[tuple[int, str, str]]] = {}
    if not wanted:
        return found
    query = (
        columns(
            col(MembershipRow.incident),
            col(TicketRow.id),
            col(TicketRow.site),
            col(TicketRow.jira_key),
        )
        .join(LinkRow, col(LinkRow.subject) == col(MembershipRow.issue))
        .join(TicketRow, col(TicketRow.id) == col(LinkRow.ticket_id))
        .where(
            col(MembershipRow.incident).in_(wanted),
            col(TicketRow.state) == TicketState.LINKED.value,
        )
        .order_by(col(TicketRow.id))
    )
    for incident, *ticket in session.execute(query):
        found.setdefault(incident, []).append((ticket[0], ticket[1], ticket[2]))
    return found


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


@dataclass(frozen=True, slots=True)
class IncidentOf:
    """An incident that an issue belongs to: the incident's status, and its ticket. ``jira_key`` is ""
    while the ticket is not in Jira."""

    status: str
    rule: str
    site: str
    jira_key: str


def incidents_with_tickets(
    session: Session, issues: Iterable[str]
) -> Mapping[str, list[IncidentOf]]:
    """For each of these issues that belongs to incidents with tickets: those incidents, in order."""
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
        # The row of a deleted ticket keeps its Jira key for people, but no ticket can be linked with it.
        key = "" if state == TicketState.GONE else jira_key
        found.setdefault(issue, []).append(IncidentOf(status, rule, site, key))
    return found
