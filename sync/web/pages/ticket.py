"""One ticket: its standing, its fields, its subjects and its story."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from urllib.parse import quote

from litestar.handlers import HTTPRouteHandler

from sync.operations.accounts import Role
from sync.operations.acts import Done
from sync.operations.deployment import Deployment
from sync.operations.errors import NotFound, Refused, Unanswered
from sync.operations.parked import try_one_again
from sync.operations.ticket import ASKED_FOR, StoryLine, TicketView, ids_of, in_jira, ticket_of
from sync.operations.ticket_acts import forget, set_aside
from sync.operations.ticket_moves import Linking, Merging, Splitting, link, merge, split
from sync.web.pages.addresses import number_in
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Answer, Redirect, Shown, Visit, after

_KINDS: dict[str, Callable[[StoryLine], bool]] = {
    "all": lambda line: True,
    "decisions": lambda line: line.side == "" and line.what in ("plan", "leave", "park", "decide"),
    "calls": lambda line: line.side == "" and line.what not in ("plan", "leave", "park", "decide"),
    "people": lambda line: line.side in ("jira", "act"),
    "deliveries": lambda line: line.side == "upstream",
}
# So many lines of a story are shown at first.
_LINES = 200


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """``/tickets/KEY`` and ``/tickets/id/NUMBER``."""
    deployment = desk.deployment
    acts: dict[str, Callable[[Deployment, Visit, str], Done]] = {
        "set-aside": _set_aside,
        "forget": _forget,
        "merge": _merge,
        "split": _split,
        "link": _link,
    }

    def by_name(visit: Visit) -> Answer:
        name = visit.path["name"]
        with deployment.store.read() as session:
            ids = ids_of(session, name)
        if len(ids) > 1:
            views = [ticket_of(deployment, id_, visit.now) for id_ in ids]
            sentence = f"{len(ids)} tickets are named {name}"
            data = {"here": "/tickets", "sentence": sentence, "views": views}
            return Shown("several_tickets.html", data)
        view = ticket_of(deployment, ids[0], visit.now)
        if view.ticket and view.ticket != name:
            return Redirect(f"/tickets/{quote(view.ticket, safe='')}")
        return _page(view, visit)

    def by_id(visit: Visit) -> Shown:
        return _page(ticket_of(deployment, number_of(visit), visit.now), visit)

    def shown(visit: Visit) -> Shown:
        found = in_jira(deployment, number_of(visit), visit.now, desk.asking)
        view = ticket_of(deployment, number_of(visit), visit.now)
        data = {
            "here": "/tickets",
            "sentence": view.sentence,
            "view": view,
            "jira": found,
            "days": _days(found.story),
            "seconds": ASKED_FOR,
        }
        return Shown("ticket_in_jira.html", data)

    def again(visit: Visit) -> Redirect:
        view = ticket_of(deployment, number_of(visit), visit.now)
        name = view.ticket or view.key
        done = try_one_again(deployment.store, visit.account, name, visit.now, wake=deployment.wake)
        return after(address_of(view), done)

    def taken(visit: Visit) -> Answer:
        view = ticket_of(deployment, number_of(visit), visit.now)
        act = acts.get(visit.path["how"])
        if act is None:
            raise NotFound("There is no such act.")
        try:
            done = act(deployment, visit, view.ticket or view.key)
        except (NotFound, Refused, Unanswered) as fault:
            # The ticket of the address is there, and what was typed into its form stays.
            return _page(view, visit, visit.given(_Said), str(fault))
        deployment.wake()
        return after(address_of(view), done)

    return [
        desk.page("/tickets/{name:str}", by_name),
        desk.page("/tickets/id/{id_:str}", by_id),
        desk.page("/tickets/id/{id_:str}/jira", shown),
        desk.act("/tickets/id/{id_:str}/retry", again, role=Role.OPERATOR),
        desk.act("/tickets/id/{id_:str}/{how:str}", taken, role=Role.OPERATOR),
    ]


@dataclass(frozen=True, slots=True)
class _Said:
    """What people enter beside a ticket's buttons: another ticket, subjects of this one, and why."""

    other: str = ""
    subjects: Sequence[str] = ()
    why: str = ""
    leave: bool = False
    instead: bool = False


