"""What would be done to one ticket, for people; and its shape: tickets of one shape are one group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sync.domain.actions import (
    Action,
    Change,
    Comment,
    CommentUpstream,
    CopyComment,
    Create,
    Leave,
    LinkRemote,
    LinkTickets,
    MarkUpstream,
    Transition,
    UnlinkTickets,
    Update,
)
from sync.domain.forecast import as_data as action_data
from sync.domain.rule import Category
from sync.domain.text import one_line
from sync.domain.ticket import FieldKind, remembered
from sync.domain.wording import short
from sync.operations.rules.kinds import change_kind, changed_parts, text_kind
from sync.worker.foresight.forecast import TicketForecast

ASIDE, TROUBLE, REOPEN, MOVE, CREATE, CHANGE, TELL, LEFT = (
    "aside",
    "trouble",
    "reopen",
    "move",
    "create",
    "change",
    "tell",
    "left",
)
# In the order of harm.
SORTS = (ASIDE, TROUBLE, REOPEN, MOVE, CREATE, TELL, CHANGE, LEFT)
SIGNS = {
    ASIDE: "!",
    TROUBLE: "?",
    REOPEN: "→",
    MOVE: "→",
    CREATE: "+",
    TELL: "“",
    CHANGE: "~",
    LEFT: "=",
}
_SHOWN_LINES = 40
_SHOWN_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One thing that would be done to a ticket. ``sign`` as in plans; ``before`` and ``after`` are
    values in words, "" where the line is about neither; ``diff`` are a text's lines, each with its
    sign."""

    sign: str
    name: str
    words: str
    before: str = ""
    after: str = ""
    diff: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PlanTicket:
    """One ticket of a plan. ``key`` is our own key, ``ticket`` that of Jira, "" for one to be made.
    ``waits`` says what the ticket waits for before it is made. ``new``: not among the tickets that were
    looked at before."""

    key: str
    ticket: str
    site: str
    title: str
    rule: str
    where: str
    sort: str
    words: str
    waits: str
    lines: tuple[PlanLine, ...]
    new: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """What tickets of one group have in common: the sort (see ``SORTS``), and the kinds of change in
    words. ``where`` is the line of the rules to look at, "" where the tickets have several."""

    sort: str
    kinds: tuple[str, ...]
    where: str = ""

    @property
    def words(self) -> str:
        return ", ".join(self.kinds)


def shape_of(one: TicketForecast) -> Shape:
    """The shape of what would be done to a ticket."""
    if one.plan.parked is not None:
        parked = one.plan.parked
        return Shape(ASIDE, (f"Set aside: {_cause(parked)}",), parked.where or one.rule.where)
    if one.trouble:
        return Shape(TROUBLE, (f"Could not be worked out: {one.trouble}",))
    fields = [f"Field set aside: {_cause(one)}" for one in one.plan.parked_fields.values()]
    kinds = tuple(dict.fromkeys([*fields, *_kinds(one)]))
    places = {parked.where for parked in one.plan.parked_fields.values()}
    if fields:
        return Shape(ASIDE, kinds, places.pop() if len(places) == 1 else "")
    return Shape(_sort(one), kinds)


def left_of(one: TicketForecast) -> tuple[str, ...]:
    """The fields of a ticket that stay as people set them."""
    return one.plan.kept


def ticket_of(one: TicketForecast, sort: str, words: str, *, with_lines: bool) -> PlanTicket:
    """A ticket of a plan for people, of a shape with this sort and these words. Without lines it is
    smaller."""
    return PlanTicket(
        key=one.key,
        ticket=one.ticket,
        site=one.site,
        title=one_line(one.title, 200),
        rule=one.rule.name,
        where=one.rule.where,
        sort=sort,
        words=words,
        waits=one.waits,
        lines=tuple(_lines(one)) if with_lines else (),
    )


def _cause(parked: Any) -> str:
    said = parked.reason.casefold()
    named = bool(parked.field) and parked.field.casefold() not in said
    return f"{parked.field}: {parked.reason}" if named else str(parked.reason)


def _sort(one: TicketForecast) -> str:
    actions = one.plan.actions
    moves = [action for action in actions if isinstance(action, Transition)]
    if any(isinstance(action, Create) for action in actions):
        return CREATE
    if moves:
        return REOPEN if any(_reopens(move, one) for move in moves) else MOVE
    if any(isinstance(action, MarkUpstream | CommentUpstream | Comment) for action in actions):
        return TELL
    return LEFT if all(isinstance(action, Leave) for action in actions) else CHANGE


