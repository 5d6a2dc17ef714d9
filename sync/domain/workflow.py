"""How a ticket gets to where the rule wants it: the choice of one transition, hop by hop.

Pure. A walk reads the ticket again after each hop and asks for the next one. ``visited`` keeps the walk
out of circles; the base remembers ``visited``, so that a later walk does not go round either.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sync.domain.actions import Transition
from sync.domain.names import Name, like, meant
from sync.domain.rule import LEAVE_CLOSED_RESOLUTIONS, LEAVE_CLOSED_STATUSES, Category, StatusTarget
from sync.domain.subject import Status
from sync.domain.text import is_empty
from sync.domain.ticket import Hop, JiraStatus, Observed, ScreenField

MAX_HOPS = 5

_USUAL = {Status.OPEN: Category.NEW, Status.INVESTIGATING: Category.INDETERMINATE}
_ORDER = {Category.NEW: 0, Category.INDETERMINATE: 1, Category.DONE: 2}
_DECLINED = {name.casefold() for name in LEAVE_CLOSED_RESOLUTIONS}
_NEGATIVE = {name.casefold() for name in LEAVE_CLOSED_STATUSES}

_REMEDY = (
    "Choose a reachable status in the rule's status table, or allow our account the "
    "'Transition issues' permission."
)
_REMEDY_BY_NAME = (
    "A transition is taken only where Jira offers it: name a status or a category in its place in the "
    "rule's status table, or the statuses to pass through as `via = […]`."
)


@dataclass(frozen=True, slots=True)
class Stuck:
    """No hop leads on: why, and what a person can do."""

    reason: str
    remedy: str


def reached(target: StatusTarget, status: JiraStatus, known: Sequence[JiraStatus] = ()) -> bool:
    """Whether a ticket in ``status`` is where the rule wants it.

    Where several ``known`` statuses share the name in the rule, none of them counts as meant."""
    if target.status:
        found = meant(target.status, [status.called, *(one.called for one in known)])
        return [name.id for name in found] == [status.id]
    if target.category:
        return status.category is target.category
    return target.leave


def elsewhere(target: StatusTarget, status: Status, observed: Observed) -> StatusTarget:
    """What a target means in a project that the rule does not speak of: a person moved the ticket
    there.

    A status or a transition that cannot be seen there gives way to the category that the upstream
    status usually has; where several statuses or resolutions fit, one of them is taken."""
    wished = target.status or target.transition
    seen = observed.statuses if target.status else observed.hops
    if wished and not meant(wished, [one.called for one in seen]):
        category = _USUAL.get(status, Category.DONE)
        target = replace(target, status="", transition="", category=category)
    return replace(target, any=True)


def way_to(target: StatusTarget) -> str:
    """The name of the way to a target in the base: everything in the rule that hops are chosen by."""
    also = {"via": target.via, "prefer": target.prefer}
    return f"{target}" + "".join(f", {word} {list(names)}" for word, names in also.items() if names)


def _rank(hop: Hop, patterns: Sequence[str]) -> int | None:
    """The place of the first pattern that names the status the hop leads to."""
    for place, pattern in enumerate(patterns):
        if like(pattern, hop.to.called):
            return place
    return None


def _direct(target: StatusTarget, observed: Observed) -> Hop | Stuck | None:
    """The hop that ends at the target, None when there is none, Stuck when there are too many."""
    hops = observed.hops
    if target.transition:
        return _by_name(target.transition, hops)
    if (several := _status_named_twice(target, observed)) is not None:
        return several
    arriving = [hop for hop in hops if reached(target, hop.to, observed.statuses)]
    if not arriving:
        return None
    preferred = _preferred(target, arriving)
    if preferred is not None:
        return preferred
    if _statuses(arriving) > 1 and not target.any:
        return _too_many(target, arriving)
    arriving.sort(key=_negative)
    # "Won't Do" is not what a rule means by "done" while the workflow offers another way on.
    declined = bool(target.category) and _negative(arriving[0])
    return None if declined and _statuses(hops) > 1 else arriving[0]


def _status_named_twice(target: StatusTarget, observed: Observed) -> Stuck | None:
    named = meant(target.status, [status.called for status in observed.statuses])
    if len(named) < 2:
        return None
    return _several("statuses", target.status, [name.with_id for name in named])


def _by_name(wished: str, hops: Sequence[Hop]) -> Hop | Stuck | None:
    """The hop with this name or id, None when there is none, Stuck when several share the name."""
    found = {name.id for name in meant(wished, [hop.called for hop in hops])}
    chosen = [hop for hop in hops if hop.id in found]
    if len(chosen) > 1:
        words = [f"{hop.called.with_id} to {hop.to.name!r}" for hop in chosen]
        return _several("transitions", wished, words)
    return chosen[0] if chosen else None


def _several(things: str, wished: str, ids: Sequence[str]) -> Stuck:
    """A name that several things share: which is meant is not guessed."""
    return Stuck(
        f"several {things} are named {wished!r}",
        f"Write the id in the rule's status table instead: one of {', '.join(sorted(ids))}.",
    )


def _preferred(target: StatusTarget, arriving: Sequence[Hop]) -> Hop | None:
    """The first hop to the status that stands first in the rule's ``prefer``."""
    ranked = [(rank, hop) for hop in arriving if (rank := _rank(hop, target.prefer)) is not None]
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def _statuses(hops: Sequence[Hop]) -> int:
    """How many statuses the hops lead to."""
    return len({hop.to.id for hop in hops})


