"""What tickets came and went for: their stages in the journal, and what their subjects are about.

Both queries end at a limit, however many tickets there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from sync.domain.attendance import MADE
from sync.store.journal import ENDED_IN_HOLD
from sync.store.tables import JournalRow, LinkRow, SubjectRow, TicketRow, table_of

# So many entries of the journal are looked at, the newest, and so many subjects.
MOST_ENTRIES = 200_000
MOST_SUBJECTS = 50_000
SPARED = "spared"
# A move of which the entry does not say whether it closed the ticket: of an earlier version.
MOVED = "moved"
_BATCH = 500
_JOURNAL, _LINKS, _SUBJECTS, _TICKETS = map(table_of, (JournalRow, LinkRow, SubjectRow, TicketRow))
_PARTS = ("trigger_name", "trigger_entity", "owners")
_ACTIONS = ("create", "adopt", "transition", "spare")


@dataclass(frozen=True, slots=True)
class Stage:
    """What became of a ticket at a time (seconds since the epoch): ``made``, ``spared``, ``closed``,
    ``reopened`` or ``moved``. ``attended`` says of a close whether anybody but us did something about
    the ticket before; None where that is not known."""

    ticket_id: int
    at: float
    what: str
    rule: str
    attended: bool | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What a subject of a ticket is about; "" where the subject does not say. ``owners`` are names."""

    ticket_id: int
    monitor: str
    table: str
    owners: tuple[str, ...]


def oldest_entry(session: Session) -> float | None:
    """When the oldest entry of the journal was made (seconds since the epoch), None where there is
    none."""
    return session.exec(select(JournalRow.at).order_by(col(JournalRow.at)).limit(1)).first()


def begins(session: Session, since: float, most: int = MOST_ENTRIES) -> float:
    """The time from which on the journal has ``most`` entries at most: ``since``, or a later one."""
    at = col(JournalRow.at)
    query = select(JournalRow.at).where(at >= since).order_by(at.desc()).offset(most).limit(1)
    return session.exec(query).first() or since


def stages(session: Session, since: float, until: float) -> list[Stage]:
    """The stages of all tickets between two times, oldest first."""
    row = _JOURNAL.c
    query = (
        columns(row.ticket_id, row.at, row.action, row.rule, row.words == ENDED_IN_HOLD, row.detail)
        .where(row.at >= since, row.at <= until, row.action.in_(_ACTIONS))
        .where(row.result.in_(("ok", "spared")), row.ticket_id.is_not(None))
        .order_by(row.at, row.id)
    )
    found = (_stage(*one) for one in session.connection().execute(query))
    return [one for one in found if one is not None]


def _stage(
    ticket_id: int, at: float, action: str, rule: str, held: bool, detail: dict[str, Any]
) -> Stage | None:
    said = detail.get("stage") if detail else None
    if action == "spare":
        return Stage(ticket_id, at, SPARED, rule) if held else None
    if action == "create" or said == MADE:
        return Stage(ticket_id, at, MADE, rule)
    if action != "transition":
        return None
    if said is None:
        return Stage(ticket_id, at, MOVED, rule)
    return Stage(ticket_id, at, str(said), rule, detail.get("attended")) if said else None


def about(session: Session, ticket_ids: Iterable[int]) -> Iterator[About]:
    """What the subjects of these tickets are about, ``MOST_SUBJECTS`` of them at most, of the newest
    tickets first. A ticket whose subjects have all moved on to a following ticket is about these."""
    wanted, left = sorted(set(ticket_ids), reverse=True), MOST_SUBJECTS
    subject = _SUBJECTS.c
    parts = (subject.payload[name] for name in _PARTS)
    query = columns(_LINKS.c.ticket_id, *parts).join(_SUBJECTS, subject.ref == _LINKS.c.subject)
    for start in range(0, len(wanted), _BATCH):
        some = wanted[start : start + _BATCH]
        here = query.where(_LINKS.c.ticket_id.in_(some)).limit(left)
        found = [_about(*row) for row in session.connection().execute(here)]
        found += _departed(session, set(some) - {one.ticket_id for one in found})
        yield from found
        left -= len(found)
        if left <= 0:
            return


def _departed(session: Session, ids: set[int]) -> list[About]:
    row = _TICKETS.c
    found = session.connection().execute(columns(row.id, row.departed).where(row.id.in_(ids)))
    return [
        _about(id_, *(one["payload"].get(name) for name in _PARTS))
        for id_, departed in found
        for one in departed
    ]


def _about(ticket_id: int, monitor: Any, entity: Any, owners: Any) -> About:
    return About(ticket_id, _text(monitor), _named(entity), _owners(owners))


def _text(value: Any) -> str:
    return str(value or "")


def _named(entity: Any) -> str:
    if not isinstance(entity, dict):
        return ""
    return _text(entity.get("name")) or "/".join(
        map(str, (entity.get("identifier") or {}).values())
    )


def _owners(owners: Any) -> tuple[str, ...]:
    listed = owners if isinstance(owners, list) else []
    names = (str(o.get("title") or o.get("id") or "") for o in listed if isinstance(o, dict))
    return tuple(sorted({name for name in names if name}))
