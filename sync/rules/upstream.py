"""Telling upstream: which places of a ticket stand for which upstream status, and what else is told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from sync.domain.rule import Acknowledge, Category, Side, Sign, StatusTarget, UpstreamWish
from sync.domain.subject import Status
from sync.rules.check import NamesInScope
from sync.rules.doubts import COMMENTS, of_api, of_writes
from sync.rules.inherit import Given, as_list
from sync.rules.status import StatusMap
from sync.toml import Mistakes, Position

# The words for marks of issues and states of incidents, as ``[rule.upstream.status]`` has them.
MARKS = {
    "investigating": Status.INVESTIGATING,
    "expected": Status.EXPECTED,
    "fixed": Status.FIXED,
    "no_action_needed": Status.NO_ACTION_NEEDED,
    "cleared": Status.OPEN,
}
STATES = {"closed": Status.CLOSED, "cancelled": Status.CANCELLED, "open": Status.OPEN}

# Values by which a rule takes back what it inherits.
_NOTHING = ("none", "never")


def compile_upstream(
    table: Mapping[str, Given], statuses: StatusMap, scope: NamesInScope, mistakes: Mistakes
) -> UpstreamWish | None:
    """What a rule says of telling upstream; None where it says nothing, which is the default.

    ``since`` is a digest of all that the rule says of it. ``settle`` and ``tie`` are left to the
    settings.
    """
    told = {n: given for n, given in table.items() if given.value not in (False, {}, *_NOTHING)}
    if not set(told) - {"ignore", "wins"}:
        return None
    signs = _signs(told.get("status"), scope, mistakes)
    if "copy_comments" in told:
        copied = told["copy_comments"]
        scope.doubts.append(of_api(COMMENTS, copied.position, copied.key))
    said = {name: given.value for name, given in told.items()}
    return UpstreamWish(
        since=hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16],
        issue={status: signs[word] for word, status in MARKS.items() if word in signs},
        incident={status: signs[word] for word, status in STATES.items() if word in signs},
        targets={status: _still(wish.target) for status, wish in statuses.items()},
        comments=_comments(said.get("comments", "none")),
        copies=bool(said.get("copy_comments")),
        announce=bool(said.get("announce")),
        acknowledge=Acknowledge(said.get("acknowledge", Acknowledge.NEVER)),
        ignore=as_list(said.get("ignore", ())),
        wins=Side(said["wins"]) if "wins" in said else None,
    )


def _still(target: StatusTarget) -> StatusTarget:
    """The target without what only matters on the way there."""
    return StatusTarget(target.status, target.transition, target.category)


def _comments(given: Any) -> str:
    return str(given["mention"]) if isinstance(given, Mapping) else str(given)


def _signs(
    given: Given | None, scope: NamesInScope, mistakes: Mistakes
) -> dict[str, tuple[Sign, ...]]:
    """The signs by the word that they stand for."""
    found: dict[str, tuple[Sign, ...]] = {}
    stands: dict[tuple[str, str], str] = {}
    for word in given.value if given else ():
        assert given is not None
        one = given.child(word)
        kind = "issue" if word in MARKS else "incident"
        if kind not in scope.kinds:
            mistakes.add(
                one.position,
                one.key,
                f"is about {kind}s, and this rule matches none",
                f'Remove it, or add kind = "{kind}" to the rule\'s `when`.',
            )
        if kind == "incident" or word == "cleared":
            scope.doubts.append(of_writes(one.position, one.key))
        signs = []
        for sign, place in _each(one):
            signs.append(sign)
            before = stands.setdefault((kind, str(sign).casefold()), word)
            if before != word:
                mistakes.add(
                    place.position,
                    place.key,
                    f"{sign} stands for {before} already, and can only stand for one",
                    "Name each status, resolution and category once.",
                )
        found[word] = tuple(signs)
    return found


def signs_of(given: Given) -> Iterator[tuple[str, Sign, Position]]:
    """Each sign of ``[rule.upstream.status]``, with the word that it stands for and where it stands."""
    for word in given.value:
        for sign, place in _each(given.child(word)):
            yield word, sign, place.position


def _each(given: Given) -> Iterator[tuple[Sign, Given]]:
    """The signs of one word, each with its place."""
    many = isinstance(given.value, list)
    for number, value in enumerate(as_list(given.value)):
        place = given.child(number) if many else given
        if isinstance(value, Mapping):
            category = value.get("category")
            yield (
                Sign(
                    value.get("status", ""),
                    value.get("resolution", ""),
                    Category(category) if category else None,
                ),
                place,
            )
        else:
            yield Sign(status=value), place
