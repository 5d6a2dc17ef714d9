"""Tickets as people look for them: by words and filters, the newest or the oldest first.

Pages are cut by the row id of their last ticket, so that a page deep in the list costs what the first
one does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, not_, or_, select, union
from sqlmodel import Session, col

from sync.domain.pause import Pause, covering
from sync.domain.text import folded
from sync.store import paused
from sync.store.tables import (
    APART,
    SUBJECT_ID,
    FormerKeyRow,
    LinkRow,
    SubjectRow,
    TicketRow,
    TicketState,
    table_of,
)

PAGE = 50
# Beyond so many, tickets are not counted one by one.
COUNTED = 1000


class Standing(StrEnum):
    """Where a ticket stands, in the words of the pages.

    ``settled``: as its rule wants it. ``due``: to be walked now. ``paused``: due, and waiting for a
    pause by a person to be over. ``held``: to be walked later.
    ``parked``: set aside. ``unsure``: being created, the outcome is not known. ``spared``: never made.
    ``gone``: deleted in Jira. ``forgotten``: a person had it followed no more. ``unplaced``: its rule
    cannot say which ticket it belongs to.
    """

    SETTLED = "settled"
    DUE = "due"
    PAUSED = "paused"
    HELD = "held"
    PARKED = "parked"
    UNSURE = "unsure"
    SPARED = "spared"
    GONE = "gone"
    FORGOTTEN = "forgotten"
    UNPLACED = "unplaced"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for; "" for anything. ``words`` are a Jira key, our key, a subject's id, or a part of
    a subject's title, in any case of letters. ``since`` and ``until`` bound when the ticket was recorded
    (seconds since the epoch), None for no bound. ``pauses`` are those that go on: they tell ``paused``
    from ``due``."""

    words: str = ""
    standing: str = ""
    rule: str = ""
    project: str = ""
    site: str = ""
    since: float | None = None
    until: float | None = None
    pauses: tuple[Pause, ...] = ()


def standing_of(row: TicketRow, now: float, pauses: Iterable[Pause] = ()) -> Standing:
    """Where a ticket stands at ``now`` (seconds since the epoch), while these ``pauses`` go on."""
    standing = _alone(row, now)
    waits = standing is Standing.DUE and covering(pauses, row.rule, row.site, row.project)
    return Standing.PAUSED if waits else standing


def _alone(row: TicketRow, now: float) -> Standing:
    if row.parked_at is not None:
        return Standing.PARKED
    if row.aside is not None:
        return Standing.FORGOTTEN
    apart = {
        TicketState.SPARED: Standing.SPARED,
        TicketState.GONE: Standing.GONE,
        TicketState.UNPLACED: Standing.UNPLACED,
    }
    if row.due_at is None:
        return apart.get(TicketState(row.state), Standing.SETTLED)
    if row.state == TicketState.CREATING:
        return Standing.UNSURE
    return Standing.DUE if row.due_at <= now else Standing.HELD


def page(
    session: Session,
    wanted: Wanted,
    now: float,
    *,
    after: int = 0,
    oldest_first: bool = False,
    limit: int = PAGE,
) -> list[TicketRow]:
    """The tickets that fit, from the one after row id ``after`` on (0: from the first)."""
    id_ = col(TicketRow.id)
    query = _fitting(session, select(TicketRow), wanted, now)
    if after:
        query = query.where(id_ > after if oldest_first else id_ < after)
    query = query.order_by(id_ if oldest_first else id_.desc()).limit(limit)
    return list(session.execute(query).scalars())


def count(session: Session, wanted: Wanted, now: float, most: int = COUNTED) -> int:
    """How many tickets fit; ``most + 1`` where they are more than ``most``."""
    some = _fitting(session, select(col(TicketRow.id)), wanted, now).limit(most + 1).subquery()
    return int(session.execute(select(func.count()).select_from(some)).scalar_one())


def rules(session: Session) -> list[tuple[str, int]]:
    """The rules that tickets have, with how many, from an index."""
    rule = col(TicketRow.rule)
    query = select(rule, func.count()).group_by(rule).order_by(rule)
    return [(name, number) for name, number in session.execute(query)]


def projects(session: Session) -> list[tuple[str, str, int]]:
    """The sites and projects that tickets have, with how many, from an index."""
    by = col(TicketRow.site), col(TicketRow.project)
    query = select(*by, func.count()).group_by(*by).order_by(*by)
    return [(site, project, number) for site, project, number in session.execute(query)]


