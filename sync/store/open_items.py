"""Open subjects and open tickets: one SQL expression for each meaning, and the queries that use them.

Besides open tickets, `plan` looks at those that are due, and an edit of the rules at those that are
parked. The sweep of Jira looks at open tickets alone.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Exists, Select, and_, select, union
from sqlalchemy.orm import aliased
from sqlmodel import col

from sync.domain.subject import Kind, SubjectRef
from sync.store import tickets
from sync.store.engine import Session
from sync.store.tables import LinkRow, MembershipRow, SubjectRow, TicketRow, TicketState

# A ticket in one of these states is not in Jira and is not to be made.
RESTING = (TicketState.SPARED, TicketState.GONE)


def open_subject() -> ColumnElement[bool]:
    """An open subject: one that has not ended. In Python: ``not snapshot.status.ended``."""
    return col(SubjectRow.ended_at).is_(None)


def open_ticket() -> ColumnElement[bool]:
    """An open ticket: at least one subject that belongs to the ticket is open."""
    return _subject(open_subject())


def speaker_open() -> ColumnElement[bool]:
    """A ticket that an open incident of it or, where the ticket has no incidents, an open issue of it
    keeps open. In Python: ``not facts.ended``.

    When all incidents of a ticket have ended, the ticket ends, although an issue may still be open.
    """
    incident = col(SubjectRow.kind) == Kind.INCIDENT.value
    return _subject(open_subject(), incident) | (open_ticket() & ~_subject(incident))


def _subject(*conditions: ColumnElement[bool]) -> Exists:
    """For queries on tickets: some subject that belongs to the ticket meets all conditions."""
    return (
        select(col(LinkRow.subject))
        .join(SubjectRow, col(SubjectRow.ref) == col(LinkRow.subject))
        .where(col(LinkRow.ticket_id) == col(TicketRow.id), *conditions)
        .exists()
    )


def _not_resting() -> ColumnElement[bool]:
    there = col(TicketRow.state).not_in([state.value for state in RESTING])
    return and_(there, col(TicketRow.aside).is_(None))


def open_or_due(
    session: Session,
    *,
    settled_by: Sequence[str] = (),
    sites: Collection[str] = (),
    but: Iterable[str] = (),
) -> tuple[array[int], int]:
    """Row ids of the tickets that are open or due, and not ``RESTING``, in order.

    Left out are those on these ``sites`` that are settled by one of ``settled_by``, and whose keys are
    none of ``but``; how many these are.
    """
    due = select(col(TicketRow.id)).where(col(TicketRow.due_at).is_not(None))
    settled = _settled(settled_by) & col(TicketRow.site).in_(sorted(sites))
    query = _among(union(with_open_subject(), due), settled)
    return _but_settled(session, query, set(tickets.ids_of_keys(session, but)))


def _settled(by: Sequence[str]) -> ColumnElement[bool]:
    """A ticket in Jira that is settled by one of these rules, and surely still is."""
    return and_(
        col(TicketRow.settled_by).in_(by),
        col(TicketRow.state) == TicketState.LINKED.value,
        col(TicketRow.due_at).is_(None),
        col(TicketRow.lease_until).is_(None),
        col(TicketRow.parked).is_(None),
    )


def _but_settled(
    session: Session, query: Select[Any], wanted: Collection[int] = ()
) -> tuple[array[int], int]:
    """The row ids that a query gives, without the settled ones that are not ``wanted``; how many
    these are."""
    # Eight bytes a ticket, because these may be all open tickets of a store.
    found, left_out = array("q"), 0
    for id_, is_settled in session.execute(query.execution_options(yield_per=5000)):
        if is_settled and id_ not in wanted:
            left_out += 1
        else:
            found.append(id_)
    return found, left_out


def open_or_parked(
    session: Session,
    changed: Iterable[str],
    kept: Iterable[str],
    incidents: Iterable[str],
    *,
    settled_by: Sequence[str] = (),
) -> tuple[array[int], int]:
    """Row ids of the tickets that are open, are parked or have a parked field, are not ``RESTING``, and
    that an edit of the rules can reach, in order.

    The edit reaches the tickets of ``changed`` rules, the tickets of rules that are not in ``kept``, and
    the tickets of issues whose incident has a ticket of one of the rules in ``incidents``. Left out are
    those that are settled by one of ``settled_by``; how many these are.
    """
    own, host, hosting = aliased(LinkRow), aliased(LinkRow), aliased(TicketRow)
    of_incidents = (
        select(col(own.ticket_id))
        .join(MembershipRow, col(MembershipRow.issue) == col(own.subject))
        .join(host, col(MembershipRow.incident) == col(host.subject))
        .join(hosting, col(hosting.id) == col(host.ticket_id))
        .where(col(hosting.rule).in_(sorted(incidents)))
    )
    parked = select(col(TicketRow.id)).where(col(TicketRow.parked).is_not(None))
    reached = (
        col(TicketRow.rule).in_(sorted(changed))
        | col(TicketRow.rule).not_in(sorted(kept))
        | col(TicketRow.id).in_(of_incidents)
    )
    query = _among(union(with_open_subject(), parked), _settled(settled_by)).where(reached)
    return _but_settled(session, query)


def with_open_subject() -> Select[Any]:
    """The row ids of the open tickets, from the open subjects on: however many tickets are closed."""
    return (
        select(col(LinkRow.ticket_id))
        .join(SubjectRow, col(SubjectRow.ref) == col(LinkRow.subject))
        .where(open_subject())
    )


def _among(some: CompoundSelect[Any], *more: ColumnElement[Any]) -> Select[Any]:
    """The row ids of those tickets among some that are not ``RESTING``, in order, each with ``more``."""
    ids = some.subquery()
    return (
        select(col(TicketRow.id), *more)
        .join(ids, ids.c[0] == col(TicketRow.id))
        .where(_not_resting())
        .order_by(col(TicketRow.id))
    )


def open_among(session: Session, ids: Collection[int]) -> set[int]:
    """Those of some tickets, by row id, that are open."""
    if not ids:
        return set()
    query = select(col(TicketRow.id)).where(col(TicketRow.id).in_(sorted(ids)), open_ticket())
    return {id_ for id_ in session.execute(query).scalars() if id_ is not None}


def open_in_jira(session: Session, site: str, *, after: int, limit: int) -> list[tuple[int, str]]:
    """(Row id, Jira id) of the open tickets of a site that are in Jira and not parked, with row ids
    above ``after``; by row id."""
    query = select(col(TicketRow.id), col(TicketRow.jira_id)).where(
        # An expression, which no index serves: by the one of sites and Jira ids, SQLite would read and
        # sort all tickets of the site for each page.
        col(TicketRow.site).concat("") == site,
        col(TicketRow.state) == TicketState.LINKED,
        col(TicketRow.id) > after,
        col(TicketRow.parked_at).is_(None),
        open_ticket(),
    )
    rows = session.execute(query.order_by(col(TicketRow.id)).limit(limit))
    return [(id_, jira_id) for id_, jira_id in rows if id_ and jira_id]


def open_on_tickets_of(
    session: Session, rules: Collection[str], of: tuple[str, str], *, after: str, limit: int
) -> list[SubjectRef]:
    """Open subjects ``of`` a source and a kind whose tickets are in Jira and kept by one of these rules,
    with references above ``after``; by reference."""
    ref = col(SubjectRow.ref)
    query = (
        select(ref)
        .join(LinkRow, col(LinkRow.subject) == ref)
        .join(TicketRow, col(TicketRow.id) == col(LinkRow.ticket_id))
        .where(
            open_subject(),
            ref > after,
            col(SubjectRow.source) == of[0],
            col(SubjectRow.kind) == of[1],
            # An expression, which no index serves: by the one of rules, all tickets of a rule would be
            # read for each page.
            col(TicketRow.rule).concat("").in_(sorted(rules)),
            col(TicketRow.state) == TicketState.LINKED.value,
        )
    )
    rows = session.execute(query.order_by(ref).limit(limit)).scalars()
    return [SubjectRef.parse(one) for one in rows]


def open_without_ticket(session: Session, *, after: str, limit: int) -> list[SubjectRow]:
    """Open subjects that belong to no ticket, with references above ``after``; by reference."""
    linked = select(LinkRow).where(col(LinkRow.subject) == col(SubjectRow.ref)).exists()
    query = select(SubjectRow).where(col(SubjectRow.ref) > after, open_subject(), ~linked)
    return list(session.execute(query.order_by(col(SubjectRow.ref)).limit(limit)).scalars())
