"""Tickets as documents."""

from __future__ import annotations

from sync.operations.tickets import Choices, TicketList, TicketQuery, choices, listed
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/tickets`` and what it can be filtered by."""
    store = desk.deployment.store

    def some(visit: Visit) -> TicketList:
        return listed(store, visit.asked(TicketQuery), visit.now)

    def values(visit: Visit) -> Choices:
        return choices(store)

    return [
        Endpoint("GET", "/tickets", "Which tickets are like this?", some, TicketList, TicketQuery),
        Endpoint("GET", "/tickets-choices", "The values to filter by", values, Choices),
    ]
