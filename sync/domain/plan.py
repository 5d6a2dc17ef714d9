"""The decision: desired, observed, base and rule in; actions out. Pure.

It knows no clock, database, HTTP or library, so everything it decides can be previewed, tested as a
table, replayed over history, and explained.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from sync.domain.actions import (
    Action,
    Change,
    Comment,
    Create,
    Find,
    Hold,
    LinkRemote,
    LinkTickets,
    Look,
    UnlinkTickets,
    Update,
)
from sync.domain.errors import Cause, Parked
from sync.domain.merge import absorb, decide, ours_changed, resolved
from sync.domain.rule import Category, Ownership, RemoteLink, TicketLink
from sync.domain.ticket import Base, Draft, Observed, marker_label
from sync.domain.workflow import Stuck, next_transition, reached, way_to


class Standing(StrEnum):
    """What is known of a ticket that we have no Jira id for."""

    NEW = "new"
    UNSURE = "unsure"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, and the base that holds once it is done so far as looking goes."""

    actions: tuple[Action, ...] = ()
    base: Base | None = None
    parked: Parked | None = None

    def __bool__(self) -> bool:
        return bool(self.actions) or self.parked is not None


def plan_unmade(draft: Draft, standing: Standing) -> Plan:
    """What to do about a ticket without a Jira id: make it, or find out whether it was made."""
    if standing is Standing.UNSURE:
        return Plan((Find(marker_label(draft.desired.key)),))
    if draft.desired.status.ended and not draft.desired.policy.create_when_ended:
        return Plan(
            (Hold("the subject ended before a ticket was made, and the rule asks for none"),)
        )
    summary = draft.fields.get("summary")
    return Plan((Create(draft.project, draft.issue_type, str(summary.value) if summary else ""),))


def remote_link_digest(link: RemoteLink) -> str:
    """What the base remembers of a remote link: where it leads.

    Not its title, which would cost a call with every change of the subject's.
    """
    return hashlib.sha256(link.url.encode()).hexdigest()[:16]


def ticket_link_name(link: TicketLink) -> str:
    """What the base remembers of a link between tickets."""
    return f"{link.type}|{'outward' if link.outward else 'inward'}|{link.other}"


def ticket_link_named(name: str) -> TicketLink:
    """The link that the base remembers by this name."""
    type_, side, other = name.rsplit("|", 2)
    return TicketLink(type_, other, outward=side == "outward")


def reasons(draft: Draft, base: Base) -> tuple[str, ...]:
    """What of ours has changed so that the ticket must be read. Empty: nothing to do there."""
    desired, found = draft.desired, []
    for id_, field in draft.fields.items():
        known = base.fields.get(id_)
        if field.ownership is Ownership.TICKET:
            continue
        if ours_changed(field, known):
            found.append(
                f"{field.name} is new" if known is None else f"{field.name} changed upstream"
            )
    if base.status is not desired.status:
        found.append(f"the status became {desired.status.value}")
    elif base.moving:
        found.append("a move was begun whose end is not known")
    if base.updating:
        found.append("an update was begun whose end is not known")
    return tuple(found)


def _links(draft: Draft, base: Base) -> list[Action]:
    actions: list[Action] = [
        LinkRemote(link)
        for link in draft.desired.remote_links
        if base.remote_links.get(link.global_id) != remote_link_digest(link)
    ]
    # Taking away comes first: a ticket that moved is linked under its old key, which still leads to it.
    wished = {ticket_link_name(link) for link in draft.desired.ticket_links}
    actions += [
        UnlinkTickets(ticket_link_named(name)) for name in base.ticket_links if name not in wished
    ]
    actions += [
        LinkTickets(link)
        for link in draft.desired.ticket_links
        if ticket_link_name(link) not in base.ticket_links
    ]
    return actions


def _closed_by_us(base: Base, observed: Observed) -> bool:
    if base.moving and observed.status.id == base.moving:
        return True
    return base.closed_by_us and observed.status.id == base.jira_status


def _closed_by_a_person(draft: Draft, base: Base, observed: Observed) -> str:
    """Why a closed ticket is to be left closed, or "" if it may be reopened."""
    if observed.status.category is not Category.DONE:
        return ""
    policy = draft.desired.policy
    ours = _closed_by_us(base, observed)
    said_no = [
        word
        for word, names in (
            (observed.resolution, policy.leave_closed_resolutions),
            (observed.status.name, policy.leave_closed_statuses),
        )
        if word and word.casefold() in {name.casefold() for name in names}
    ]
    # What a move of ours gave the ticket is not known before the first look after it.
    given = observed.resolution if base.moving else base.resolution
    if said_no and (not ours or observed.resolution.casefold() not in ("", given.casefold())):
        return f"a person closed {observed.ref.key} as {said_no[0]!r}; it is left closed"
    if not ours and base.status is not None and not base.status.ended:
        return (
            f"a person closed {observed.ref.key}; it stays closed until the subject "
            "has ended upstream and comes back"
        )
    return ""


