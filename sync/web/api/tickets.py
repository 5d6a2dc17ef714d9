"""Tickets as documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sync.operations.accounts import Role
from sync.operations.acts import Done
from sync.operations.ticket import InJira, TicketView, in_jira, ticket_of
from sync.operations.ticket_acts import forget, set_aside
from sync.operations.ticket_moves import Linking, Merging, Splitting, link, merge, split
from sync.operations.tickets import Choices, TicketList, TicketQuery, choices, listed
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.ticket import id_named
from sync.web.pages.visit import Visit


@dataclass(frozen=True, slots=True)
class Named:
    """A ticket by its Jira key, our key, or the id of an issue or incident of it."""

    ticket: str


@dataclass(frozen=True, slots=True)
class Forgetting:
    """A ticket by any of its names, or a subject that shares its ticket with others; and why."""

    ticket: str
    why: str = ""


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
        asked = visit.given(Forgetting)
        return forget(store, visit.account, asked.ticket, visit.now, why=asked.why)

    def merged(visit: Visit) -> Done:
        return woken(merge(store, visit.account, visit.given(Merging), visit.now))

    def split_off(visit: Visit) -> Done:
        rules, wish = desk.deployment.rules(), visit.given(Splitting)
        return woken(split(store, rules, visit.account, wish, visit.now))

    def linked(visit: Visit) -> Done:
        sites = desk.deployment.trackers, desk.deployment.rules()
        return woken(link(store, sites, visit.account, visit.given(Linking), visit.now))

    def woken(done: Done) -> Done:
        desk.deployment.wake()
        return done

    def act(path: str, what: str, do: Callable[[Visit], Done], body: type) -> Endpoint:
        return Endpoint("POST", path, what, do, Done, body=body, role=Role.OPERATOR)

    return [
        act("/set-aside", "Set a ticket aside", aside, Named),
        act("/forget", "Forget a ticket, or a subject that shares one", forgotten, Forgetting),
        act("/merge", "Put all subjects of a ticket onto another", merged, Merging),
        act("/split", "Put subjects onto a ticket of their own, or another", split_off, Splitting),
        act("/link", "Let a ticket in Jira be that of a subject", linked, Linking),
        Endpoint("GET", "/tickets", "Which tickets are like this?", some, TicketList, TicketQuery),
        Endpoint("GET", "/tickets/{name:str}", "Why is a ticket like that?", one, TicketView),
        Endpoint("GET", "/tickets/{name:str}/jira", "A ticket as Jira shows it", shown, InJira),
        Endpoint("GET", "/tickets-choices", "The values to filter by", values, Choices),
    ]
