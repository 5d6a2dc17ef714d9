"""Tickets as documents."""

from __future__ import annotations

from sync.operations.ticket import InJira, TicketView, in_jira, ticket_of
from sync.operations.tickets import Choices, TicketList, TicketQuery, choices, listed
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.ticket import number_of
from sync.web.pages.visit import Visit


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/tickets`` and what it can be filtered by."""
    store = desk.deployment.store

    def some(visit: Visit) -> TicketList:
        return listed(store, visit.asked(TicketQuery), visit.now)

    def values(visit: Visit) -> Choices:
        return choices(store)

    def one(visit: Visit) -> TicketView:
        return ticket_of(desk.deployment, number_of(visit), visit.now)

    def shown(visit: Visit) -> InJira:
        return in_jira(desk.deployment, number_of(visit), visit.now, desk.asking)

    return [
        Endpoint("GET", "/tickets", "Which tickets are like this?", some, TicketList, TicketQuery),
        Endpoint("GET", "/tickets/{id_:str}", "Why is a ticket like that?", one, TicketView),
        Endpoint("GET", "/tickets/{id_:str}/jira", "A ticket as Jira shows it", shown, InJira),
        Endpoint("GET", "/tickets-choices", "The values to filter by", values, Choices),
    ]
