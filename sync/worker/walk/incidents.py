"""What incidents ask of tickets when these are walked: links, parents, and closing together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sync.domain.errors import Parked, Rejected
from sync.domain.rule import Desired, FieldWish, TicketLink
from sync.domain.subject import Snapshot, Status
from sync.domain.ticket import Base, Draft, wish_digest
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
    if "parent" in desired.fields or not rules.as_children:
        return desired
    wished = [FieldWish(key, asked_by=rule.ref) for key, rule in _parents(rules, site, incidents)]
    if not wished and not has_parent(base):
        return desired
    wish = wished[0] if wished else FieldWish(None)
    return replace(desired, fields={**desired.fields, "parent": wish})


def has_parent(base: Base) -> bool:
    """Whether we gave the ticket a parent, in whichever field its site has for that."""
    return any(
        known.sent
        and (id_ == "parent" or base.wishes.get(id_) == wish_digest("parent", known.sent))
        for id_, known in base.fields.items()
    )


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


def parked_field(fault: Rejected, draft: Draft, id_: str) -> Parked:
    """Why a field is set aside that Jira refused: in Jira's words about the field, if it has any."""
    desired, one = draft.desired, draft.fields[id_]
    said = fault.refused.get(id_, fault.reason)
    asker = desired.asker(one.key)
    if asker is desired.rule:
        about = Rejected(said, cause=fault.cause, field=one.name, remedy=fault.remedy)
        about.key = one.key
        return Parked.of(about, desired.rule.name, desired.place(one.key))
    return Parked(
        f"Jira does not take {one.value} as its parent: {said}",
        'The incident\'s rule asks for it with `link = "parent"`. Let it make tickets of a type that '
        "may have these under it, in a project that allows it, or name a type of link there.",
        cause=fault.cause,
        field=one.name,
        rule=asker.name,
        where=asker.where,
    )
