"""The decision: desired, observed, base and rule in; actions out. Pure.

It knows no clock, database, HTTP or library, so everything it decides can be previewed, tested as a
table, replayed over history, and explained.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from sync.domain.actions import (
    Action,
    Change,
    Comment,
    Create,
    Find,
    Leave,
    LinkRemote,
    LinkTickets,
    Look,
    Transition,
    UnlinkTickets,
    Update,
)
from sync.domain.admission import held_back
from sync.domain.agreement import Agreement
from sync.domain.errors import Cause, Parked, Rejected
from sync.domain.intent import NO_INTENTS, IntentKind, Intents, settled
from sync.domain.merge import agree, decide, joined, news, ours_changed, yielded
from sync.domain.names import Name, meant
from sync.domain.rule import Category, Desired, Policy, RemoteLink, TicketLink
from sync.domain.ticket import Base, Draft, DraftField, Observed, ParkedField, marker_label
from sync.domain.undo import Back, undone
from sync.domain.upstream import NOTHING, Telling, telling_of, unsettled
from sync.domain.workflow import Stuck, elsewhere, next_transition, reached, way_to


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, and what to remember of the look at the ticket.

    ``base`` is the base with what the look has shown; the actions are not in it, because each is
    remembered when it has been done. ``parked`` says why the ticket is set aside, ``parked_fields``
    which fields are newly set aside, and why. The actions are carried out all the same. ``telling`` is
    what is told upstream; its actions are among ``actions``. ``kept`` names the fields that stay as
    people set them, in forecasts against the live ticket only. ``back`` is what is put back of an edit
    of the rules, None where the ticket was not looked at.
    """

    actions: tuple[Action, ...] = ()
    base: Base | None = None
    parked: Parked | None = None
    parked_fields: Mapping[str, Parked] = field(default_factory=dict)
    telling: Telling = NOTHING
    kept: tuple[str, ...] = ()
    back: Back | None = None

    def __bool__(self) -> bool:
        return bool(self.actions or self.parked_fields) or self.parked is not None


def plan_unmade(draft: Draft, *, unsure: bool = False) -> Plan:
    """What to do about a ticket without a Jira id.

    ``unsure``: the end of a create call is not known, so the ticket is searched for first.
    """
    if unsure:
        return Plan((Find(marker_label(draft.desired.key)),))
    if draft.desired.status.ended and not draft.desired.policy.create_when_ended:
        return Plan(
            (Leave("the subject ended before a ticket was made, and the rule asks for none"),)
        )
    summary = draft.fields.get("summary")
    return Plan((Create(draft.project, draft.issue_type, str(summary.value) if summary else ""),))


def remote_link_digest(link: RemoteLink) -> str:
    """What the base remembers of a remote link: its address.

    The title is left out: it changes with the subject's, and each change would cost a call.
    """
    return hashlib.sha256(link.url.encode()).hexdigest()[:16]


def ticket_link_name(link: TicketLink) -> str:
    """What the base remembers of a link between tickets."""
    return f"{link.type}|{'outward' if link.outward else 'inward'}|{link.other}"


def ticket_link_named(name: str) -> TicketLink:
    """The link that the base remembers by this name."""
    type_, side, other = name.rsplit("|", 2)
    return TicketLink(type_, other, outward=side == "outward")


def reasons(draft: Draft, base: Base, intents: Intents = NO_INTENTS) -> tuple[str, ...]:
    """Why the ticket must be read before anything is decided. Empty: nothing to do there."""
    desired, found = draft.desired, news(draft, base)
    kinds = {intent.kind for intent in intents.open}
    if base.status is not desired.status:
        found.append(f"the status became {desired.status.value}")
    elif IntentKind.MOVE in kinds:
        found.append("a move was begun whose end is not known")
    elif base.walked:
        found.append("its way to another status is not at an end")
    if IntentKind.UPDATE in kinds:
        found.append("an update was begun whose end is not known")
    if draft.former:
        found.append("an edit of the rules is undone")
    if desired.upstream is not None:
        found.append(unsettled(desired.upstream, base.agreement, desired.subjects))
    return tuple(filter(None, found))


def _links(draft: Draft, base: Base) -> list[Action]:
    wished = {ticket_link_name(link): link for link in draft.desired.ticket_links}
    return [
        *(
            LinkRemote(link)
            for link in draft.desired.remote_links
            if base.remote_links.get(link.global_id) != remote_link_digest(link)
        ),
        # Links are taken away first: a ticket that was moved is linked under its old key, which still
        # leads to it, and taking that link away would take the new one.
        *(UnlinkTickets(ticket_link_named(n)) for n in base.ticket_links if n not in wished),
        *(LinkTickets(link) for name, link in wished.items() if name not in base.ticket_links),
    ]