def _too_many(target: StatusTarget, arriving: Sequence[Hop]) -> Stuck:
    names = {hop.to.id: hop.to.name for hop in arriving}.values()
    offered = ", ".join(repr(name) for name in sorted(names))
    return Stuck(
        f"several statuses of category {target.category.value if target.category else '?'!r} can be "
        f"reached from here: {offered}",
        "Name one in the rule's status table, as `status = …` or in `prefer = […]`.",
    )


def _negative(hop: Hop) -> bool:
    name = hop.to.called
    return not _NEGATIVE.isdisjoint((name.casefold(), name.untranslated.casefold()))


def _onward(target: StatusTarget, observed: Observed, visited: Collection[str]) -> Hop | None:
    """The best intermediate hop, or None. ``visited`` holds status ids."""
    goal = _ORDER[target.category] if target.category else None
    best: tuple[tuple[int, bool, int, int], Hop] | None = None
    for place, hop in enumerate(observed.hops):
        if hop.to.id in visited or hop.to.id == observed.status.id:
            continue
        via = _rank(hop, target.via)
        if target.transition and via is None:
            # Jira does not offer the wanted transition here, so it is not known where it leads, and no
            # hop counts as nearer to it.
            continue
        distance = abs(_ORDER[hop.to.category] - goal) if goal is not None else 0
        score = (len(target.via) if via is None else via, _negative(hop), distance, place)
        if best is None or score < best[0]:
            best = (score, hop)
    return best[1] if best else None


def _screen(target: StatusTarget, hop: Hop, arrives: bool) -> dict[str, Any] | Stuck:
    """What to send for the transition's screen, by field id; Stuck where a name means several things."""
    fields: dict[str, Any] = {}
    for name, value in target.fields.items():
        on_it = [screen.called for screen in hop.fields.values()]
        found = [Name(name, name)] if name in hop.fields else meant(name, on_it)
        if len(found) > 1:
            return _several("fields", name, [one.with_id for one in found])
        fields |= {one.id: value for one in found}
    resolution = hop.fields.get("resolution")
    if resolution is None or "resolution" in fields:
        return fields
    given = _resolution(target, resolution, arrives)
    return given if isinstance(given, Stuck) else fields | given


