"""The list of tickets, with its filters in the address."""

from __future__ import annotations

from functools import partial

import msgspec
from litestar.handlers import HTTPRouteHandler

from sync.operations.tickets import TicketQuery, choices, listed, sentence
from sync.store.ticket_search import Standing
from sync.web.pages.addresses import address
from sync.web.pages.csv_text import csv_of
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Download, Shown, Visit, seldom

# So many tickets are in a file at most; the file says where it ends.
EXPORTED = 50_000
_COLUMNS = (
    "ticket",
    "title",
    "standing",
    "reason",
    "rule",
    "site",
    "project",
    "due",
    "recorded",
    "key",
)


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """``/tickets``, and the same as CSV and JSON."""
    store = desk.deployment.store
    values = seldom(lambda: choices(store))

    def look(visit: Visit) -> Shown:
        query = visit.asked(TicketQuery)
        found = listed(store, query, visit.now)
        to = partial(address, "/tickets", {**query.filters, "order": _order(query)})
        data = {
            "here": "/tickets",
            "sentence": sentence(query, found),
            "found": found,
            "query": query,
            "choices": values(visit.now),
            "standings": list(Standing),
            "to": to,
            "files": {kind: address(f"/tickets.{kind}", query.filters) for kind in ("csv", "json")},
            "without": {name: to(**{name: ""}) for name in query.filters},
            "fits_without": fits_without(query, visit.now) if not found.count else [],
        }
        return Shown("tickets.html", data)

    def fits_without(query: TicketQuery, now: float) -> list[tuple[str, str, int]]:
        """Where nothing fits: how many would without one of the filters, with the address of these."""
        tried = []
        for name, value in query.filters.items():
            less = query.without(name)
            if number := listed(store, less, now).count:
                tried.append((f"{name}={value}", address("/tickets", less.filters), number))
        return tried

    def as_file(visit: Visit) -> Download:
        found = listed(store, visit.asked(TicketQuery), visit.now, limit=EXPORTED)
        lines = ([getattr(row, name) for name in _COLUMNS] for row in found.tickets)
        text = csv_of(_COLUMNS, lines, cut=found.after is not None)
        return Download(text, "text/csv", "tickets.csv")

    def as_json(visit: Visit) -> Download:
        found = listed(store, visit.asked(TicketQuery), visit.now, limit=EXPORTED)
        return Download(msgspec.json.encode(found), "application/json")

    return [
        desk.page("/tickets", look),
        desk.page("/tickets.csv", as_file),
        desk.page("/tickets.json", as_json),
    ]


def _order(query: TicketQuery) -> str:
    return "" if query.order == "newest" else query.order