def _closed_by_us(base: Base, observed: Observed) -> bool:
    here = observed.status.id
    return base.brought_to(here) or (base.closed_by_us and here == base.jira_status)


def _said_no(policy: Policy, observed: Observed) -> str:
    """The resolution or status by which the rule knows that somebody declined the ticket, or ""."""
    for word, names in (
        (Name.of(observed.resolution), policy.leave_closed_resolutions),
        (observed.status.called, policy.leave_closed_statuses),
    ):
        if word and any(meant(name, [word]) for name in names):
            return word
    return ""


def _closed_by_a_person(
    draft: Draft, base: Base, observed: Observed, *, follows: bool = False
) -> str:
    """Why a closed ticket is to be left closed, or "" if it may be reopened. ``follows``: somebody acted
    upstream after the ticket was closed."""
    if observed.status.category is not Category.DONE:
        return ""
    ours = _closed_by_us(base, observed)
    # While a move of ours is not dealt with, the base does not have the resolution that the move gave
    # the ticket: the resolution seen now counts as given by the move.
    given = observed.resolution if base.walked else base.resolution
    changed = observed.resolution.casefold() not in ("", given.casefold())
    said_no = _said_no(draft.desired.policy, observed)
    if said_no and (not ours or changed):
        return f"a person closed {observed.ref.key} as {said_no!r}; it is left closed"
    if not ours and not follows and base.status is not None and not base.status.ended:
        return (
            f"a person closed {observed.ref.key}; it stays closed until the subject "
            "has ended upstream and comes back"
        )
    return ""


def _on_its_way(draft: Draft, base: Base, observed: Observed) -> Base:
    """The base without its ``way`` where that way leads elsewhere, or where somebody else moved the
    ticket off it. ``walked`` still tells which status our last move led to."""
    ours = base.walked[-1] if base.walked else base.jira_status
    if base.way == way_to(draft.desired.target) and observed.status.id == ours:
        return base
    return replace(base, way="")


def _dealt_with(desired: Desired, base: Base, observed: Observed, *, follows: bool) -> bool:
    """Whether no move is needed for the status wanted. ``follows``: the status is from after what the
    ticket stands for now, even if it is one that was dealt with before."""
    if base.status is desired.status and not base.walked and not follows:
        return True
    # Where the rule names a transition, the status it leads to is not known: only the base tells that
    # the transition was taken.
    return bool(base.way and (base.arrived or not base.walked)) or reached(
        desired.target, observed.status, observed.statuses
    )


def _movement(
    draft: Draft, base: Base, observed: Observed, telling: Telling, back: Back
) -> Transition | Leave | Stuck | None:
    desired, left = draft.desired, ""
    if back.move is not None:
        return back.move
    if telling.stays or _dealt_with(desired, base, observed, follows=telling.follows):
        return None
    if not desired.status.ended:
        if desired.target.category is not Category.DONE:
            left = _closed_by_a_person(draft, base, observed, follows=telling.follows)
    elif observed.status.category is Category.DONE and (
        desired.target.transition or not _closed_by_us(base, observed)
    ):
        left = f"{observed.ref.key} is closed already, as {observed.status.name!r}"
    if left:
        return Leave(left)
    return next_transition(desired.target, observed, base.walked if base.way else ())


def comment_marker(draft: Draft) -> str:
    """The marker of the comment for this state: the same state never comments twice."""
    text = f"{draft.desired.key}\n{draft.desired.version}\n{draft.desired.status}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _comment(
    draft: Draft, base: Base, changes: Collection[Change], *, left_alone: bool
) -> list[Action]:
    desired, parts = draft.desired, []
    if base.status is not desired.status and not left_alone:
        parts.append(desired.status_comment)
    if any(_is_commented_on(desired, change) for change in changes):
        parts.append(desired.update_comment)
    text, marker = "\n\n".join(filter(None, parts)), comment_marker(draft)
    if not text or base.commented == marker:
        return []
    edit = base.running if desired.policy.running_comment else ""
    return [Comment(text, marker, edit, desired.policy.public_comments)]


def _is_commented_on(desired: Desired, change: Change) -> bool:
    wanted = {name.casefold() for name in desired.comment_on}
    return not wanted or not wanted.isdisjoint((change.id.casefold(), change.name.casefold()))


