"""What is stuck, why, and what to do: a card for each cause."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import msgspec
from litestar.handlers import HTTPRouteHandler

from sync.operations.accounts import Role
from sync.operations.parked import (
    COLUMNS,
    ParkedQuery,
    exported,
    parked_of,
    sentence,
    try_again,
    try_one_again,
)
from sync.web.pages.addresses import address
from sync.web.pages.csv_text import csv_of
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Download, Redirect, Shown, Visit, after


@dataclass(frozen=True, slots=True)
class Again(ParkedQuery):
    """The form of an act: all that fit, of which ``shown`` were seen; or one ``ticket``."""

    shown: int | None = None
    ticket: str = ""


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """``/parked``, the same as CSV and JSON, and trying again."""
    store, wake = desk.deployment.store, desk.deployment.wake

    def look(visit: Visit) -> Shown:
        query = visit.asked(ParkedQuery)
        found = parked_of(store, query)
        to = partial(address, "/parked", query.filters)
        data = {
            "here": "/parked",
            "sentence": sentence(found),
            "found": found,
            "query": query,
            "to": to,
            "files": {kind: address(f"/parked.{kind}", query.filters) for kind in ("csv", "json")},
            "without": {name: to(**{name: ""}) for name in query.filters},
        }
        return Shown("parked.html", data)

    def again(visit: Visit) -> Redirect:
        form = visit.given(Again)
        if form.ticket:
            done = try_one_again(store, visit.account, form.ticket, visit.now, wake=wake)
            return after("/parked", done)
        query = ParkedQuery(form.rule, form.project, form.site, form.group)
        done = try_again(store, visit.account, query, visit.now, shown=form.shown, wake=wake)
        left = {name: value for name, value in query.filters.items() if name != "group"}
        return after(address("/parked", left), done)

    def as_csv(visit: Visit) -> Download:
        found = parked_of(store, visit.asked(ParkedQuery))
        text = csv_of(COLUMNS, exported(found), cut=found.partly)
        return Download(text, "text/csv", "parked.csv")

    def as_json(visit: Visit) -> Download:
        found = parked_of(store, visit.asked(ParkedQuery))
        return Download(msgspec.json.encode(found), "application/json")

    return [
        desk.page("/parked", look),
        desk.page("/parked.csv", as_csv),
        desk.page("/parked.json", as_json),
        desk.act("/parked/retry", again, role=Role.OPERATOR),
    ]
