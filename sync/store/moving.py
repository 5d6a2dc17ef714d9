"""Copying a whole store into another database, and the proof that every row is there.

The copy says in its revision that it is under way, and from which store. So no daemon works on it before
it is whole, only the same store is copied on after an interruption, and no other store is written over.

Rows go table by table, in the order in which they name each other, by their keys. A copy that was
interrupted goes on after the highest key of each table. Then both sides are read and compared. What
differs, because triggers wrote it or because the source has changed since the interruption, is copied
anew, until nothing does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, String, Table, collate, delete, exc, func, select, text
from sqlalchemy import tuple_ as tuple_of
from sqlmodel import SQLModel

from sync.store import continuity, liveness, migrations
from sync.store.checking import sequences
from sync.store.engine import Store, insert_into
from sync.store.errors import StoreMisconfigured, StoreUnavailable, unavailable
from sync.store.migrations import COPYING

BATCH = 500
# Rows that every new store has, written by health checks and triage.
_SEEDED = ("triage", "write_probe")
# Triggers change the rows of other tables while rows are copied: each such step takes a round more.
_ROUNDS = 4
_MODULUS = 1 << 128
_AS_IS = {str, int, bool, type(None)}
_TRIGGERS = {
    "sqlite": "SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": (
        "SELECT DISTINCT event_object_table FROM information_schema.triggers "
        "WHERE event_object_schema = current_schema()"
    ),
}


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a table: how many rows, and a digest of all of them, in whatever order."""

    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A store that was copied: what is in each table, the same on both sides. ``resumed``: the copy went
    on after an interruption."""

    tables: Mapping[str, Contents]
    resumed: bool


def copy(
    source: Store, target: Store, progress: Callable[[str, int], object] = lambda _name, _rows: None
) -> Moved:
    """Copy every row of ``source`` into ``target``, which is empty or holds an interrupted copy.

    ``progress`` is called after each batch with the table and how many rows were copied into it.
    Raises StoreInUse while a daemon uses ``source``, StoreMisconfigured where ``target`` holds another
    store, and StoreUnavailable.
    """
    if source.place == target.place:
        raise StoreMisconfigured("the store is to be copied onto itself; name another one")
    # On PostgreSQL the mark of the copy keeps daemons from the target.
    with _alone(source), _file_alone(target), source.read_connection() as reader:
        if source.dialect == "postgresql":
            # All tables as they stand at one moment.
            reader.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        mark = _mark_of(source)
        resumed = _begin(target, mark)
        tables = SQLModel.metadata.sorted_tables
        if not resumed:
            _empty(target, tables)
        for table in tables:
            _copy(reader, target, table, progress, anew=not resumed)
        wanted = {table.name: contents(reader, table) for table in tables}
        _make_equal(reader, target, wanted, progress)
        _refuse_moved_on(reader, source)
        _end(target)
    return Moved(wanted, resumed)


def contents(connection: Connection, table: Table) -> Contents:
    """What is in a table, as both databases give it back."""
    number, total = 0, 0
    for row in _streamed(connection, select(table)):
        value = json.dumps([_plain(one) for one in row], sort_keys=True, ensure_ascii=False)
        digest = hashlib.blake2b(value.encode(errors="surrogatepass"), digest_size=16).digest()
        number, total = number + 1, (total + int.from_bytes(digest)) % _MODULUS
    return Contents(number, f"{total:032x}")


def _plain(value: Any) -> Any:
    """A value so that both databases' forms of it are equal: PostgreSQL gives JSON's 1.0 and 1e3 back as
    it likes."""
    kind = type(value)
    # Called for each value of each row, most of which are one of these.
    if kind in _AS_IS:
        return value
    if kind is float:
        return int(value) if value.is_integer() else value
    if kind is dict:
        return {key: _plain(one) for key, one in value.items()}
    if kind is list:
        return [_plain(one) for one in value]
    return {"bytes": bytes(value).hex()}


def _alone(store: Store) -> AbstractContextManager[None]:
    """Within this no daemon uses the store: made sure of on SQLite, and asked once on PostgreSQL."""
    if store.dialect == "sqlite":
        return _file_alone(store)
    if running := sorted(liveness.running(store)):
        raise liveness.StoreInUse(
            f"{', '.join(running)} uses the store {store.place}: stop it first, since the copy would "
            "lack what it does meanwhile"
        )
    return nullcontext()


def _file_alone(store: Store) -> AbstractContextManager[None]:
    return liveness.alone(Path(store.place)) if store.dialect == "sqlite" else nullcontext()


def _mark_of(source: Store) -> str:
    """The revision of a copy of this store that is under way."""
    with source.read() as session:
        where = f"{source.dialect} {source.place} {continuity.place_of(session, source)}"
    return COPYING + hashlib.sha256(where.encode(errors="surrogatepass")).hexdigest()[:24]


def _begin(target: Store, mark: str) -> bool:
    """Mark the target as a copy that is under way; whether it was one already."""
    found = migrations.current(target)
    if found == mark:
        return True
    if found.startswith(COPYING):
        raise StoreMisconfigured(
            f"{target.place} holds a part of another store, whose copy did not end; empty it, or name "
            "another database"
        )
    if found not in ("", migrations.head()):
        raise StoreMisconfigured(
            f"{target.place} holds a store of another version, at {found}; name an empty database"
        )
    migrations.upgrade(target)
    with target.write_connection() as connection:
        for table in SQLModel.metadata.sorted_tables:
            some = connection.execute(select(*table.primary_key.columns).limit(1)).first()
            if some is not None and table.name not in _SEEDED:
                raise StoreMisconfigured(
                    f"{target.place} holds a store of its own (its table {table.name} has rows), which "
                    "is not written over; name an empty database"
                )
        _set_revision(connection, mark)
    return False


def _set_revision(connection: Connection, revision: str) -> None:
    connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})


def _empty(target: Store, tables: Iterable[Table]) -> None:
    with target.write_connection() as connection:
        for table in reversed(list(tables)):
            connection.execute(delete(table))


def _copy(
    reader: Connection,
    target: Store,
    table: Table,
    progress: Callable[[str, int], object],
    *,
    anew: bool,
) -> None:
    """Copy the rows of a table whose keys follow the highest one that is there."""
    keys = list(table.primary_key.columns)
    query = select(table).order_by(*_in_bytes(reader, keys))
    if not anew and (last := _highest(target, keys)) is not None:
        query = query.where(tuple_of(*_in_bytes(reader, keys)) > tuple_of(*last))
    statement = insert_into(target.dialect, table).on_conflict_do_nothing()
    copied = 0
    for rows in _batches(_streamed(reader, query)):
        try:
            with target.write_connection() as connection:
                connection.execute(statement, [dict(row._mapping) for row in rows])
        except exc.SQLAlchemyError as error:
            raise StoreUnavailable(
                f"a row of {table.name} does not fit into {target.place}: {unavailable(error)}"
            ) from error
        copied += len(rows)
        progress(table.name, copied)


def _in_bytes(connection: Connection, keys: list[Any]) -> list[Any]:
    """Columns compared byte by byte, as SQLite does: so both databases have the same order."""
    if connection.dialect.name == "sqlite":
        return keys
    return [collate(one, "C") if isinstance(one.type, String) else one for one in keys]


def _highest(target: Store, keys: list[Any]) -> tuple[Any, ...] | None:
    with target.read_connection() as connection:
        order = [one.desc() for one in _in_bytes(connection, keys)]
        row = connection.execute(select(*keys).order_by(*order).limit(1)).first()
    return tuple(row) if row is not None else None


def _streamed(connection: Connection, query: Any) -> Iterator[Row[Any]]:
    """The rows of a query, without all of them in memory."""
    options = {"stream_results": True, "yield_per": BATCH}
    yield from connection.execute(query, execution_options=options)


def _batches(rows: Iterator[Row[Any]]) -> Iterator[list[Row[Any]]]:
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _make_equal(
    reader: Connection,
    target: Store,
    wanted: Mapping[str, Contents],
    progress: Callable[[str, int], object],
) -> None:
    """Copy anew what differs, and what names rows of that, until nothing does. Raises
    StoreUnavailable where that does not help."""
    tables = compared = SQLModel.metadata.sorted_tables
    for _ in range(_ROUNDS):
        with target.read_connection() as connection:
            triggers = set(connection.scalars(text(_TRIGGERS[target.dialect])))
            differ = {one.name for one in compared if contents(connection, one) != wanted[one.name]}
        if not differ:
            return
        for table in tables:
            if any(key.column.table.name in differ for key in table.foreign_keys):
                differ.add(table.name)
        again = [table for table in tables if table.name in differ]
        _empty(target, again)
        for table in again:
            _copy(reader, target, table, progress, anew=True)
        # The others are as they were, unless triggers of these have changed them.
        compared = tables if differ & triggers else again
    raise StoreUnavailable(
        f"after the copy, rows differ in: {', '.join(sorted(differ))}. Does another program write to "
        f"{target.place}?"
    )


def _refuse_moved_on(reader: Connection, source: Store) -> None:
    """Raises StoreUnavailable where somebody wrote to the source during the copy: see ``_alone``."""
    numbered = (table.autoincrement_column for table in SQLModel.metadata.sorted_tables)
    counted = [
        select(func.max(column)).scalar_subquery() for column in numbered if column is not None
    ]
    with source.read_connection() as now:
        if reader.execute(select(*counted)).one() != now.execute(select(*counted)).one():
            raise StoreUnavailable(
                f"something was written to {source.place} during the copy, which lacks that. Stop what "
                "writes there, and copy again"
            )


def _end(target: Store) -> None:
    """Let the database give numbers that are free, and let daemons work on the copy."""
    with target.write_connection() as connection:
        if target.dialect == "postgresql":
            for table, sequence, column in sequences(connection):
                highest = connection.execute(select(func.max(table.c[column]))).scalar_one()
                if highest is not None:
                    arguments = {"sequence": sequence, "highest": highest}
                    connection.execute(text("SELECT setval(:sequence, :highest)"), arguments)
            for table in SQLModel.metadata.sorted_tables:
                # Without it the planner knows nothing of the rows.
                connection.execute(text(f'ANALYZE "{table.name}"'))
        _set_revision(connection, migrations.head())