def in_its_project(draft: Draft, observed: Observed) -> Draft:
    """The draft, with its status target translated for the project that the ticket is in: a person may
    have moved the ticket to a project with another workflow than the rule speaks of."""
    desired = draft.desired
    if observed.project in ("", draft.project) or draft.project.isdigit() or desired.target.leave:
        return draft
    target = elsewhere(desired.target, desired.status, observed)
    return replace(draft, desired=replace(desired, target=target))


def plan(
    draft: Draft,
    base: Base,
    observed: Observed | None,
    *,
    look: bool = False,
    intents: Intents = NO_INTENTS,
    waits: bool = False,
) -> Plan:
    """What to do for a ticket that exists. ``waits``: what upstream would be told of it is not told yet.

    Without ``observed``: nothing, links only, or a Look when something of ours changed, a call of
    ``intents`` is open, or ``look`` asks for one. With ``observed``: the writes that bring the ticket
    where the rule wants it, never over what a person changed unless the rule says so. ``Plan.base``
    then holds what became of the open update and move. ``Plan.parked`` says why no way leads to the
    status wanted; the other actions of the plan stand all the same. In a status that forbids edits, the
    move out of that status stands before the update. With ``draft.former``, what an edit of the rules
    changed is put back (``undo.undone``).
    """
    base = joined(draft, base)
    links = _links(draft, base)
    if observed is None:
        why = reasons(draft, base, intents) or (("asked to look",) if look else ())
        actions = (Look(why),) if why else tuple(links)
        return _with_parked(Plan(actions, base), base, _still_parked(draft, base))
    draft = in_its_project(draft, observed)
    base = _on_its_way(draft, settled(base, intents, observed), observed)
    back = _undone(draft, base, observed)
    base = back.base
    telling = held_back(telling_of(draft, base, observed), waits=waits)
    movement = _movement(draft, base, observed, telling, back)
    moving = isinstance(movement, Transition)
    asked, parked, left = _changes(draft, base, observed, moving=moving)
    changes = (*asked, *_put_back(back, asked))
    writes = [Update(changes)] if changes else []
    after = agree(draft, base, observed, _not_agreed(draft, changes, parked))
    after = replace(after, agreement=_agreement(draft, base, telling))
    told = (*telling.actions, *map(Leave, telling.reasons))
    if isinstance(movement, Stuck):
        stuck, actions = _parked(draft, movement), (*writes, *left, *links, *told)
        return _with_parked(Plan(actions, after, stuck, telling=telling, back=back), base, parked)
    moves = [] if movement is None else [movement]
    # A ticket that a person closed gets no comment on what goes on upstream.
    left_alone = isinstance(movement, Leave) and not draft.desired.status.ended
    comments = _comment(draft, base, asked, left_alone=left_alone or telling.stays)
    steps = (*moves, *writes) if observed.edit_screen == {} else (*writes, *moves)
    made = Plan((*steps, *left, *comments, *links, *told), after, telling=telling, back=back)
    return _with_parked(made, base, parked)


def _undone(draft: Draft, base: Base, observed: Observed) -> Back:
    """What is put back of an edit, with the fields that yield to people in its base."""
    back = undone(draft, base, observed)
    restored = {one.id: one.after for one in back.changes.values()}
    # What the edit wrote is nobody's choice.
    seen = replace(observed, fields={**observed.fields, **restored})
    return replace(back, base=yielded(draft, back.base, seen))


def _put_back(back: Back, asked: Collection[Change]) -> list[Change]:
    """The changes that put a field back of which the rules ask nothing now."""
    known = {change.id for change in asked}
    return [one for one in back.changes.values() if one.id not in known]


def _agreement(draft: Draft, base: Base, telling: Telling) -> Agreement | None:
    if telling is not NOTHING:
        return telling.before
    return base.agreement if draft.desired.upstream else None


def _still_parked(draft: Draft, base: Base) -> dict[str, ParkedField]:
    """The parked fields, as far as that can be known without a look."""
    known = {
        id_: one
        for id_, one in base.parked.items()
        if id_ in draft.fields and one.wish == draft.fields[id_].wish
    }
    return known | {id_: _parked_still(one, base, id_) for id_, one in draft.parked_fields.items()}


def _parked_still(one: ParkedField, base: Base, id_: str) -> ParkedField:
    """The park, with the number of tries of the one before if wish and screen are the same."""
    known = base.parked.get(id_)
    again = known is not None and (known.wish, known.screen) == (one.wish, one.screen)
    return replace(one, tries=known.tries) if known is not None and again else one


