"""Incidents and their issues: whose tickets become due, and which issues go on the incident's ticket.

Which issues belong to an incident is known from the API alone; each change of that is followed here.
"""

from __future__ import annotations

from collections.abc import Iterable

from sync.domain.subject import Kind, Snapshot
from sync.rules import RuleSet
from sync.store import memberships, tickets
from sync.store.engine import Session, Store
from sync.store.slate import Slate
from sync.store.tables import TicketState
from sync.store.ticket_changes import Ticket
from sync.worker.triage.routing import Router

_NOT_MADE = (TicketState.UNPLACED, TicketState.NEW, TicketState.SPARED)


def issue_refs(incident: Snapshot) -> set[str]:
    """The references of an incident's issues."""
    return {f"{incident.ref.source}:{Kind.ISSUE.value}:{id_}" for id_ in incident.issue_ids}


def read_together(slate: Slate, snapshots: Iterable[Snapshot]) -> None:
    """Read together what ``follow_incident`` will ask for, of the incidents among these."""
    incidents = [one for one in snapshots if one.ref.kind is Kind.INCIDENT]
    if not incidents:
        return
    theirs = {str(one.ref): issue_refs(one) for one in incidents}
    known = slate.issues_of(theirs)
    moved = [ref for one, issues in theirs.items() for ref in issues ^ known[one]]
    if moved:
        slate.subjects(moved)
        slate.tickets_of(moved)


def follow_incident(
    slate: Slate, router: Router, rules: RuleSet, before: Snapshot | None, after: Snapshot
) -> None:
    """Follow an incident that changed: which issues joined or left, whether the incident ended."""
    joined, left = slate.set_issues(str(after.ref), issue_refs(after))
    router.joined(str(after.ref), joined)
    ticket = router.ticket_of(str(after.ref))
    rule = rules.get(ticket.rule) if ticket else None
    if ticket is None or rule is None:
        return
    if rule.issues.on_ticket:
        _take_in(slate, router, ticket, joined)
        _let_go(slate, router, ticket, left)
    turned = before is not None and before.status.ended != after.status.ended
    if rule.issues.close or rule.issues.as_children:
        concerned = joined | left | (issue_refs(after) if turned else set())
        for one in slate.tickets_of(concerned):
            one.make_due(router.now, f"its incident is {after.status.value}")


def _take_in(slate: Slate, router: Router, host: Ticket, joined: Iterable[str]) -> None:
    """Put issues on the incident's ticket, unless they have one in Jira already, or it was deleted."""
    if host.state == TicketState.GONE:
        return
    for ref, issue in slate.subjects(joined).items():
        theirs = slate.ticket_of(ref)
        if theirs is not None and (theirs is host or theirs.state not in _NOT_MADE):
            continue
        if slate.placed(ref):
            continue
        router.move(issue.snapshot, host)
        if theirs is not None:
            router.leave(theirs, f"{ref} is on its incident's ticket")


def _let_go(slate: Slate, router: Router, host: Ticket, left: Iterable[str]) -> None:
    """Give issues that left the incident tickets of their own."""
    theirs = [ref for ref in left if slate.ticket_of(ref) is host and not slate.placed(ref)]
    for ref, issue in slate.subjects(theirs).items():
        router.forget(ref)
        router.route(issue.snapshot)


def announce(store: Store, ticket_id: int, made: str, now: float, *, to_issues: bool) -> None:
    """Make the tickets due that are to be linked with one that was just made (``made``: its Jira key).

    ``to_issues``: the ticket is an incident's, and those of its issues are to become its children.
    """
    with store.write() as session:
        incidents_due(session, ticket_id, now, made)
        if to_issues:
            issues_due(session, ticket_id, now, made)


def issues_due(session: Session, ticket_id: int, now: float, made: str) -> None:
    """An incident's ticket was made: those of its issues may become its children."""
    ids = memberships.ticket_ids_of_issues(session, tickets.subjects_on(session, ticket_id))
    _due(session, ids - {ticket_id}, now, f"{made} was made for its incident")


def incidents_due(session: Session, ticket_id: int, now: float, made: str) -> None:
    """A ticket was made: those of the incidents its issues belong to are to be linked with it."""
    ids = memberships.ticket_ids_of_incidents(session, tickets.subjects_on(session, ticket_id))
    _due(session, ids - {ticket_id}, now, f"{made} was made for one of its issues")


def _due(session: Session, ids: Iterable[int], now: float, why: str) -> None:
    for row in tickets.by_ids(session, ids).values():
        tickets.make_due(row, now, why)
