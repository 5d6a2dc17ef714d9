"""What a walk would do, without walking: against the live ticket, or against what was last known.

Pure. It asks the same ``plan`` as the walk does, so what it shows is what will be done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from sync.domain.actions import (
    Action,
    Adopt,
    Change,
    Comment,
    CommentUpstream,
    CopyComment,
    Create,
    Find,
    LinkRemote,
    LinkTickets,
    Look,
    MarkUpstream,
    Transition,
    UnlinkTickets,
    Update,
)
from sync.domain.agreement import Agreement
from sync.domain.epics import Foreseen
from sync.domain.history import History
from sync.domain.intent import NO_INTENTS, Intents
from sync.domain.merge import joined, shown_after
from sync.domain.plan import Plan, plan, plan_unmade, reasons
from sync.domain.rule import Category, Ownership
from sync.domain.subject import Status
from sync.domain.ticket import (
    Base,
    Block,
    Document,
    Draft,
    DraftField,
    FieldBase,
    FieldKind,
    Hop,
    JiraStatus,
    Observed,
    TicketRef,
    is_marker,
    remembered,
    same,
)

# The history of a ticket that was not read.
_UNREAD = History()


def forecast(
    draft: Draft,
    base: Base,
    observed: Observed | None = None,
    intents: Intents = NO_INTENTS,
    *,
    history: History = _UNREAD,
    waits: bool = False,
) -> Plan:
    """What a walk would do for a ticket that exists; without ``observed``, by what was last known.

    ``history`` stands in for the ticket's own without ``observed``. What people did in Jira since the
    last look is not known then, so nothing of that is told upstream here. ``waits`` is as in ``plan``.
    """
    base = joined(draft, base)
    if observed is None:
        tried = _without_parked(draft, base)
        if not reasons(tried, base, intents):
            return plan(tried, base, None)
        return plan(tried, base, last_known(tried, base, history), intents=intents, waits=waits)
    made = plan(draft, base, observed, intents=intents, waits=waits)
    changed = {c.id for a in made.actions if isinstance(a, Update) for c in a.changes}
    kept = (one.name for one in draft.fields.values() if one.id not in changed)
    theirs = frozenset(_set_by_people(draft, base, observed))
    return replace(made, kept=tuple(name for name in kept if name in theirs))


def _without_parked(draft: Draft, base: Base) -> Draft:
    """The draft without the fields that are parked and would not be tried: what was last known has no
    screen by which to tell that Jira would not take them."""
    fields = {id_: one for id_, one in draft.fields.items() if not _rests(one, base)}
    return replace(draft, fields=fields)


def _rests(one: DraftField, base: Base) -> bool:
    known = base.parked.get(one.id)
    if known is None or known.again or known.wish != one.wish:
        return False
    # A forecast makes no epic, and cannot tell that Jira would refuse it again.
    return known.holds(one.wish, known.screen) or isinstance(one.value, Foreseen)


def _set_by_people(draft: Draft, base: Base, observed: Observed) -> Iterator[str]:
    """Names of the fields that people have set to something else than the rule asks. Texts are left out:
    they are merged, block by block."""
    for id_, field in draft.fields.items():
        if id_ not in observed.fields or field.kind in _NOT_COMPARED:
            continue
        if _stays(field, base.fields.get(id_), observed.fields[id_]):
            yield field.name


def _stays(field: DraftField, known: FieldBase | None, now: Any) -> bool:
    """Whether a field shows what people made of it, and the rule asks for something else."""
    asked = field.value
    if known is None:
        there_first = field.ownership is Ownership.YIELD and bool(asked and now)
        return there_first and not same(asked, now)
    if field.kind is FieldKind.LABELS:
        missing = {*map(str, asked or ())} - {*map(str, now or ())}
        return any(not is_marker(one) for one in missing)
    return not same(asked, now) and not same(shown_after(known, now, field.kind), now)


_NOT_COMPARED = (FieldKind.TEXT, FieldKind.OPAQUE)


def forecast_unmade(draft: Draft, *, unsure: bool = False, history: History = _UNREAD) -> Plan:
    """What walks would do for a ticket without a Jira id: make it, and bring it where it belongs.

    ``unsure``: the end of a create call is not known; then only a search is forecast.
    """
    first = plan_unmade(draft, unsure=unsure)
    if not any(isinstance(action, Create) for action in first.actions):
        return first
    if draft.unmakable is not None:
        return Plan(parked=draft.parked(draft.unmakable))
    wish = draft.desired.upstream
    new = Base(status=Status.OPEN, agreement=Agreement(wish.since) if wish else None)
    base = new.with_sent(
        {id_: field.value for id_, field in draft.fields.items() if field.value is not None}
    )
    after = forecast(draft, base, history=history)
    onward = tuple(action for action in after.actions if not isinstance(action, Update))
    return replace(after, actions=(*first.actions, *onward))


def last_known(draft: Draft, base: Base, history: History = _UNREAD) -> Observed:
    """The ticket as it stood when it was last dealt with.

    The base keeps neither the status's name nor the workflow, so the status that the rule wants counts
    as one hop away, except where the base proves that the ticket is there already. Where the rule tells
    upstream, the ticket stands where both sides last agreed that it does.
    """
    target = draft.desired.target
    name = target.status or (target.prefer[0] if target.prefer else "") or str(target)
    wanted = JiraStatus("wanted", name, target.category or Category.INDETERMINATE)
    status, resolution = _place(draft, base)
    return Observed(
        ref=TicketRef("", ""),
        project=draft.project,
        issue_type=draft.issue_type,
        status=status,
        resolution=resolution,
        fields={
            id_: _shown(field.kind, base.fields[id_])
            for id_, field in draft.fields.items()
            if id_ in base.fields
        },
        hops=(Hop("wanted", target.transition or name, wanted),),
        history=history if draft.desired.upstream else None,
    )


def _place(draft: Draft, base: Base) -> tuple[JiraStatus, str]:
    """The status and the resolution in which the ticket stood last."""
    new = draft.desired.target.category is Category.NEW
    away = Category.INDETERMINATE if new else Category.NEW
    category = Category.DONE if base.closed_by_us else away
    known = base.agreement if draft.desired.upstream else None
    if known is not None and known.status:
        return JiraStatus(known.status, "?", category), known.resolution
    return JiraStatus(base.jira_status or "?", "?", category), base.resolution


def _shown(kind: FieldKind, known: FieldBase) -> Any:
    value = known.shown if known.looked else known.sent
    if kind is FieldKind.TEXT:
        return Document(tuple(Block(line, line) for line in value or ()))
    return value


def as_data(action: Action) -> dict[str, Any]:
    """An action for machines: its kind, its words, and its values as JSON."""
    data: dict[str, Any] = {"action": type(action).__name__.lower(), "words": str(action)}
    if isinstance(action, Update):
        data["changes"] = [_change_as_data(change) for change in action.changes]
    elif isinstance(action, Create):
        data |= asdict(action)
    elif isinstance(action, Transition):
        data |= {"to": action.hop.to.name, "by": action.hop.name, "fields": dict(action.fields)}
    elif isinstance(action, Comment):
        data["text"] = action.text
    elif isinstance(action, LinkRemote):
        data["url"] = action.link.url
    elif isinstance(action, LinkTickets | UnlinkTickets):
        data |= {"type": action.link.type, "other": action.link.other}
    elif isinstance(action, Adopt):
        data["ticket"] = action.ref.key
    elif isinstance(action, MarkUpstream | CommentUpstream | CopyComment):
        data |= _telling_as_data(action)
    return data


def _telling_as_data(action: MarkUpstream | CommentUpstream | CopyComment) -> dict[str, Any]:
    if isinstance(action, CopyComment):
        return {"text": action.comment.text, "public": action.comment.public}
    data: dict[str, Any] = {
        "subject": str(action.ref),
        "who": action.who.name if action.who else None,
        "at": action.at,
    }
    if isinstance(action, MarkUpstream):
        return data | {"status": action.status.value, "only_unmarked": action.only_unmarked}
    return data | {"text": action.text}


def _change_as_data(change: Change) -> dict[str, Any]:
    data: dict[str, Any] = {"field": change.id, "name": change.name}
    data |= {"before": remembered(change.before), "after": remembered(change.after)}
    if change.kind is FieldKind.LABELS:
        data |= {"add": list(change.add), "remove": list(change.remove)}
    return data


_KINDS = {
    "create": Create,
    "find": Find,
    "update": Update,
    "transition": Transition,
    "comment": Comment,
    "link": LinkRemote | LinkTickets | UnlinkTickets,
    "look": Look,
    "mark_upstream": MarkUpstream,
    "comment_upstream": CommentUpstream,
    "copy": CopyComment,
}


COUNTED = (*_KINDS, "fields", "park", "park_fields")


def count(found: dict[str, int], made: Plan) -> None:
    """Add one ticket to how many would be created, changed, moved, commented, linked, looked at or
    parked, told of upstream (``mark_upstream``, ``comment_upstream``) or given a comment from there
    (``copy``). ``found`` has a number for each of ``COUNTED``.

    ``park`` counts tickets of which anything would be parked, ``park_fields`` the fields among that.
    """
    for name, kind in _KINDS.items():
        found[name] += any(isinstance(action, kind) for action in made.actions)
    found["fields"] += sum(len(a.changes) for a in made.actions if isinstance(a, Update))
    found["park"] += made.parked is not None or bool(made.parked_fields)
    found["park_fields"] += len(made.parked_fields)