def _with_parked(made: Plan, before: Base, parked: Mapping[str, ParkedField]) -> Plan:
    """The plan with these fields parked. ``parked_fields`` has those that were not parked before, or
    were for another reason.

    A park is not new if only its line in the rules has changed."""
    new = {
        id_: one.parked
        for id_, one in parked.items()
        if id_ not in before.parked or _said(one) != _said(before.parked[id_])
    }
    base = made.base or before
    if base.parked != parked:
        base = replace(base, parked=parked)
    return replace(made, base=base, parked_fields=new)


def _said(one: ParkedField) -> tuple[str, str]:
    return one.wish, str(replace(one.parked, where=""))


def _changes(
    draft: Draft, base: Base, observed: Observed, *, moving: bool
) -> tuple[tuple[Change, ...], dict[str, ParkedField], list[Action]]:
    """The changes to write, the fields that stay or become parked, and what is left for good.

    ``moving``: the ticket is about to leave its status, so an edit that the status forbids comes after.
    """
    changes: list[Change] = []
    parked = {id_: _parked_still(one, base, id_) for id_, one in draft.parked_fields.items()}
    left: list[Action] = []
    for id_, one in draft.fields.items():
        change = _change(one, base, observed)
        if change is None:
            continue
        known, screen = base.parked.get(id_), observed.described(id_)
        unlocked = moving and observed.edit_screen == {}
        if known is not None and known.holds(one.wish, screen) and not unlocked:
            parked[id_] = known
        elif _writable(id_, observed, moving=moving):
            changes.append(change)
        elif observed.edit_screen and _set_once(one, draft, base, observed):
            left.append(Leave(f"{one.name} is set at creation only: no edit screen has the field"))
        else:
            parked[id_] = ParkedField(_not_editable(one, draft, observed), one.wish, screen)
    return tuple(changes), parked, left


def _not_agreed(
    draft: Draft, changes: Collection[Change], parked: Mapping[str, ParkedField]
) -> set[str]:
    """The fields, by id, that are about to be written, or are parked. A field that lacks some items of
    its list is parked, and yet agreed on as far as it goes."""
    found = {change.id for change in changes}
    for id_, one in parked.items():
        asked = draft.parked_fields.get(id_)
        if id_ not in draft.fields or asked is None or one.parked != asked.parked:
            found.add(id_)
    return found


def _writable(field_id: str, observed: Observed, *, moving: bool) -> bool:
    screen = observed.edit_screen
    return screen is None or field_id in screen or (moving and not screen)


def _change(one: DraftField, base: Base, observed: Observed) -> Change | None:
    known = base.fields.get(one.id)
    if one.left(base):
        return None
    if known is None or one.id in observed.fields:
        return decide(one, known, observed.fields.get(one.id))
    # Jira does not show a field that the ticket's project does not have.
    if not ours_changed(one, known):
        return None
    return Change(one.id, one.name, one.kind, before=known.sent, after=one.value)


def _set_once(one: DraftField, draft: Draft, base: Base, observed: Observed) -> bool:
    """Whether a field was given at creation, and belongs on the create screen alone."""
    here = observed.project == draft.project and one.id in observed.fields
    return here and one.id in base.fields and one.on_create_screen is not False


def _not_editable(one: DraftField, draft: Draft, observed: Observed) -> Parked:
    rule, key = draft.desired.asker(one.key), observed.ref.key
    if observed.edit_screen:
        reason = (
            f"{one.name} is not on the edit screen of {observed.issue_type} in {observed.project}"
        )
        remedy = "Put the field on that screen in Jira, or take it out of the rule."
    else:
        reason = f"Jira lets our account edit nothing on {key} in status {observed.status.name!r}"
        remedy = "Give our account 'Edit issues', or take jira.issue.editable off that status."
    return Parked(reason, remedy, Cause.FIELD, one.name, rule.name, rule.where)


def _parked(draft: Draft, stuck: Stuck) -> Parked:
    return draft.parked(Rejected(stuck.reason, cause=Cause.TRANSITION, remedy=stuck.remedy))


def arrival(base: Base, draft: Draft, after: Observed, *, moved: bool) -> Base:
    """The base once the status wanted is dealt with: reached, there already, or deliberately left.

    ``after`` is the ticket as it stands then; ``moved`` says that a move of ours brought it there.
    """
    closed = after.status.category is Category.DONE
    stayed = after.status.id == base.jira_status
    return replace(
        base,
        status=draft.desired.status,
        jira_status=after.status.id if moved else base.jira_status,
        way=base.way if moved or stayed else "",
        walked=(),
        arrived=False,
        closed_by_us=closed if moved else base.closed_by_us and stayed,
        resolution=after.resolution if moved else base.resolution,
    )
