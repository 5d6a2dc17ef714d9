"""Tickets as documents."""

from __future__ import annotations

from dataclasses import dataclass

from sync.operations.accounts import Role
from sync.operations.acts import Done
from sync.operations.ticket import InJira, TicketView, in_jira, ticket_of
from sync.operations.ticket_acts import forget, set_aside
from sync.operations.tickets import Choices, TicketList, TicketQuery, choices, listed
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.ticket import id_named
from sync.web.pages.visit import Visit


@dataclass(frozen=True, slots=True)
class Named:
    """A ticket by its Jira key, our key, or the id of an issue or incident of it."""

    ticket: str


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/tickets`` and what it can be filtered by."""
    store = desk.deployment.store

    def some(visit: Visit) -> TicketList:
        return listed(store, visit.asked(TicketQuery), visit.now)

    def values(visit: Visit) -> Choices:
        return choices(store)

    def named(visit: Visit) -> int:
        return id_named(desk.deployment, visit.path["name"])

    def one(visit: Visit) -> TicketView:
        return ticket_of(desk.deployment, named(visit), visit.now)

    def shown(visit: Visit) -> InJira:
        return in_jira(desk.deployment, named(visit), visit.now, desk.asking)

    def aside(visit: Visit) -> Done:
        return set_aside(store, visit.account, visit.given(Named).ticket, visit.now)

    def forgotten(visit: Visit) -> Done:
        return forget(store, visit.account, visit.given(Named).ticket, visit.now)

    return [
        Endpoint(
            "POST", "/set-aside", "Set a ticket aside", aside, Done, body=Named, role=Role.OPERATOR
        ),
        Endpoint(
            "POST", "/forget", "Forget a ticket", forgotten, Done, body=Named, role=Role.OPERATOR
        ),
        Endpoint("GET", "/tickets", "Which tickets are like this?", some, TicketList, TicketQuery),
        Endpoint("GET", "/tickets/{name:str}", "Why is a ticket like that?", one, TicketView),
        Endpoint("GET", "/tickets/{name:str}/jira", "A ticket as Jira shows it", shown, InJira),
        Endpoint("GET", "/tickets-choices", "The values to filter by", values, Choices),
    ]