def _reopens(move: Transition, one: TicketForecast) -> bool:
    base = one.plan.base
    return base is not None and base.closed_by_us and move.hop.to.category is not Category.DONE


def _kinds(one: TicketForecast) -> Iterator[str]:
    if one.apart:
        yield "Counts as agreed, although the sides differ"
    made = any(isinstance(action, Create) for action in one.plan.actions)
    for action in one.plan.actions:
        if made and not isinstance(action, Create | Transition):
            # Links and comments belong to making a ticket.
            continue
        if isinstance(action, Update):
            yield from map(change_kind, action.changes)
        elif isinstance(action, Transition):
            yield _moved(action, one)
        else:
            yield _kind(action, one)


def _moved(move: Transition, one: TicketForecast) -> str:
    again = _reopens(move, one)
    return (
        f"Status: {'closed → ' if again else '→ '}{move.hop.to.name}{' reopens' if again else ''}"
    )


def _kind(action: Action, one: TicketForecast) -> str:
    if isinstance(action, Create):
        return f"Create a {action.issue_type} in {action.project}"
    if isinstance(action, Comment):
        what = "Edit the running comment" if action.edit else "Comment"
        return f"{what}{' in public' if action.public else ''}"
    if isinstance(action, LinkTickets | UnlinkTickets):
        verb = "Link" if isinstance(action, LinkTickets) else "Unlink"
        return f"{verb} ({action.link.type}) with another ticket"
    if isinstance(action, Leave):
        words = action.reason.replace(one.ticket, "the ticket") if one.ticket else action.reason
        return f"Left: {words}"
    if isinstance(action, MarkUpstream):
        return f"Mark upstream as {action.status.value.replace('_', ' ')}"
    return _PLAIN.get(type(action), str(action))


_PLAIN: dict[type, str] = {
    LinkRemote: "Link back to the subject",
    CommentUpstream: "Comment upstream",
    CopyComment: "Copy a comment from upstream",
}


def _lines(one: TicketForecast) -> Iterator[PlanLine]:
    if one.plan.parked is not None:
        yield PlanLine("!", "", f"set aside: {one.plan.parked}")
    if one.trouble:
        yield PlanLine("?", "", one.trouble)
    if one.apart:
        yield PlanLine("=", "", f"counts as agreed, although the sides differ: {one.apart}")
    for action in one.plan.actions:
        if isinstance(action, Update):
            yield from map(_change, action.changes)
        else:
            yield PlanLine(_SIGN.get(type(action), "~"), "", str(action))
    for parked in one.plan.parked_fields.values():
        yield PlanLine("!", str(parked.field), f"field set aside: {parked}")
    for name in one.plan.kept:
        yield PlanLine("=", str(name), f"{name}: left as people set it")


_SIGN: dict[type, str] = {
    Create: "+",
    Transition: "→",
    Comment: "“",
    MarkUpstream: "“",
    CommentUpstream: "“",
    CopyComment: "“",
    Leave: "=",
}


def _change(change: Change) -> PlanLine:
    if change.kind is FieldKind.LABELS:
        return PlanLine("~", str(change.name), str(change))
    name = str(change.name)
    before, after = remembered(change.before), remembered(change.after)
    if change.kind is FieldKind.TEXT:
        found = [
            (sign, one_line(line, _SHOWN_CHARACTERS))
            for sign, line in changed_parts(before or [], after or [])
        ]
        more = len(found) - _SHOWN_LINES
        rest = [("…", f"{more} more")] if more > 0 else []
        kind = text_kind(before or [], after or [])
        diff = (*found[:_SHOWN_LINES], *rest)
        return PlanLine("~", name, f"{change.name}: {kind}", diff=diff)
    return PlanLine("~", name, str(change), short(before, 200), short(after, 200))


def as_data(one: TicketForecast) -> dict[str, Any]:
    """A ticket's forecast for machines, with every value."""
    return {
        "ticket": one.ticket or None,
        "key": one.key,
        "site": one.site,
        "rule": one.rule.name,
        "where": one.rule.where,
        "title": one.title,
        "subjects": list(one.subjects),
        "actions": [action_data(action) for action in one.plan.actions],
        "parked": str(one.plan.parked) if one.plan.parked else None,
        "parked_fields": {id_: str(w) for id_, w in one.plan.parked_fields.items()},
        "apart": one.apart or None,
        "waits": one.waits or None,
        "trouble": one.trouble or None,
    }