def _resolution(target: StatusTarget, screen: ScreenField, arrives: bool) -> dict[str, Any] | Stuck:
    """The resolution to send. Where the hop arrives or the screen requires one: the first that the rule
    wishes and the screen allows. Else, where the screen requires one, as ``_resolution_left`` says."""
    allowed = [Name.of(name) for name in screen.allowed]
    for name in target.resolution if arrives or screen.required else ():
        found = meant(name, allowed) if allowed else [Name.of(name)]
        if len(found) > 1:
            return _several("resolutions", name, [one.with_id for one in found])
        if found:
            return {"resolution": found[0]}
    return _resolution_left(target, allowed) if screen.required else {}


def _resolution_left(target: StatusTarget, allowed: Sequence[Name]) -> dict[str, Any]:
    """The only resolution there is; of several, where the target says that any will do, the first that
    does not mean "declined"."""
    if len(allowed) != 1 and not (allowed and target.any):
        return {}
    return {"resolution": min(allowed, key=lambda name: name.casefold() in _DECLINED)}


def _unanswered(hop: Hop, fields: Mapping[str, Any], observed: Observed) -> Stuck | None:
    """Why the transition cannot be taken: its screen requires what ``fields`` and the ticket lack.

    A field that is not sent with a transition keeps its value."""
    given = {id_: value for id_, value in fields.items() if not is_empty(value)}
    there = {**observed.fields, "resolution": observed.resolution, **given}
    missing = [
        screen
        for screen in hop.fields.values()
        if screen.required
        and not screen.has_default
        and is_empty(there.get(screen.id))
        # A comment goes with the transition where Jira asks for one.
        and screen.id != "comment"
    ]
    if not missing:
        return None
    return Stuck(
        f"the transition {hop.name!r} to {hop.to.name!r} asks for {', '.join(map(_asked, missing))}, "
        "which neither the rule gives nor the ticket has",
        "Give it in the rule's status table: `resolution = …` or `fields = { … }`.",
    )


def _asked(screen: ScreenField) -> str:
    some = f" (one of {', '.join(screen.allowed[:10])})" if screen.allowed else ""
    return f"{screen.name!r}{some}"


def next_transition(
    target: StatusTarget, observed: Observed, visited: Collection[str] = ()
) -> Transition | Stuck:
    """The next hop towards ``target``, which is not reached yet.

    ``visited`` are the ids of the statuses the ticket has stood in on this way. A hop that arrives is
    taken at once. Otherwise one that leads on is taken, at most five in all, and none that leads to a
    status in ``visited``.
    """
    direct = _direct(target, observed)
    if isinstance(direct, Stuck):
        return direct
    if direct is None and len(visited) >= MAX_HOPS:
        return Stuck(
            f"{target} was not reached within {MAX_HOPS} hops "
            f"(the ticket now stands in {observed.status.name!r})",
            "Name the way in the rule's status table, as `via = […]`.",
        )
    hop = direct or _onward(target, observed, visited)
    arrives = direct is not None
    if hop is None:
        # _direct passes over a lone "Won't Do"; where nothing else leads on, that is the way in.
        hop, arrives = _only_way_in(target, observed), True
    if hop is None:
        return _no_way(target, observed)
    fields = _screen(target, hop, arrives)
    if isinstance(fields, Stuck):
        return fields
    return _unanswered(hop, fields, observed) or Transition(hop=hop, fields=fields, arrives=arrives)


def _only_way_in(target: StatusTarget, observed: Observed) -> Hop | None:
    if target.transition:
        return None
    arriving = [hop for hop in observed.hops if reached(target, hop.to, observed.statuses)]
    return arriving[0] if _statuses(arriving) == 1 or (arriving and target.any) else None


def _no_way(target: StatusTarget, observed: Observed) -> Stuck:
    offered = ", ".join(f"{hop.name!r} to {hop.to.name!r}" for hop in observed.hops)
    return Stuck(
        f"no transition leads from {observed.status.name!r} to {target}; Jira offers "
        + (offered or "none at all (a missing permission looks like this)"),
        _REMEDY_BY_NAME if target.transition and offered else _REMEDY,
    )
