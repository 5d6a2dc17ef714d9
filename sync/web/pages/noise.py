"""What makes tickets that come and go, and the line of rule against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec
from litestar.handlers import HTTPRouteHandler

from sync.domain.remembered import Remembered
from sync.operations.accounts import Role
from sync.operations.noise import BY, PAGE, SINCE, Noise, NoiseQuery, noise
from sync.operations.rules import quieter
from sync.operations.rules.runs import COUNTING, WAITING
from sync.operations.tickets import choices
from sync.web.pages.addresses import address
from sync.web.pages.csv_text import csv_of
from sync.web.pages.frame import Desk
from sync.web.pages.rules.room import Room, file_address
from sync.web.pages.visit import Answer, Download, Redirect, Shown, Visit, seldom

_HERE = "/noise"
# So many tables are kept for the few seconds that they count as known.
_KNOWN = 8
SPANS = ("1d", "7d", "30d", "90d")
_COLUMNS = (
    *("name", "rule", "made", "spared", "reopened", "closed", "unattended", "unknown", "brief"),
    *("life", "between"),
)


@dataclass(frozen=True, slots=True)
class ToTry:
    """The form that looks for a line for a rule; ``of`` is the rule, the rest is the page's query."""

    of: str = ""
    since: str = SINCE
    by: str = "monitor"
    rule: str = ""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A line that was tried: ``key = value`` for a rule."""

    rule: str = ""
    key: str = ""
    value: str = ""


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """``/noise``, the same as CSV and JSON, and what the page does about noise."""
    here, room = desk.deployment, Room(desk.deployment)
    values = seldom(lambda: choices(here.store))
    # While lines are tried the page is looked at every second, and the numbers may take two.
    known = Remembered[NoiseQuery, Callable[[float], Noise]](_KNOWN)

    def found(visit: Visit) -> tuple[NoiseQuery, Noise]:
        query = visit.asked(NoiseQuery)
        look = known.made(query, lambda: seldom(lambda: noise(here.store, query, desk.now())))
        return query, look(visit.now)

    def look(visit: Visit) -> Shown:
        query, numbers = found(visit)
        names = [query.rule] if query.rule else numbers.rules
        at = room.at(visit)
        tries = {
            name: quieter.last(here.runs, at, NoiseQuery(query.since, rule=name)) for name in names
        }
        data = {
            "here": _HERE,
            "sentence": numbers.sentence,
            "noise": numbers,
            "lines": numbers.lines[:PAGE],
            "query": query,
            "by": BY,
            "spans": dict.fromkeys((*SPANS, query.since)),
            "rules": values(visit.now).rules,
            "tries": tries,
            "busy": any(one and one.state in (WAITING, COUNTING) for one in tries.values()),
            "to": partial(_address, _HERE, query),
            "files": {kind: _address(f"{_HERE}.{kind}", query) for kind in ("csv", "json")},
        }
        return Shown("noise.html", data)

    def as_csv(visit: Visit) -> Download:
        _, numbers = found(visit)
        rows = ([getattr(line, name) for name in _COLUMNS] for line in numbers.lines)
        return Download(csv_of(_COLUMNS, rows), "text/csv", "noise.csv")

    def as_json(visit: Visit) -> Download:
        return Download(msgspec.json.encode(found(visit)[1]), "application/json")

    def tried(visit: Visit) -> Answer:
        given = visit.given(ToTry)
        query = NoiseQuery(given.since, given.by, given.rule)
        asked = NoiseQuery(given.since, rule=given.of)
        quieter.start(here.runs, room.at(visit), here.sources, asked)
        return Redirect(f"{_address(_HERE, query)}#lines")

    def taken_over(visit: Visit) -> Answer:
        given = visit.given(TakenOver)
        draft, line = quieter.take_over(room.at(visit), given.rule, given.key, given.value)
        return Redirect(f"{file_address(line.file, draft.id, 'plan')}#L{line.line}")

    return [
        desk.page(_HERE, look),
        desk.page(f"{_HERE}.csv", as_csv),
        desk.page(f"{_HERE}.json", as_json),
        desk.act(f"{_HERE}/lines", tried, role=Role.VIEWER),
        desk.act(f"{_HERE}/take-over", taken_over, role=Role.EDITOR),
    ]


def _address(path: str, query: NoiseQuery, **changed: object) -> str:
    return address(path, {"since": query.since, "by": query.by, "rule": query.rule}, **changed)