def _on_its_way(draft: Draft, base: Base, observed: Observed) -> Base:
    """The base without a way begun that leads elsewhere, or that somebody else took the ticket off.

    What is left was walked in vain, or not to its end: that is not walked again.
    """
    ours = (base.moving, *base.walked[-1:]) if base.moving else (base.jira_status,)
    if base.way == way_to(draft.desired.target) and observed.status.id in ours:
        return base
    return replace(base, way="", walked=(), arriving=False)


def _movement(draft: Draft, base: Base, observed: Observed) -> list[Action] | Stuck:
    desired = draft.desired
    known = base.status is desired.status and not base.moving
    # Only our having taken it tells that a ticket stands where a transition by name leads.
    taken = base.way and ((base.arriving and observed.status.id == base.moving) or not base.moving)
    if known or taken or reached(desired.target, observed.status):
        return []
    closed = observed.status.category is Category.DONE
    if (
        desired.status.ended
        and closed
        and (desired.target.transition or not _closed_by_us(base, observed))
    ):
        return [Hold(f"{observed.ref.key} is closed already, as {observed.status.name!r}")]
    if desired.target.category is not Category.DONE and not desired.status.ended:
        left = _closed_by_a_person(draft, base, observed)
        if left:
            return [Hold(left)]
    step = next_transition(desired.target, observed, base.walked)
    return step if isinstance(step, Stuck) else [step]


def comment_marker(draft: Draft) -> str:
    """The marker of the comment for this state: the same state never comments twice."""
    text = f"{draft.desired.key}\n{draft.desired.version}\n{draft.desired.status}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _comment(
    draft: Draft, base: Base, changes: Collection[Change], *, left_alone: bool
) -> list[Action]:
    desired, parts = draft.desired, []
    if base.status is not desired.status and desired.status_comment and not left_alone:
        parts.append(desired.status_comment)
    wanted = {name.casefold() for name in desired.comment_on}
    telling = [c for c in changes if not wanted or {c.id.casefold(), c.name.casefold()} & wanted]
    if telling and desired.update_comment:
        parts.append(desired.update_comment)
    marker = comment_marker(draft)
    if not parts or base.commented == marker:
        return []
    edit = base.running if desired.policy.running_comment else ""
    return [Comment("\n\n".join(parts), marker, edit)]


def plan(
    draft: Draft,
    base: Base,
    observed: Observed | None,
    *,
    look: bool = False,
) -> Plan:
    """What to do for a ticket that exists.

    Without ``observed``: nothing, links only, or a Look when something of ours changed (or when
    ``look`` asks for one). With it: the writes that bring the ticket where the rule wants it, never
    over what a person changed unless the rule says so. ``Plan.parked`` says why there is no way to the
    status wanted; the other actions of the plan stand all the same.
    """
    links = _links(draft, base)
    if observed is None:
        why = reasons(draft, base) or (("asked to look",) if look else ())
        return Plan((Look(why),) if why else tuple(links), base)
    base = _on_its_way(draft, resolved(base, observed), observed)
    changes = tuple(
        change
        for id_, field in draft.fields.items()
        if id_ in observed.fields or id_ not in base.fields
        if (change := decide(field, base.fields.get(id_), observed.fields.get(id_))) is not None
    )
    actions: list[Action] = [Update(changes)] if changes else []
    movement = _movement(draft, base, observed)
    after = absorb(draft, base, observed, changes)
    if isinstance(movement, Stuck):
        rule = draft.desired.rule
        parked = Parked(
            movement.reason,
            movement.remedy,
            cause=Cause.TRANSITION,
            rule=rule.name,
            where=rule.where,
        )
        return Plan((*actions, *links), after, parked)
    actions += movement
    # A ticket that a person closed is not told of what goes on upstream.
    left_alone = not draft.desired.status.ended and any(isinstance(a, Hold) for a in movement)
    actions += _comment(draft, base, changes, left_alone=left_alone)
    return Plan((*actions, *links), after)


def arrival(base: Base, draft: Draft, after: Observed, *, moved: bool) -> Base:
    """The base once the status wanted has been dealt with: reached, already there, or held.

    ``after`` is the ticket as it stands then; ``moved`` says that a move of ours brought it there.
    """
    closed = after.status.category is Category.DONE
    stayed = after.status.id == base.jira_status
    return replace(
        base,
        status=draft.desired.status,
        jira_status=after.status.id if moved else base.jira_status,
        moving="",
        way=base.way if moved or stayed else "",
        walked=(),
        arriving=False,
        closed_by_us=closed if moved else base.closed_by_us and stayed,
        resolution=after.resolution if moved else base.resolution,
    )
