"""Queries on the pauses that people asked for, and on the tickets that wait for them.

Nothing has to happen when a pause is over: whoever looks compares its end with the clock. A pause that
is over stays on record for a day, because what waited for it is late only from its end on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, and_, case, delete, false, func, not_, or_, select, update
from sqlmodel import Session, col

from sync.domain.pause import Pause, PauseKind, active
from sync.store.engine import change, dialect_of, insert_into
from sync.store.tables import PauseRow, TicketRow, table_of

# Seconds for which a pause that is over stays on record.
KEPT_SECONDS = 86_400.0
_TICKET = table_of(TicketRow).c


def load(session: Session) -> tuple[Pause, ...]:
    """The pauses on record, also those that are over, the earliest end first."""
    rows = session.execute(select(*table_of(PauseRow).c))
    found = (
        Pause(PauseKind(r.kind), r.name, r.site, r.until, r.by, r.why, r.at, tuple(r.rules))
        for r in rows
    )
    return tuple(sorted(found, key=lambda one: (one.until, one.kind, one.name, one.site)))


def put(session: Session, pause: Pause) -> None:
    """Record a pause, in place of an earlier one of the same rule, project or site."""
    values = {
        "kind": pause.kind.value,
        "site": pause.site,
        "name": pause.name,
        "until": pause.until,
        "by": pause.by,
        "why": pause.why,
        "at": pause.at,
        "rules": list(pause.rules),
    }
    row = insert_into(dialect_of(session), PauseRow).values(values)
    key = ("kind", "site", "name")
    later = {name: row.excluded[name] for name in values if name not in key}
    session.execute(row.on_conflict_do_update(index_elements=key, set_=later))


def end(session: Session, pause: Pause, now: float) -> bool:
    """Let a pause be over at ``now`` (seconds since the epoch); False where it was already."""
    going_on = (*_is(pause), col(PauseRow.until) > now)
    return change(session, update(PauseRow).where(*going_on).values(until=now)) > 0


def rename_rule(session: Session, before: str, after: str) -> None:
    """Let the tickets of a rule that is being renamed wait under its new name as well. The pause of the
    old name stays, because some of the tickets may still have that."""
    for one in load(session):
        if one.kind is PauseKind.RULE and one.name == before:
            put(session, replace(one, name=after))


def note_rules(session: Session, pause: Pause, rules: Sequence[str]) -> None:
    """Record for whose rules new tickets a pause of a project holds."""
    change(session, update(PauseRow).where(*_is(pause)).values(rules=list(rules)))


def prune(session: Session, now: float) -> int:
    """Forget the pauses that have been over for a day; how many."""
    return change(session, delete(PauseRow).where(col(PauseRow.until) < now - KEPT_SECONDS))


def _is(pause: Pause) -> tuple[ColumnElement[bool], ...]:
    return (
        col(PauseRow.kind) == pause.kind.value,
        col(PauseRow.site) == pause.site,
        col(PauseRow.name) == pause.name,
    )


def affected(pause: Pause) -> ColumnElement[bool]:
    """The tickets that a pause covers, by columns that ``ix_tickets_site_due`` has."""
    # So that no index of rules or projects serves: these lead to tickets that are not due as well.
    rule, project = func.coalesce(_TICKET.rule, ""), func.coalesce(_TICKET.project, "")
    if pause.kind is PauseKind.RULE:
        return rule == pause.name
    if pause.kind is PauseKind.SITE:
        return _TICKET.site == pause.site
    known = project == pause.name
    new = and_(project == "", rule.in_(sorted(pause.rules)))
    return and_(_TICKET.site == pause.site, or_(known, new) if pause.rules else known)


def any_of(pauses: Iterable[Pause]) -> ColumnElement[bool]:
    """The tickets that one of these pauses covers; none where there is no pause."""
    return or_(false(), *map(affected, pauses))


def late_since(pauses: Iterable[Pause]) -> ColumnElement[float]:
    """Since when (seconds since the epoch) a due ticket could have been walked: since it is due or, of
    one that waited for pauses, since the last of these was over."""
    due: ColumnElement[float] = _TICKET.due_at
    for pause in sorted(pauses, key=lambda one: -one.until):
        # A ticket that became due after the pause is late from then on.
        within = and_(affected(pause), _TICKET.due_at < pause.until)
        due = case((within, pause.until), else_=due)
    return due


@dataclass(frozen=True, slots=True)
class Waiting:
    """The tickets that wait for pauses: by pause, and in all, where a ticket of two counts once."""

    by_pause: Mapping[Pause, int]
    total: int


def waiting(session: Session, pauses: Iterable[Pause], now: float) -> Waiting:
    """How many due tickets wait for each pause that goes on, from an index. No statement where none
    does."""
    going_on = active(pauses, now)
    if not going_on:
        return Waiting({}, 0)
    numbers = [func.count().filter(affected(one)) for one in going_on]
    total, *found = _counted(session, now, any_of(going_on), numbers)
    return Waiting(dict(zip(going_on, found, strict=True)), total)


def left(session: Session, pause: Pause, going_on: Sequence[Pause]) -> int:
    """How many tickets that waited for a pause which is over are still due and wait for none that goes
    on, from an index."""
    waited = and_(affected(pause), not_(any_of(going_on)))
    return _counted(session, pause.until, waited, [])[0]


def _counted(
    session: Session,
    due_by: float,
    those: ColumnElement[bool],
    numbers: Sequence[ColumnElement[int]],
) -> list[int]:
    """How many of those tickets are due by a time, and the numbers of these."""
    # By site, because the index that has all of these columns begins with it.
    query = (
        select(_TICKET.site, func.count(), *numbers)
        .where(_TICKET.due_at <= due_by, _TICKET.parked_at.is_(None), those)
        .group_by(_TICKET.site)
    )
    sums = [0] * (1 + len(numbers))
    for _, *found in session.execute(query):
        sums = [one + int(more) for one, more in zip(sums, found, strict=True)]
    return sums
