"""Which tickets are like this?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from sync.domain.durations import seconds_in
from sync.domain.pause import Pause, active, covering
from sync.domain.times import stamp
from sync.operations.errors import NotFound, Refused
from sync.operations.values import Choice, RowId
from sync.store import edit_progress, epics, paused, placements, ticket_search
from sync.store.engine import Session, Store
from sync.store.tables import TicketRow
from sync.store.ticket_search import COUNTED, PAGE, Standing, Wanted, standing_of

# The sort that each standing is shown as.
TOKENS = {
    Standing.SETTLED: "ok",
    Standing.DUE: "busy",
    Standing.PAUSED: "wait",
    Standing.HELD: "wait",
    Standing.PARKED: "bad",
    Standing.UNSURE: "idle",
    Standing.SPARED: "idle",
    Standing.GONE: "idle",
    Standing.FORGOTTEN: "idle",
    Standing.UNPLACED: "bad",
}


_HOW_TO_NAME = "Name it by its Jira key, or by the id of the issue it was made for"


def unknown(session: Session, name: str, remedy: str = _HOW_TO_NAME) -> NotFound:
    """What to raise for a name that no ticket has. ``remedy`` says what to do, without a full stop."""
    return NotFound(said_of_epic(session, name) or f"There is no ticket {name!r}. {remedy}.")


def said_of_epic(session: Session, name: str) -> str:
    """What to say where the name is that of an epic which holds tickets of ours, "" where it is not."""
    epic = epics.named(session, name.strip())
    if epic is None:
        return ""
    return (
        f"{epic.jira_key} is the epic {epic.name!r}, under which rules put tickets of {epic.project}. "
        "It is people's, and nothing of it is ever changed. Name one of its tickets instead."
    )


@dataclass(frozen=True, slots=True)
class TicketQuery:
    """What to look for; "" for anything. ``older_than`` and ``newer_than`` are ages of the record, such
    as "2d" or "90m". ``after`` is the row id of the last ticket of the page before, ``order`` is
    "newest" or "oldest"."""

    q: str = ""
    standing: str = ""
    rule: str = ""
    project: str = ""
    site: str = ""
    older_than: str = ""
    newer_than: str = ""
    order: str = "newest"
    after: RowId = 0

    @property
    def filters(self) -> dict[str, str]:
        """What is asked for, by its name in the address, without order and place."""
        asked = {
            "q": self.q,
            "standing": self.standing,
            "rule": self.rule,
            "project": self.project,
            "site": self.site,
            "older_than": self.older_than,
            "newer_than": self.newer_than,
        }
        return {name: value for name, value in asked.items() if value}

    def without(self, name: str) -> TicketQuery:
        """The same without one of the filters, from its first page."""
        rest = {key: value for key, value in self.filters.items() if key != name}
        return msgspec.convert(rest, TicketQuery)


@dataclass(frozen=True, slots=True)
class TicketLine:
    """A ticket in a list. ``ticket`` is its key in Jira, None before it is made; ``reason`` says why it
    is not settled. ``since``, ``due`` and ``made`` are in ISO 8601. ``merged_into`` names the
    ticket that a person merged it into; ``placed`` is how many of its subjects a person put there."""

    id: int
    ticket: str | None
    key: str
    title: str
    standing: str
    reason: str
    rule: str
    site: str
    project: str
    due: str | None
    parked_since: str | None
    recorded: str
    due_at: float | None = None
    recorded_at: float = 0.0
    merged_into: str | None = None
    placed: int = 0

    @property
    def name(self) -> str:
        """By what people know it."""
        return self.ticket or self.key

    @property
    def token(self) -> str:
        """The sort that its standing is shown as."""
        return TOKENS[Standing(self.standing)]


@dataclass(frozen=True, slots=True)
class TicketList:
    """A page of tickets. ``count`` is how many fit, and ``more_than_counted`` where they are more.
    ``after`` leads to the next page, None on the last."""

    tickets: list[TicketLine]
    count: int
    more_than_counted: bool
    after: int | None


@dataclass(frozen=True, slots=True)
class Choices:
    """The values to filter by."""

    rules: list[Choice]
    sites: list[Choice]
    projects: list[Choice]


def listed(store: Store, query: TicketQuery, now: float, *, limit: int = PAGE) -> TicketList:
    """A page of the tickets that fit. Raises Refused for a standing, an order or an age that is none."""
    wanted = _wanted(query, now)
    with store.read() as session:
        pauses = active(paused.load(session), now)
        wanted = replace(wanted, pauses=pauses)
        rows = ticket_search.page(
            session,
            wanted,
            now,
            after=query.after,
            oldest_first=query.order == "oldest",
            limit=limit + 1,
        )
        there, rows = len(rows), rows[:limit]
        named = ticket_search.titles(session, [row.id for row in rows if row.id])
        count = ticket_search.count(session, wanted, now)
        by_hand = placements.counts(session, [row.id for row in rows if row.id])
        into = placements.names(session, [row.merged["into"] for row in rows if row.merged])
    return TicketList(
        tickets=[
            replace(
                line_of(row, named.get(row.id or 0, ""), now, merged_into(row, into)),
                **_paused(row, now, pauses),
                placed=by_hand.get(row.id or 0, 0),
            )
            for row in rows
        ],
        count=min(count, COUNTED),
        more_than_counted=count > COUNTED,
        after=rows[-1].id if there > limit else None,
    )


def choices(store: Store) -> Choices:
    """The values to filter by, with how many tickets have each."""
    with store.read() as session:
        rules, places = ticket_search.rules(session), ticket_search.projects(session)
    return Choices(
        rules=[Choice(name, number) for name, number in rules],
        sites=_summed((site, number) for site, _, number in places),
        projects=_summed((project, number) for _, project, number in places),
    )


def sentence(query: TicketQuery, found: TicketList) -> str:
    """The answer in words."""
    number = f"More than {COUNTED:,}" if found.more_than_counted else f"{found.count:,}"
    noun = "ticket" if found.count == 1 else "tickets"
    if not found.count:
        return "No ticket fits" if query.filters else "There are no tickets yet"
    one = found.count == 1
    fitting = (
        f" that {'fits' if one else 'fit'}" if len(query.filters) > bool(query.standing) else ""
    )
    standing = f" {'is' if one else 'are'} {query.standing}" if query.standing else ""
    return f"{number} {noun}{fitting}{standing}"


def merged_into(row: TicketRow, into: Mapping[int, tuple[str, str]]) -> str | None:
    """The name of the ticket that a ticket was merged into, out of those ``into`` which any were."""
    return into.get(row.merged["into"], ("another ticket", ""))[0] if row.merged else None


def line_of(row: TicketRow, title: str, now: float, into: str | None = None) -> TicketLine:
    """A ticket as lists show it. ``into`` names the ticket that it was merged into."""
    assert row.id is not None
    return TicketLine(
        id=row.id,
        ticket=row.jira_key or None,
        key=row.key,
        title=title,
        standing=standing_of(row, now).value,
        reason=reason_of(row, into),
        rule=row.rule,
        site=row.site,
        project=row.project,
        due=stamp(edit_progress.due_at(row, now)),
        parked_since=stamp(row.parked_at),
        recorded=stamp(row.created_at) or "",
        due_at=edit_progress.due_at(row, now),
        recorded_at=row.created_at,
        merged_into=into,
    )


def _paused(row: TicketRow, now: float, pauses: Sequence[Pause]) -> dict[str, Any]:
    """What a list says otherwise of a ticket that waits for a pause; nothing of any other."""
    found = covering(pauses, row.rule, row.site, row.project)
    if found is None or standing_of(row, now, pauses) is not Standing.PAUSED:
        return {}
    return {"standing": Standing.PAUSED.value, "reason": found.words}


def reason_of(row: TicketRow, into: str | None = None) -> str:
    """Why a ticket is not settled; "" where it is. ``into`` names the ticket that it was merged into."""
    if row.parked_at is not None:
        return str((row.parked or {}).get("words") or row.error)
    if row.aside is not None:
        return f"forgotten by {row.aside['by']}"
    if row.due_at is None:
        return f"merged into {into} by {row.merged['by']}" if row.merged else ""
    return row.error or row.due_reason


def _wanted(query: TicketQuery, now: float) -> Wanted:
    if query.standing and query.standing not in list(Standing):
        names = ", ".join(Standing)
        raise Refused(f"There is no standing {query.standing!r}. There are: {names}.")
    if query.order not in ("newest", "oldest"):
        raise Refused(f"There is no order {query.order!r}. There are: newest, oldest.")
    return Wanted(
        query.q.strip(),
        query.standing,
        query.rule,
        query.project,
        query.site,
        since=_ago(query.newer_than, now),
        until=_ago(query.older_than, now),
    )


def _ago(age: str, now: float) -> float | None:
    """The time so long before ``now``; None for no age. Raises Refused."""
    if not age:
        return None
    seconds = seconds_in(age)
    if seconds is None:
        raise Refused(f"{age!r} is no age. Write 2d, 12h or 90m.")
    return now - seconds


def _summed(pairs: Iterable[tuple[str, int]]) -> list[Choice]:
    found: dict[str, int] = {}
    for value, number in pairs:
        found[value] = found.get(value, 0) + number
    return [Choice(value, number) for value, number in sorted(found.items())]
