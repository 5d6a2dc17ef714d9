"""What incidents ask of tickets when these are walked: links, parents, and closing together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sync.domain.errors import Parked, Rejected
from sync.domain.rule import Desired, FieldWish, TicketLink
from sync.domain.subject import Snapshot, Status
from sync.domain.ticket import Base
from sync.rules import Rule, RuleSet
from sync.store.memberships import IncidentOf


def ticket_links(
    rule: Rule, site: str, own_key: str, others: Iterable[tuple[str, str]]
) -> tuple[TicketLink, ...]:
    """The links that an incident's ticket wants with its issues' tickets, given as (site, Jira key)."""
    if not rule.issues.link or rule.issues.as_children:
        return ()
    keys = sorted({key for where, key in others if where == site and key not in ("", own_key)})
    return tuple(TicketLink(rule.issues.link, key, outward=rule.issues.outward) for key in keys)


def closed_with_incident(
    rules: RuleSet, snapshots: tuple[Snapshot, ...], incidents: Mapping[str, list[IncidentOf]]
) -> tuple[Snapshot, ...]:
    """The snapshots, with issues closed whose incident is over and whose incident's rule says so.

    ``incidents`` has, by issue, the incidents it belongs to. An issue of several incidents is closed
    once all incidents that would close it are over.
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
    """``desired`` with the incident's ticket as parent, where the incident's rule says so.

    A parent that we set is taken away again once the issue has left the incident. A parent that the
    ticket's own rule sets goes first.
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
    """Why a ticket is set aside that Jira does not take as a child; None where the fault is another."""
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
