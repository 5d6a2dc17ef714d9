"""Noise as documents: what came and went, lines tried for a rule, and one of them taken over."""

from __future__ import annotations

from dataclasses import dataclass

from sync.operations.accounts import Role
from sync.operations.noise import SINCE, Noise, NoiseQuery, noise
from sync.operations.rules import quieter
from sync.operations.rules.draft_view import Draft
from sync.operations.rules.editing import Editing
from sync.operations.rules.quieter import Quieter
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit


@dataclass(frozen=True, slots=True)
class ToTry:
    """Look for a line for this rule, in the deliveries of the span ``since``, such as "30d"."""

    rule: str
    since: str = SINCE


@dataclass(frozen=True, slots=True)
class TakenOver:
    """``key = value`` for a rule; ``value`` is TOML, as in a line that was tried."""

    rule: str
    key: str
    value: str


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/noise`` and the search for a line of rule."""
    here = desk.deployment

    def at(visit: Visit) -> Editing:
        return Editing(here.store, here.files, visit.account, visit.now)

    def numbers(visit: Visit) -> Noise:
        return noise(here.store, visit.asked(NoiseQuery), visit.now)

    def tried(visit: Visit) -> Quieter:
        given = visit.given(ToTry)
        query = NoiseQuery(given.since, rule=given.rule)
        return quieter.start(here.runs, at(visit), here.sources, query)

    def so_far(visit: Visit) -> Quieter:
        return quieter.look(here.runs, at(visit), visit.path["id"])

    def taken(visit: Visit) -> Draft:
        given = visit.given(TakenOver)
        return quieter.take_over(at(visit), given.rule, given.key, given.value)[0]

    begin, take = "Begin to look for a line of rule", "Begin a draft with a line that was tried"
    return [
        Endpoint("GET", "/noise", "What came and went", numbers, Noise, NoiseQuery),
        Endpoint("POST", "/noise/lines", begin, tried, Quieter, body=ToTry),
        Endpoint("GET", "/noise/lines/{id:str}", "Lines tried so far", so_far, Quieter),
        Endpoint("POST", "/noise/drafts", take, taken, Draft, body=TakenOver, role=Role.EDITOR),
    ]
