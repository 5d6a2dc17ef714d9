"""Incidents and their issues: links kept right, issues on the incident's ticket, closing together.

Who belongs to an incident is known from the API alone; this follows each change of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sync.domain.errors import Parked, Rejected
from sync.domain.rule import Desired, FieldWish, TicketLink
from sync.domain.subject import Kind, Snapshot, Status
from sync.domain.ticket import Base
from sync.rules import Rule, RuleSet
from sync.store import memberships, subjects, tickets
from sync.store.engine import Session
from sync.store.memberships import IncidentOf
from sync.store.tables import TicketRow, TicketState
from sync.worker.triage.routing import Router


def issue_refs(incident: Snapshot) -> set[str]:
    """The references of an incident's issues."""
    return {f"{incident.ref.source}:{Kind.ISSUE.value}:{id_}" for id_ in incident.issue_ids}


def follow_incident(
    session: Session, router: Router, rules: RuleSet, before: Snapshot | None, after: Snapshot
) -> None:
    """Draw the conclusions from an incident that changed: who joined or left, whether it ended."""
    joined, left = memberships.put(session, str(after.ref), issue_refs(after))
    session.flush()
    ticket = router.ticket_of(str(after.ref))
    rule = rules.get(ticket.rule) if ticket else None
    if ticket is None or rule is None:
        return
    if rule.issues.on_ticket:
        _take_in(session, router, ticket, joined)
        _let_go(session, router, ticket, left)
    turned = before is not None and before.status.ended != after.status.ended
    if rule.issues.close or rule.issues.as_children:
        concerned = joined | left | (issue_refs(after) if turned else set())
        why = f"its incident is {after.status.value}"
        _make_due(session, concerned, router.now, why)


def _take_in(session: Session, router: Router, host: TicketRow, joined: Iterable[str]) -> None:
    """Put issues on the incident's ticket, unless they have one in Jira already, or it was deleted."""
    if host.state == TicketState.GONE:
        return
    for ref, row in subjects.load(session, joined).items():
        own = tickets.by_ids(session, subjects.ticket_ids(session, [ref]).values())
        theirs = next(iter(own.values()), None)
        if theirs is not None and (theirs is host or theirs.state not in _NOT_MADE):
            continue
        router.move(subjects.to_snapshot(row), host)
        if theirs is not None:
            router.leave(theirs, f"{ref} is on its incident's ticket")


_NOT_MADE = (TicketState.UNPLACED, TicketState.NEW, TicketState.SPARED)


def _let_go(session: Session, router: Router, host: TicketRow, left: Iterable[str]) -> None:
    """Give issues that left the incident tickets of their own."""
    ids = subjects.ticket_ids(session, left)
    rows = subjects.load(session, [ref for ref, id_ in ids.items() if id_ == host.id])
    for ref, row in rows.items():
        tickets.unlink(session, ref)
        router.forget(ref)
        router.route(subjects.to_snapshot(row), row)


def _make_due(session: Session, refs: Iterable[str], now: float, why: str) -> None:
    ids = subjects.ticket_ids(session, refs)
    for row in tickets.by_ids(session, ids.values()).values():
        tickets.make_due(row, now, why)


def is_related(session: Session, ticket_id: int) -> bool:
    """Whether a ticket's issues belong to incidents, or its incidents have issues."""
    refs = [row.ref for row in subjects.of_ticket(session, ticket_id)]
    return memberships.any_of(session, refs)


def issues_due(session: Session, ticket_id: int, now: float, made: str) -> None:
    """An incident's ticket was made: those of its issues may become its children."""
    refs = [row.ref for row in subjects.of_ticket(session, ticket_id)]
    ids = memberships.ticket_ids_of_issues(session, refs) - {ticket_id}
    for row in tickets.by_ids(session, ids).values():
        tickets.make_due(row, now, f"{made} was made for its incident")


def incidents_due(session: Session, ticket_id: int, now: float, made: str) -> None:
    """A ticket was made: those of the incidents its issues belong to are to be linked with it."""
    refs = [row.ref for row in subjects.of_ticket(session, ticket_id)]
    ids = memberships.ticket_ids_of_incidents(session, refs) - {ticket_id}
    for row in tickets.by_ids(session, ids).values():
        tickets.make_due(row, now, f"{made} was made for one of its issues")


def ticket_links(
    rule: Rule, site: str, own_key: str, others: Iterable[tuple[str, str]]
) -> tuple[TicketLink, ...]:
    """The links an incident's ticket wants with its issues' tickets, given as (site, Jira key)."""
    if not rule.issues.link or rule.issues.as_children:
        return ()
    keys = sorted({key for where, key in others if where == site and key not in ("", own_key)})
    return tuple(TicketLink(rule.issues.link, key, outward=rule.issues.outward) for key in keys)


def closed_with_incident(
    rules: RuleSet,
    snapshots: tuple[Snapshot, ...],
    incidents: Mapping[str, list[IncidentOf]],
) -> tuple[Snapshot, ...]:
    """The snapshots, with issues closed whose incident is over and whose incident's rule says so.

    ``incidents`` has, by issue, those it belongs to. An issue of several incidents is closed once all of
    those that would close it are over.
    """
    changed = []
    for snapshot in snapshots:
        closing = [
            Status(incident.status)
            for incident in incidents.get(str(snapshot.ref), [])
            if (rule := rules.get(incident.rule)) is not None and rule.issues.close
        ]
        over = bool(closing) and all(status.ended for status in closing)
        if over and not snapshot.status.ended:
            snapshot = replace(snapshot, status=Status.CLOSED)
        changed.append(snapshot)
    return tuple(changed)


def with_parent(
    desired: Desired,
    rules: RuleSet,
    site: str,
    incidents: Mapping[str, list[IncidentOf]],
    base: Base,
) -> Desired:
    """What is asked of an issue's ticket, as a child of its incident's where that rule says so.

    A parent that we set is taken away again when the issue left. The ticket's own rule goes first.
    """
    if "parent" in desired.fields or not any(rule.issues.as_children for rule in rules.rules):
        return desired
    keys = [key for key, _ in _parents(rules, site, incidents)]
    known = base.fields.get("parent")
    if not keys and (known is None or not known.sent):
        return desired
    wish = FieldWish(keys[0] if keys else None)
    return replace(desired, fields={**desired.fields, "parent": wish})


def _parents(
    rules: RuleSet, site: str, incidents: Mapping[str, list[IncidentOf]]
) -> list[tuple[str, Rule]]:
    """The incidents' tickets that issues are to be children of: (Jira key, the incident's rule)."""
    return [
        (incident.jira_key, rule)
        for those in incidents.values()
        for incident in those
        if incident.site == site
        and incident.jira_key
        and (rule := rules.get(incident.rule)) is not None
        and rule.issues.as_children
    ]


def parent_refused(
    fault: Rejected, rules: RuleSet, site: str, incidents: Mapping[str, list[IncidentOf]]
) -> Parked | None:
    """Why a ticket is set aside that Jira will not have as a child; None where that is not the fault."""
    wished = _parents(rules, site, incidents)
    if fault.field.casefold() != "parent" or not wished:
        return None
    key, rule = wished[0]
    return Parked(
        f"Jira does not take {key} as its parent: {fault}",
        'The incident\'s rule asks for it with `link = "parent"`. Let it make tickets of a type that '
        "may have these under it, in a project that allows it, or name a type of link there.",
        cause=fault.cause,
        field=fault.field,
        rule=rule.ref.name,
        where=rule.ref.where,
    )
