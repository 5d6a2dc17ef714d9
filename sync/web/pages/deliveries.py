"""The deliveries: the dead ones first, then the newest; one of them with its body; reading again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

import msgspec
from litestar.handlers import HTTPRouteHandler

from sync.operations.accounts import Role
from sync.operations.deliveries import (
    COLUMNS,
    DeliveryQuery,
    choices,
    dead_letters,
    deliveries_of,
    delivery_of,
    exported,
    replay_dead,
    replay_one,
    sentence,
)
from sync.operations.errors import NotFound, Refused
from sync.operations.rules.preview import EventPreview, body_of, previewed
from sync.web.pages.addresses import address
from sync.web.pages.csv_text import csv_of
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Download, Redirect, Shown, Visit, after, seldom

EXPORTED = 50_000


@dataclass(frozen=True, slots=True)
class Seen:
    """How many dead letters were seen, None for any number."""

    shown: int | None = None


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """``/deliveries``, the same as CSV and JSON, and ``/deliveries/ID``."""
    deployment = desk.deployment
    store, wake = deployment.store, deployment.wake_triage
    values = seldom(lambda: choices(store))

    def look(visit: Visit) -> Shown:
        query = visit.asked(DeliveryQuery)
        found, dead = deliveries_of(store, query), dead_letters(store)
        to = partial(address, "/deliveries", query.filters)
        data = {
            "here": "/deliveries",
            "sentence": sentence(query, found, dead),
            "found": found,
            "dead": dead,
            "query": query,
            "choices": values(visit.now),
            "to": to,
            "files": {
                kind: address(f"/deliveries.{kind}", query.filters) for kind in ("csv", "json")
            },
            "without": {name: to(**{name: ""}) for name in query.filters},
        }
        return Shown("deliveries.html", data)

    def one(visit: Visit) -> Shown:
        view = delivery_of(store, visit.path["id_"])
        events, unreadable = _now(view.delivery.id)
        data = {
            "here": "/deliveries",
            "sentence": _sentence(view.delivery.outcome, view.delivery.words),
            "view": view,
            "events": events,
            "unreadable": unreadable,
        }
        return Shown("delivery.html", data)

    def _now(id_: str) -> tuple[tuple[EventPreview, ...], str]:
        """What the delivery would make by the rules in force, or why it cannot be read."""
        try:
            body = body_of(store, id_)
            sites = deployment.settings.sites
            return previewed(deployment.sources.values(), deployment.rules(), sites, body), ""
        except (Refused, NotFound) as error:
            return (), str(error)

    def again(visit: Visit) -> Redirect:
        id_ = visit.path["id_"]
        done = replay_one(store, visit.account, id_, visit.now, wake=wake)
        return after(f"/deliveries/{quote(id_, safe='')}", done)

    def all_again(visit: Visit) -> Redirect:
        shown = visit.given(Seen).shown
        done = replay_dead(store, visit.account, visit.now, shown=shown, wake=wake)
        return after("/deliveries", done)

    def as_csv(visit: Visit) -> Download:
        found = deliveries_of(store, visit.asked(DeliveryQuery), EXPORTED)
        cut = bool(found.after)
        text = csv_of(COLUMNS, exported(found.deliveries), cut=cut)
        return Download(text, "text/csv", "deliveries.csv")

    def as_json(visit: Visit) -> Download:
        found = deliveries_of(store, visit.asked(DeliveryQuery), EXPORTED)
        return Download(msgspec.json.encode(found), "application/json")

    return [
        desk.page("/deliveries", look),
        desk.page("/deliveries.csv", as_csv),
        desk.page("/deliveries.json", as_json),
        desk.page("/deliveries/{id_:str}", one),
        desk.act("/deliveries/replay-dead", all_again, role=Role.OPERATOR),
        desk.act("/deliveries/{id_:str}/replay", again, role=Role.OPERATOR),
    ]


def _sentence(outcome: str, words: str) -> str:
    return {
        "read": f"Read: {words}",
        "dead": f"It could not be read: {words}",
        "waiting": "It waits to be read",
    }[outcome]