def titles(session: Session, ids: Iterable[int]) -> Mapping[int, str]:
    """The title of each ticket's first subject, by the ticket's row id. Of a ticket whose subjects were
    put onto another one, the subject that it was made for."""
    link, subject, ticket = table_of(LinkRow).c, table_of(SubjectRow).c, table_of(TicketRow).c
    these = sorted(set(ids))
    made_for = (
        select(ticket.id, subject.payload)
        .join(table_of(SubjectRow), subject.ref == ticket.key)
        .where(ticket.id.in_(these), ticket.merged.is_not(None))
    )
    on_it = (
        select(link.ticket_id, subject.payload)
        .join(table_of(SubjectRow), subject.ref == link.subject)
        .where(link.ticket_id.in_(these))
        .order_by(link.created_at.desc(), link.subject.desc())
    )
    return {
        id_: str(payload.get("title") or "")
        for query in (made_for, on_it)
        for id_, payload in session.execute(query)
    }


def _fitting(session: Session, query: Select, wanted: Wanted, now: float) -> Select:  # type: ignore[type-arg]
    if wanted.since is not None:
        query = query.where(col(TicketRow.id) >= first_since(session, wanted.since))
    if wanted.until is not None:
        query = query.where(col(TicketRow.id) < first_since(session, wanted.until))
    if wanted.rule:
        query = query.where(col(TicketRow.rule) == wanted.rule)
    if wanted.site:
        query = query.where(col(TicketRow.site) == wanted.site)
    if wanted.project:
        query = query.where(col(TicketRow.project) == wanted.project)
    if wanted.standing:
        query = query.where(_standing(Standing(wanted.standing), now, wanted.pauses))
    if wanted.words:
        query = query.where(col(TicketRow.id).in_(_with_words(wanted.words)))
    return query


def first_since(session: Session, at: float) -> int:
    """The row id from which on tickets were recorded at ``at`` or later.

    Tickets are recorded in the order of their row ids, but for seconds between daemons. So the place is
    found by halving, in twenty looks among a million, and no index of times is needed.
    """
    ticket = table_of(TicketRow).c
    low, high = 0, 1 + (session.execute(select(func.max(ticket.id))).scalar_one() or 0)
    while low < high:
        middle = (low + high) // 2
        look = select(ticket.id, ticket.created_at).where(ticket.id >= middle)
        row = session.execute(look.order_by(ticket.id).limit(1)).first()
        if row is None or row.created_at >= at:
            high = middle
        else:
            low = row.id + 1
    return low


def _standing(standing: Standing, now: float, pauses: Sequence[Pause] = ()) -> ColumnElement[bool]:
    """The condition for a standing. Rare standings are asked of their partial indexes, in a query of
    their own: a database that reads the newest tickets first would look through all of them."""
    ticket = table_of(TicketRow).c
    due, free, some = ticket.due_at, ticket.parked_at.is_(None), select(ticket.id)
    free_of = and_(free, ticket.aside.is_(None))
    waits = some.where(due.is_not(None), free_of, ticket.state != TicketState.CREATING)
    match standing:
        case Standing.SETTLED:
            apart = [TicketState.SPARED, TicketState.GONE, TicketState.UNPLACED]
            return and_(
                col(TicketRow.due_at).is_(None),
                col(TicketRow.parked_at).is_(None),
                col(TicketRow.state).not_in(apart),
                col(TicketRow.aside).is_(None),
            )
        case Standing.PARKED:
            found = some.where(ticket.parked.is_not(None), ticket.parked_at.is_not(None))
        case Standing.FORGOTTEN:
            found = some.where(ticket.aside.is_not(None), free)
        case Standing.DUE:
            found = waits.where(due <= now, not_(paused.any_of(pauses)))
        case Standing.PAUSED:
            found = waits.where(due <= now, paused.any_of(pauses))
        case Standing.HELD:
            found = waits.where(due > now)
        case Standing.UNSURE:
            found = some.where(_in_state(TicketState.CREATING), due.is_not(None), free_of)
        case _:
            apart_at = _in_state(TicketState(standing.value))
            found = some.where(literal_column(APART), apart_at, due.is_(None), free_of)
    return col(TicketRow.id).in_(found)


def _in_state(state: TicketState) -> ColumnElement[bool]:
    # A literal and not a parameter, because partial indexes serve literals only.
    return literal_column("state") == literal_column(f"'{state.value}'")


def _with_words(words: str) -> Select:  # type: ignore[type-arg]
    """The row ids of the tickets that words name, or whose subjects have the words in their titles."""
    ticket, link = table_of(TicketRow).c, table_of(LinkRow).c
    former, subject = table_of(FormerKeyRow).c, table_of(SubjectRow).c
    names = sorted({words, words.upper()})
    part = folded(words).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    like = subject.title_folded.like(f"%{part}%", escape="\\")
    of_subject = select(link.ticket_id).join(table_of(SubjectRow), subject.ref == link.subject)
    found = union(
        select(ticket.id).where(ticket.jira_key.in_(names)),
        select(ticket.id).where(ticket.key == words),
        select(former.ticket_id).where(former.jira_key.in_(names)),
        of_subject.where(or_(subject.ref == words, literal_column(SUBJECT_ID) == words)),
        of_subject.where(like),
    )
    return select(found.subquery().c[0])
