"""Steps: what a walk puts on record of its ticket, each in one commit with its lines in the journal.

A walk knows the row of its ticket from the claim. A step is therefore one guarded UPDATE, of the columns
that the step changes, with the lines inserted where the UPDATE hit the row: one statement on PostgreSQL,
two in one transaction on SQLite. The guard holds the lease, and everything by which others tell the walk
that they have changed the row. Where it does not hold, the row is read anew, and the step is made on
what is there now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    Connection,
    CursorResult,
    Select,
    Update,
    bindparam,
    exists,
    func,
    insert,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg

from sync.store import journal
from sync.store.claims import Claim, claimed
from sync.store.engine import Dialect, Store
from sync.store.gathered import detached
from sync.store.journal import Entry, Line
from sync.store.storable import to_json
from sync.store.tables import JournalRow, LinkRow, MembershipRow, TicketRow, table_of

Changes = Callable[[TicketRow], None]

_TICKETS, _JOURNAL, _LINKS, _MEMBERS = map(
    table_of, (TicketRow, JournalRow, LinkRow, MembershipRow)
)
_JSON = {column.name for column in _TICKETS.c if isinstance(column.type, JSON)}
_NAMES = tuple(column.name for column in _TICKETS.c)
# Databases limit the parts of a statement. More lines than this come from walks that make hundreds of
# calls, beside which reading the row first costs nothing.
_MOST_LINES = 50
_COLUMNS = ("ticket_id", "at", "action", "rule", "result", "words", "detail")
_DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": psycopg.dialect()}  # type: ignore[no-untyped-call]


def write(
    store: Store,
    claim: Claim,
    row: TicketRow,
    change: Changes,
    lines: Sequence[Line],
    *,
    alone: Callable[[], None] | None = None,
) -> tuple[Claim, int]:
    """Change the claimed row and add lines to the journal: one commit. The claim of the changed row, and
    how far the journal has come (0 on PostgreSQL, where nobody asks).

    ``row`` is a copy of the claimed row as ``change`` has changed it; where the row was changed by
    others meanwhile, ``change`` is called with the row as it is. ``alone`` is called before the commit
    if a subject of the ticket belongs to an incident by now, or is one with issues.

    Raises LeaseLost and StoreUnavailable.
    """
    newest = None
    if len(lines) <= _MOST_LINES:
        newest = _at_once(store, claim, row, lines, alone=alone is not None)
    if newest is None:
        if alone is not None:
            alone()
        with store.write() as session:
            known = claimed(session, claim)
            change(known)
            written = [journal.add(session, line) for line in lines]
            if not written and store.dialect == "sqlite":
                written = journal.newest(session)
            session.flush()
            newest = (written[-1].id or 0) if written else 0
            row = detached({name: getattr(known, name) for name in _NAMES})
    until = row.lease_until if row.lease_until is not None else claim.until
    return replace(claim, until=until, about=replace(claim.about, row=row)), newest


def _at_once(
    store: Store, claim: Claim, row: TicketRow, lines: Sequence[Line], *, alone: bool
) -> int | None:
    """The step in one statement, if the row is as the walk knows it. Does nothing if not: None."""
    before = vars(claim.about.row)
    changed = {
        name: _bound(name, value)
        for name, value in vars(row).items()
        if value is not before[name] and value != before[name]
    }
    given: dict[str, Any] = {
        "_id": claim.ticket_id,
        "_owner": claim.owner,
        "_until": claim.until,
        "_wanted": before["wanted"],
        "_state": _bound("state", before["state"]),
        "_jira_id": before["jira_id"],
    }
    given |= {f"new_{name}": value for name, value in changed.items()}
    names = tuple(sorted(changed))
    given |= _of_lines(lines)
    if store.dialect == "postgresql":
        both = _on_postgresql(names, len(lines), alone)
        return store.single(lambda connection: 0 if both.run(connection, given).rowcount else None)
    hit, add = _on_sqlite(names, alone), _lines_on_sqlite(len(lines))

    def step(connection: Connection) -> int | None:
        if not hit.run(connection, given).rowcount:
            return None
        added = add.run(connection, given)
        return int(added.lastrowid if lines else added.scalar_one() or 0)

    return store.together.write(step)


def _bound(name: str, value: Any) -> Any:
    """The value as the driver takes it."""
    if name in _JSON:
        return None if value is None else to_json(value)
    return value.value if isinstance(value, Enum) else value


def _of_lines(lines: Sequence[Line]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for n, one in enumerate(lines):
        words, entry = one.entry.words[: journal.LONGEST_WORDS], one.entry
        values = (
            one.ticket_id,
            one.at,
            entry.action,
            one.rule,
            entry.result,
            words,
            _detail(entry),
        )
        given |= {f"{name}_{n}": value for name, value in zip(_COLUMNS, values, strict=True)}
    return given


def _detail(entry: Entry) -> str:
    return to_json(entry.detail) if entry.detail else "{}"


class _Statement(NamedTuple):
    """A statement in the words of one driver, so that running it compiles nothing."""

    text: str
    # The names of the parameters in order, for a driver that takes them by position.
    names: tuple[str, ...] | None

    @classmethod
    def of(cls, dialect: Dialect, statement: Any) -> _Statement:
        compiled = statement.compile(dialect=_DIALECTS[dialect])
        names = compiled.positiontup
        return cls(str(compiled), tuple(names) if names is not None else None)

    def run(self, connection: Connection, given: Mapping[str, Any]) -> CursorResult[Any]:
        if self.names is None:
            return connection.exec_driver_sql(self.text, dict(given))
        return connection.exec_driver_sql(self.text, tuple(given[name] for name in self.names))


@lru_cache(maxsize=1000)
def _on_postgresql(changed: tuple[str, ...], lines: int, alone: bool) -> _Statement:
    hit = _guarded(changed, alone)
    if not lines:
        return _Statement.of("postgresql", hit)
    row = hit.returning(_TICKETS.c.id).cte("step")
    # The lines hang on the row that was hit: where there is none, no line is added.
    new = [_line(n).select_from(row) for n in range(lines)]
    added = insert(_JOURNAL).from_select(_COLUMNS, union_all(*new) if lines > 1 else new[0])
    return _Statement.of("postgresql", added.add_cte(row))


@lru_cache(maxsize=1000)
def _on_sqlite(changed: tuple[str, ...], alone: bool) -> _Statement:
    return _Statement.of("sqlite", _guarded(changed, alone))


@lru_cache(maxsize=1000)
def _lines_on_sqlite(lines: int) -> _Statement:
    if not lines:
        return _Statement.of("sqlite", select(func.max(_JOURNAL.c.id)))
    new = [_line(n) for n in range(lines)]
    from_all = union_all(*new) if lines > 1 else new[0]
    return _Statement.of("sqlite", insert(_JOURNAL).from_select(_COLUMNS, from_all))


def _guarded(changed: tuple[str, ...], alone: bool) -> Update:
    row = _TICKETS.c
    hit = update(_TICKETS).where(
        row.id == bindparam("_id"),
        row.lease_owner == bindparam("_owner"),
        row.lease_until == bindparam("_until"),
        # Whoever changes what a walk decides by makes the ticket due, and counts that here.
        row.wanted == bindparam("_wanted"),
        row.state == bindparam("_state"),
        row.jira_id.is_not_distinct_from(bindparam("_jira_id")),
    )
    if alone:
        here = (_LINKS.c.ticket_id == row.id, _LINKS.c.subject)
        for member in (_MEMBERS.c.issue, _MEMBERS.c.incident):
            hit = hit.where(~exists().where(here[0], member == here[1]))
    new: dict[str, Any] = {name: bindparam(f"new_{name}", type_=row[name].type) for name in changed}
    # A step that changes nothing still shows whether the lease holds.
    return hit.values(new or {"id": row.id})


def _line(number: int) -> Select[Any]:
    columns = (_JOURNAL.c[name] for name in _COLUMNS[:-1])
    given = (bindparam(f"{one.name}_{number}", type_=one.type) for one in columns)
    return select(*given, bindparam(f"detail_{number}", type_=_JOURNAL.c.detail.type))
