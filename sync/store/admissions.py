"""Tickets of which upstream is not told: counted, listed, and decided on by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlalchemy import select as columns
from sqlmodel import select

from sync.domain.admission import Admission
from sync.store import journal, tickets
from sync.store.engine import Session, Store
from sync.store.parking import SPREAD_SECONDS, TOGETHER
from sync.store.tables import TicketRow, table_of

_TICKET = table_of(TicketRow).c


@dataclass(frozen=True, slots=True)
class Group:
    """The tickets of one rule of which upstream is not told for one reason, and how many acts wait."""

    admission: Admission
    rule: str
    tickets: int
    acts: int


def grouped(session: Session) -> list[Group]:
    """The tickets of which upstream is not told, or that a person has decided on since their last walk,
    by rule. Read from an index of those tickets alone."""
    query = (
        columns(_TICKET.admission, _TICKET.rule, func.count(), func.sum(_TICKET.untold))
        .where(_TICKET.admission.is_not(None))
        .group_by(_TICKET.admission, _TICKET.rule)
        .order_by(_TICKET.admission, _TICKET.rule)
    )
    return [Group(Admission(a), rule, n, int(acts)) for a, rule, n, acts in session.execute(query)]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many acts, of how many tickets, wait to be accepted, and how many tickets are held."""

    acts: int = 0
    tickets: int = 0
    held: int = 0


def counts(groups: Sequence[Group]) -> Counts:
    """What waits and what is held, of all rules."""
    waiting = [one for one in groups if one.admission is Admission.WAITING]
    held = [one for one in groups if one.admission is Admission.HELD]
    return Counts(
        acts=sum(one.acts for one in waiting),
        tickets=sum(one.tickets for one in waiting),
        held=sum(one.tickets for one in held),
    )


def some(session: Session, admission: Admission, limit: int) -> list[TicketRow]:
    """Some of the tickets with this admission."""
    query = (
        select(TicketRow)
        .where(_TICKET.admission == admission.value)
        .order_by(_TICKET.rule, _TICKET.id)
    )
    return list(session.exec(query.limit(limit)))


def any_waits(session: Session) -> bool:
    """Whether a ticket waits to be accepted."""
    query = columns(_TICKET.id).where(_TICKET.admission == Admission.WAITING.value).limit(1)
    return session.execute(query).first() is not None


def decide(store: Store, decision: Admission, now: float, *, rule: str = "") -> Counts:
    """Put on record what a person decided, at ``now``, of every ticket that waits (of a rule): accepted
    or rejected. Their next walks, spread over time, read the tickets and carry that out. Returns what
    waited. Raises StoreUnavailable.
    """
    query = (
        columns(_TICKET.id)
        .where(_TICKET.admission == Admission.WAITING.value)
        .order_by(_TICKET.rule, _TICKET.id)
    )
    with store.read() as session:
        ids = list(session.execute(query.where(_TICKET.rule == rule) if rule else query).scalars())
    acts = count = 0
    for start in range(0, len(ids), TOGETHER):
        with store.write() as session:
            rows = tickets.by_ids(session, ids[start : start + TOGETHER]).values()
            for row in [one for one in rows if one.admission == Admission.WAITING]:
                acts += row.untold
                _decided(session, row, decision, now, count)
                count += 1
    return Counts(acts, count)


def _decided(session: Session, row: TicketRow, decision: Admission, now: float, after: int) -> None:
    """Let a walk carry out what a person decided, at ``now``, of a locked ticket: the walk of a ticket
    with ``after`` others before it comes later."""
    row.admission, row.admission_at = decision.value, now
    tickets.make_due(row, now + after * SPREAD_SECONDS, _WORDS[decision], look=True)
    entry = journal.Entry("admit", _WORDS[decision])
    journal.write(session, entry, at=now, ticket_id=row.id, rule=row.rule)


_WORDS = {
    Admission.ACCEPTED: "a person accepted that upstream is told what waits",
    Admission.REJECTED: "a person decided that upstream is not told what waits",
    Admission.OLDER: "a person asked that upstream is told the comments from before",
}


def tell_older(store: Store, ids: Sequence[int], now: float) -> int:
    """Let comments from before be told of these tickets, by row id, spread over time; of how many. A
    ticket that waits or is held is left out."""
    count = 0
    for start in range(0, len(ids), TOGETHER):
        with store.write() as session:
            rows = tickets.by_ids(session, ids[start : start + TOGETHER]).values()
            for row in [one for one in rows if one.jira_id and one.admission is None]:
                _decided(session, row, Admission.OLDER, now, count)
                count += 1
    return count


def ids_of_rule(session: Session, rule: str) -> list[int]:
    """The row ids of a rule's tickets, oldest first."""
    query = columns(_TICKET.id).where(_TICKET.rule == rule).order_by(_TICKET.created_at, _TICKET.id)
    return list(session.execute(query).scalars())
