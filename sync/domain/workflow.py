"""How a ticket gets to where the rule wants it: the choice of one transition, hop by hop.

Pure. A walk re-reads the ticket after each hop and asks again; ``visited`` keeps it out of circles, and
so that the next walk does not go round either, the base remembers it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sync.domain.actions import Transition
from sync.domain.rule import LEAVE_CLOSED_STATUSES, Category, StatusTarget
from sync.domain.ticket import Hop, JiraStatus, Observed

MAX_HOPS = 5

_ORDER = {Category.NEW: 0, Category.INDETERMINATE: 1, Category.DONE: 2}
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
    """No way on: why, and what a person can do."""

    reason: str
    remedy: str


def _named(name: str, *candidates: str) -> bool:
    return name.casefold() in {candidate.casefold() for candidate in candidates}


def reached(target: StatusTarget, status: JiraStatus) -> bool:
    """Whether a ticket in ``status`` is where the rule wants it."""
    if target.status:
        return _named(target.status, status.name, status.id)
    if target.category:
        return status.category is target.category
    return target.leave


def way_to(target: StatusTarget) -> str:
    """What the base calls the way to a target: all of the rule by which hops are chosen."""
    also = {"via": target.via, "prefer": target.prefer}
    return f"{target}" + "".join(f", {word} {list(names)}" for word, names in also.items() if names)


def _rank(name: str, prefer: Sequence[str]) -> int | None:
    for place, pattern in enumerate(prefer):
        if fnmatchcase(name.casefold(), pattern.casefold()):
            return place
    return None


def _direct(target: StatusTarget, hops: Sequence[Hop]) -> Hop | Stuck | None:
    """The hop that ends at the target, None when there is none, Stuck when there are too many."""
    if target.transition:
        exact = [hop for hop in hops if _named(target.transition, hop.name, hop.id)]
        return exact[0] if exact else None
    arriving = [hop for hop in hops if reached(target, hop.to)]
    if not arriving:
        return None
    statuses = {hop.to.id: hop.to.name for hop in arriving}
    ranked = [
        (rank, hop) for hop in arriving if (rank := _rank(hop.to.name, target.prefer)) is not None
    ]
    if ranked:
        return min(ranked, key=lambda pair: pair[0])[1]
    if len(statuses) == 1:
        only = arriving[0]
        others = [hop for hop in hops if hop.to.id not in statuses]
        # "Won't Do" alone within reach is not what "done" means while there is another way on.
        if target.category and only.to.name.casefold() in _NEGATIVE and others:
            return None
        return only
    names = ", ".join(repr(name) for name in sorted(statuses.values()))
    return Stuck(
        f"several statuses of category {target.category.value if target.category else '?'!r} can be "
        f"reached from here: {names}",
        "Name one in the rule's status table, as `status = …` or in `prefer = […]`.",
    )


def _onward(target: StatusTarget, observed: Observed, visited: Collection[str]) -> Hop | None:
    """The best intermediate hop, or None. ``visited`` holds status ids."""
    goal = _ORDER[target.category] if target.category else None
    best: tuple[tuple[int, int, int, int], Hop] | None = None
    for place, hop in enumerate(observed.hops):
        if hop.to.id in visited or hop.to.id == observed.status.id:
            continue
        via = _rank(hop.to.name, target.via)
        if target.transition and via is None:
            # Nobody knows where a transition that is not offered here leads, so no hop is nearer to it.
            continue
        negative = int(hop.to.name.casefold() in _NEGATIVE)
        distance = abs(_ORDER[hop.to.category] - goal) if goal is not None else 0
        score = (
            via if via is not None else len(target.via),
            negative,
            distance,
            place,
        )
        if best is None or score < best[0]:
            best = (score, hop)
    return best[1] if best else None


def _screen(target: StatusTarget, hop: Hop, arrives: bool) -> tuple[dict[str, Any], Stuck | None]:
    """What to send for the transition's screen."""
    fields: dict[str, Any] = {}
    for name, value in target.fields.items():
        for screen in hop.fields.values():
            if _named(name, screen.id, screen.name):
                fields[screen.id] = value
    screen_resolution = hop.fields.get("resolution")
    if screen_resolution is not None and "resolution" not in fields:
        allowed = {name.casefold(): name for name in screen_resolution.allowed}
        wished = [name for name in target.resolution if not allowed or name.casefold() in allowed]
        if wished and (arrives or screen_resolution.required):
            fields["resolution"] = allowed.get(wished[0].casefold(), wished[0])
        elif screen_resolution.required and len(screen_resolution.allowed) == 1:
            fields["resolution"] = screen_resolution.allowed[0]
    missing = [
        screen
        for screen in hop.fields.values()
        if screen.required and not screen.has_default and screen.id not in fields
    ]
    if missing:
        names = ", ".join(
            f"{screen.name!r}"
            + (f" (one of {', '.join(screen.allowed[:10])})" if screen.allowed else "")
            for screen in missing
        )
        return fields, Stuck(
            f"the transition {hop.name!r} to {hop.to.name!r} asks for {names}, "
            "which the rule does not give",
            "Give it in the rule's status table: `resolution = …` or `fields = { … }`.",
        )
    return fields, None


def next_transition(
    target: StatusTarget, observed: Observed, visited: Collection[str] = ()
) -> Transition | Stuck:
    """The next hop towards ``target``, which is not reached yet.

    ``visited`` are the ids of the statuses the ticket has stood in on this way. A hop that arrives is
    taken at once; otherwise one that leads on, at most five, never to where the way has been.
    """
    direct = _direct(target, observed.hops)
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
        # The only way in may be the status we passed over; better that than nowhere.
        arriving = [
            hop for hop in observed.hops if not target.transition and reached(target, hop.to)
        ]
        if len({hop.to.id for hop in arriving}) == 1:
            hop, arrives = arriving[0], True
    if hop is None:
        offered = ", ".join(f"{hop.name!r} to {hop.to.name!r}" for hop in observed.hops)
        return Stuck(
            f"no transition leads from {observed.status.name!r} to {target}; Jira offers "
            + (offered or "none at all (a missing permission looks like this)"),
            _REMEDY_BY_NAME if target.transition and offered else _REMEDY,
        )
    fields, stuck = _screen(target, hop, arrives)
    return stuck or Transition(hop=hop, fields=fields, arrives=arrives)
