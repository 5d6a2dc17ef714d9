"""What people did in Jira and upstream was not told yet, and why."""

from __future__ import annotations

from dataclasses import dataclass

from sync.domain.admission import ACCEPT, Admission, acts_in_words
from sync.domain.agreement import HELD_BECAUSE
from sync.domain.times import stamp
from sync.store import admissions
from sync.store.engine import Session
from sync.store.tables import TicketRow

# So many tickets are named.
NAMED = 20
_DECISION = f"for {ACCEPT} or `ticket-sync upstream reject`"


@dataclass(frozen=True, slots=True)
class OfRule:
    """The acts of a rule's tickets that wait."""

    rule: str
    acts: int
    tickets: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """The acts that wait for somebody to accept or reject them."""

    acts: int
    tickets: int
    by_rule: list[OfRule]


@dataclass(frozen=True, slots=True)
class Held:
    """A ticket that is held, since when (ISO 8601) and why."""

    ticket: str | None
    key: str
    rule: str
    since: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Untold:
    """What waits, how many tickets are accepted, how many are held, and the first of these."""

    waiting: Waiting
    accepted: int
    held: int
    held_tickets: list[Held]


def untold(session: Session) -> Untold:
    """What waits and what is held."""
    groups = admissions.grouped(session)
    found = admissions.counts(groups)
    waiting = [one for one in groups if one.admission is Admission.WAITING]
    held = admissions.some(session, Admission.HELD, NAMED) if found.held else []
    return Untold(
        waiting=Waiting(
            acts=found.acts,
            tickets=found.tickets,
            by_rule=[OfRule(one.rule, one.acts, one.tickets) for one in waiting],
        ),
        accepted=sum(o.tickets for o in groups if o.admission is Admission.ACCEPTED),
        held=found.held,
        held_tickets=[_held(row) for row in held],
    )


def _held(row: TicketRow) -> Held:
    since = stamp(row.admission_at)
    return Held(row.jira_key or None, row.key, row.rule, since, HELD_BECAUSE)


def why_untold(row: TicketRow) -> str:
    """Why upstream is not told of a ticket, and what ends that; "" where upstream is told."""
    if row.admission == Admission.WAITING:
        return f"{acts_in_words(row.untold)} {_DECISION}"
    if row.admission == Admission.HELD:
        return f"held, because {HELD_BECAUSE}; `ticket-sync retry {row.jira_key}` ends that"
    return ""


def notes(found: Untold) -> list[str]:
    """What a person should know of it, each in a sentence; nothing where nothing waits."""
    said: list[str] = []
    waiting = found.waiting
    if waiting.tickets:
        said.append(
            f"{acts_in_words(waiting.acts)} {_DECISION}, on {tickets_in_words(waiting.tickets)}"
        )
    for one in found.held_tickets:
        name = one.ticket or one.key
        said.append(f"{name} is held: {one.why}; `ticket-sync retry {name}` ends that")
    if more := found.held - len(found.held_tickets):
        said.append(f"{tickets_in_words(more)} more held")
    return said


def tickets_in_words(count: int) -> str:
    """A number of tickets in words."""
    return "1 ticket" if count == 1 else f"{count} tickets"
