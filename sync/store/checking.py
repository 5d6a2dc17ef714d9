"""Whether what a store holds fits together: its file, its tables, its references, its counts.

A check reads whole tables. It is for a person who waits for it, while daemons go on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Table, and_, case, func, select, text
from sqlmodel import SQLModel

from sync.store import migrations
from sync.store.backup import damage_of
from sync.store.engine import Store
from sync.store.tables import TallyRow, TicketRow, TicketState, table_of

_INDEXES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index'",
    "postgresql": "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was looked at: its name, whether it is as it must be, and what was found."""

    what: str
    well: bool
    words: str


def check(store: Store) -> Iterator[Checked]:
    """Look at everything, one thing after the other. Raises StoreUnavailable, SchemaMismatch."""
    migrations.check(store)
    yield Checked("tables", True, f"at {migrations.head()}, as this version needs them")
    with store.read_connection() as connection:
        if store.dialect == "postgresql":
            # One state for all statements: daemons change tickets and their counts meanwhile.
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        yield _pages(connection)
        yield _indexes(connection)
        yield from _references(connection)
        yield _tickets(connection)
        yield _tallies(connection)
        if store.dialect == "postgresql":
            yield _sequences(connection)


def _pages(connection: Connection) -> Checked:
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        damage = damage_of(driver)
        words = "looked through from end to end, every index compared with its table"
        remedy = "Restore a backup: `ticket-sync db restore`"
        return Checked("file", not damage, f"damaged: {damage}. {remedy}" if damage else words)
    sums = connection.execute(text("SHOW data_checksums")).scalar_one()
    if sums == "on":
        return Checked("file", True, "the server checks each page that it reads by its checksum")
    words = "the server has no checksums of its pages (data_checksums), so damage may go unnoticed"
    return Checked("file", True, words)


def _indexes(connection: Connection) -> Checked:
    there = set(connection.scalars(text(_INDEXES[connection.dialect.name])))
    tables = SQLModel.metadata.sorted_tables
    missing = [str(one.name) for table in tables for one in table.indexes if one.name not in there]
    if not missing:
        return Checked("indexes", True, "all there")
    words = f"missing: {', '.join(sorted(missing))}. Restore a backup, or make them by hand"
    return Checked("indexes", False, words)


def _references(connection: Connection) -> Iterator[Checked]:
    """Rows that name a row of another table which is not there."""
    found = []
    for table in SQLModel.metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            parent = key.referred_table
            on = and_(*(one.parent == one.column for one in key.elements))
            orphans = _count(connection, table, parent, on, next(iter(key.columns)))
            if orphans:
                found.append(f"{orphans} of {table.name} name a row of {parent.name}")
    if found:
        words = f"rows name others that are not there: {'; '.join(found)}. Restore a backup"
        yield Checked("references", False, words)
    else:
        yield Checked("references", True, "every row that another one names is there")


def _count(connection: Connection, table: Table, parent: Table, on: object, column: object) -> int:
    query = (
        select(func.count())
        .select_from(table.outerjoin(parent, on))  # type: ignore[arg-type]
        .where(next(iter(parent.primary_key)).is_(None), column.is_not(None))  # type: ignore[attr-defined]
    )
    return int(connection.execute(query).scalar_one())


def _tickets(connection: Connection) -> Checked:
    ticket = table_of(TicketRow).c
    lost = select(func.count()).where(
        ticket.state == TicketState.LINKED, func.coalesce(ticket.jira_id, "") == ""
    )
    number = int(connection.execute(lost).scalar_one())
    if number:
        return Checked("tickets", False, f"{number} count as made, and have no id of Jira's")
    return Checked("tickets", True, "each that was made has its id in Jira")


def _tallies(connection: Connection) -> Checked:
    """The counts that triggers keep, compared with the tickets."""
    ticket, tally = table_of(TicketRow).c, table_of(TallyRow).c
    parked = case(
        (ticket.parked.is_(None), ""), (ticket.parked_at.is_(None), "fields"), else_="ticket"
    )
    by = (ticket.site, ticket.state, parked)
    counted = {
        tuple(row[:3]): int(row[3])
        for row in connection.execute(select(*by, func.count()).group_by(*by))
    }
    kept_by = (tally.site, tally.state, tally.parked)
    kept = {
        tuple(row[:3]): int(row[3])
        for row in connection.execute(select(*kept_by, func.sum(tally.tickets)).group_by(*kept_by))
        if row[3]
    }
    wrong = sum(counted.get(one, 0) != kept.get(one, 0) for one in counted.keys() | kept.keys())
    if wrong:
        words = (
            f"{wrong} counts of tickets are wrong: triggers were removed, or rows written past them"
        )
        return Checked("counts", False, words)
    number = sum(counted.values())
    return Checked("counts", True, f"of tickets: {number}, as counted by the triggers")


def _sequences(connection: Connection) -> Checked:
    """Whether each number that PostgreSQL gives next is free."""
    behind = []
    for table, sequence, column in sequences(connection):
        given = connection.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608
        highest = connection.execute(select(func.max(table.c[column]))).scalar_one() or 0
        if given[0] + bool(given[1]) <= highest:
            behind.append(table.name)
    if behind:
        words = f"the next number is taken in: {', '.join(behind)}. Set them by setval()"
        return Checked("sequences", False, words)
    return Checked("sequences", True, "each next number is free")


def sequences(connection: Connection) -> list[tuple[Table, str, str]]:
    """On PostgreSQL: the tables whose rows the database numbers, each with its sequence and column."""
    asked = text("SELECT pg_get_serial_sequence(:table, :column)")
    found = []
    for table in SQLModel.metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        names = {"table": table.name, "column": column.name}
        if sequence := connection.execute(asked, names).scalar_one():
            found.append((table, str(sequence), column.name))
    return found