def _set_aside(deployment: Deployment, visit: Visit, name: str) -> Done:
    return set_aside(deployment.store, visit.account, name, visit.now)


def _forget(deployment: Deployment, visit: Visit, name: str) -> Done:
    said, store, now = visit.given(_Said), deployment.store, visit.now
    if not said.subjects:
        return forget(store, visit.account, name, now, why=said.why, whole=True)
    return forget(store, visit.account, _only(said.subjects), now, why=said.why)


def _merge(deployment: Deployment, visit: Visit, name: str) -> Done:
    said = visit.given(_Said)
    wish = Merging(name, said.other, said.why, said.leave)
    return merge(deployment.store, visit.account, wish, visit.now)


def _split(deployment: Deployment, visit: Visit, name: str) -> Done:
    said = visit.given(_Said)
    wish = Splitting(name, said.subjects, said.other, said.why)
    return split(deployment.store, deployment.rules(), visit.account, wish, visit.now)


def _link(deployment: Deployment, visit: Visit, name: str) -> Done:
    said, sites = visit.given(_Said), (deployment.trackers, deployment.rules())
    wish = Linking(_only(said.subjects), said.other, said.why, said.instead)
    return link(deployment.store, sites, visit.account, wish, visit.now)


def _only(subjects: Sequence[str]) -> str:
    if len(subjects) != 1:
        raise Refused("Choose one subject of the ticket for this.")
    return subjects[0]


def address_of(view: TicketView) -> str:
    """Where the page of a ticket is."""
    return f"/tickets/{quote(view.ticket, safe='')}" if view.ticket else f"/tickets/id/{view.id}"


def _page(view: TicketView, visit: Visit, typed: _Said | None = None, trouble: str = "") -> Shown:
    """The page of a ticket or, with ``trouble``, why an act was refused that was ``typed``."""
    kind = (visit.query.get("show") or ["all"])[-1]
    kind = kind if kind in _KINDS else "all"
    whole = "whole" in visit.query
    lines = [line for line in view.story if _KINDS[kind](line)]
    data = {
        # Its own pause is told; those of other tickets say nothing here.
        "pauses": (),
        "here": "/tickets",
        "sentence": view.title or view.sentence,
        "view": view,
        "address": address_of(view),
        "typed": typed or _Said(),
        "trouble": trouble,
        "days": _days(lines if whole else lines[:_LINES]),
        "left": 0 if whole else max(0, len(lines) - _LINES),
        "kind": kind,
        "counts": {name: sum(map(fits, view.story)) for name, fits in _KINDS.items()},
    }
    return Shown("ticket.html", data, status=422 if trouble else 200)


def number_of(visit: Visit) -> int:
    """The row id of a ticket in the address. Raises NotFound."""
    return number_in(visit.path["id_"], "a ticket")


def id_named(deployment: Deployment, name: str) -> int:
    """The row id of a ticket by its number or any of its names. Raises NotFound, and Refused where a
    name is one on several sites."""
    if name.isdigit():
        return number_in(name, "a ticket")
    with deployment.store.read() as session:
        ids = ids_of(session, name)
    if len(ids) > 1:
        raise Refused(f"Several tickets are named {name}: ask for one by its number, {ids}.")
    return ids[0]


def _days(lines: list[StoryLine]) -> list[tuple[str, list[StoryLine]]]:
    """The lines under the days (UTC) on which they happened."""

    def day(line: StoryLine) -> str:
        when = datetime.fromtimestamp(line.at, tz=UTC)
        return f"{when:%A} {when.day} {when:%B %Y}"

    return [(name, list(those)) for name, those in groupby(lines, key=day)]
