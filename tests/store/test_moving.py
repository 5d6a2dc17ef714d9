"""A store that is copied into another database is there row for row, and nothing works on half of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, select, text
from sqlmodel import SQLModel

from sync.store import leases, migrations, moving
from sync.store.checking import check
from sync.store.engine import Store, open_store
from sync.store.errors import SchemaMismatch, StoreMisconfigured, StoreUnavailable
from sync.store.liveness import ALIVE_SECONDS, Liveness, StoreInUse
from sync.store.tables import (
    DeliveryRow,
    FormerKeyRow,
    JournalRow,
    LinkRow,
    SubjectRow,
    TicketRow,
    table_of,
)
from tests.postgres import Postgres

TO_POSTGRESQL = pytest.param(
    ("sqlite", "postgresql"), marks=pytest.mark.postgres, id="to-postgresql"
)
TO_SQLITE = pytest.param(("postgresql", "sqlite"), marks=pytest.mark.postgres, id="to-sqlite")
# What the two databases give back in forms of their own.
ODD = {
    "b": 1.0,
    "a": [1e22, -0.0, 0.1, 1e-7, 2**60],
    "é": None,
    "": {"x": "ﬃ\U0001f600"},
    "t": True,
}


@pytest.fixture(params=[TO_POSTGRESQL])
def way(
    request: pytest.FixtureRequest, sqlite_store: Store, postgres: Postgres
) -> Iterator[tuple[Store, Store]]:
    """A source with rows, and a target in the other database, whose tables are empty."""
    name = postgres.create()
    with closing(open_store(postgres.url(name))) as other:
        there = {"sqlite": sqlite_store, "postgresql": other}
        first, second = request.param
        fill(there[first])
        yield there[first], there[second]
    postgres.drop(name)


@pytest.fixture
def another(tmp_path: Path, sqlite_template: Path) -> Iterator[Store]:
    """A store that has nothing to do with the others."""
    file = tmp_path / "another.db"
    file.write_bytes(sqlite_template.read_bytes())
    with closing(open_store(f"sqlite:///{file}")) as store:
        yield store


def fill(store: Store) -> None:
    with store.write() as session:
        for number in range(30):
            # Upper and lower case and accents: the databases order them differently.
            ref = f"coalesce:issue:{'aBÄz'[number % 4]}{number}"
            subject: dict[str, Any] = {"source": "coalesce", "kind": "issue", "workspace": "w"}
            subject |= {"status": "open", "event_type": "t", "event_time": 2**62 + number}
            session.add(
                SubjectRow(
                    ref=ref, event_id="e", payload=ODD, first_seen_at=0.1 + number, **subject
                )
            )
            session.flush()
            ticket = TicketRow(key=ref, rule="r", site="main", project="DATA", created_at=1.5)
            ticket.jira_id, ticket.jira_key, ticket.state = f"{number}", f"DATA-{number}", "linked"
            ticket.parked = {"fields": {}} if number % 3 == 0 else None
            session.add(ticket)
            session.flush()
            session.add(LinkRow(subject=ref, ticket_id=ticket.id or 0, created_at=2.0))
            session.add(JournalRow(ticket_id=ticket.id, at=3.0, action="note", detail=ODD))
            session.add(
                DeliveryRow(id=f"d{number}", source="coalesce", received_at=4.0, body=b"\0\xff\n")
            )
    with store.write() as session:
        moved = session.get_one(TicketRow, 3)
        moved.jira_key = "OTHER-1"
        session.delete(session.get_one(JournalRow, 30))


def rows(store: Store, table: Table) -> list[Any]:
    with store.read_connection() as connection:
        found = [tuple(row) for row in connection.execute(select(table))]
    return sorted(found, key=repr)


@pytest.mark.parametrize("way", [TO_POSTGRESQL, TO_SQLITE], indirect=True)
def test_every_row_of_every_table_is_there_and_equal(way: tuple[Store, Store]) -> None:
    source, target = way
    moved = moving.copy(source, target)
    assert set(moved.tables) == set(SQLModel.metadata.tables)
    assert moved.tables["tickets"].rows == 30
    for table in SQLModel.metadata.sorted_tables:
        if table.name != "tallies":
            assert rows(target, table) == rows(source, table), table.name
    assert rows(target, table_of(FormerKeyRow)) == [("DATA-2", 3)]
    assert [one.words for one in check(target) if not one.well] == []
    migrations.check(target)


def test_a_copy_goes_on_with_new_rows_whose_numbers_are_free(way: tuple[Store, Store]) -> None:
    source, target = way
    moving.copy(source, target)
    with target.write() as session:
        row = TicketRow(key="new", rule="r", site="main", project="DATA", created_at=1.0)
        session.add(row)
        session.flush()
        assert row.id == 31
        session.add(JournalRow(ticket_id=row.id, at=3.0, action="note"))


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


def interrupted(source: Store, target: Store, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Begin to copy, and stop after so many batches."""
    monkeypatch.setattr(moving, "BATCH", 7)
    batches = 0

    def count(_name: str, _rows: int) -> None:
        nonlocal batches
        batches += 1
        if batches == after:
            raise Interrupted

    with pytest.raises(Interrupted):
        moving.copy(source, target, count)


@pytest.mark.parametrize("after", [pytest.param(4, marks=pytest.mark.proof), 16])
def test_a_copy_that_was_interrupted_goes_on_where_it_was(
    way: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    source, target = way
    interrupted(source, target, monkeypatch, after)
    with pytest.raises(SchemaMismatch, match="did not end"):
        migrations.check(target)
    with pytest.raises(SchemaMismatch, match="did not end"):
        migrations.upgrade(target)
    copied: dict[str, int] = {}

    def note(name: str, number: int) -> None:
        copied.setdefault(name, number)

    moved = moving.copy(source, target, note)
    assert moved.resumed
    assert [one.words for one in check(target) if not one.well] == []
    for table in SQLModel.metadata.sorted_tables:
        if table.name != "tallies":
            assert rows(target, table) == rows(source, table), table.name
    if after == 16:
        assert "subjects" not in copied, "what was there is not copied again"


def test_what_changed_in_the_source_since_an_interruption_is_copied_anew(
    way: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = way
    interrupted(source, target, monkeypatch, 16)
    with source.write() as session:
        session.get_one(TicketRow, 1).error = "changed"
        session.delete(session.get_one(JournalRow, 1))
        session.delete(session.get_one(LinkRow, "coalesce:issue:B5"))
        session.delete(session.get_one(SubjectRow, "coalesce:issue:B5"))
    moving.copy(source, target)
    for table in SQLModel.metadata.sorted_tables:
        if table.name != "tallies":
            assert rows(target, table) == rows(source, table), table.name


def test_no_other_store_is_copied_over_or_on(
    way: tuple[Store, Store], another: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = way
    interrupted(source, target, monkeypatch, 4)
    with pytest.raises(StoreMisconfigured, match="part of another store"):
        moving.copy(another, target)
    moving.copy(source, target)
    before = rows(target, table_of(TicketRow))
    with pytest.raises(StoreMisconfigured, match="a store of its own"):
        moving.copy(another, target)
    with pytest.raises(StoreMisconfigured, match="a store of its own"):
        moving.copy(source, target)
    with pytest.raises(StoreMisconfigured, match="onto itself"):
        moving.copy(source, source)
    assert rows(target, table_of(TicketRow)) == before


def test_the_tables_of_another_program_are_left_alone(
    sqlite_store: Store, bare_store_url: str
) -> None:
    source, target = sqlite_store, open_store(bare_store_url)
    theirs = Table("tickets", MetaData(), Column("id", Integer, primary_key=True))
    with target.write_connection() as connection:
        theirs.create(connection)
        connection.execute(theirs.insert().values(id=7))
    with pytest.raises(SchemaMismatch, match="another program"):
        moving.copy(source, target)
    assert rows(target, theirs) == [(7,)]
    target.close()


def test_nothing_is_copied_while_a_daemon_runs(way: tuple[Store, Store]) -> None:
    source, target = way
    daemon = Liveness(source, "host-12-abc")
    daemon.alone()
    daemon.show()
    with pytest.raises(StoreInUse, match="process 12 on host"):
        moving.copy(source, target)
    daemon.end()
    assert rows(target, table_of(TicketRow)) == []
    moving.copy(source, target)


def test_a_copy_that_lacks_what_was_written_meanwhile_does_not_count_as_whole(
    way: tuple[Store, Store],
) -> None:
    source, target = way
    written = []

    def write(_name: str, _rows: int) -> None:
        if not written:
            with source.write() as session:
                session.add(JournalRow(ticket_id=1, at=3.0, action="note"))
            written.append(1)

    with pytest.raises(StoreUnavailable, match=r"written to .* during the copy"):
        moving.copy(source, target, write)
    with pytest.raises(SchemaMismatch, match="did not end"):
        migrations.check(target)
    moving.copy(source, target)
    assert rows(target, table_of(JournalRow)) == rows(source, table_of(JournalRow))


def test_a_table_of_a_later_version_is_copied_too(
    way: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = way
    metadata = MetaData()
    for table in SQLModel.metadata.sorted_tables:
        table.to_metadata(metadata)
    later = Table("later", metadata, Column("name", String, primary_key=True))
    monkeypatch.setattr(SQLModel, "metadata", metadata)
    for store in way:
        with store.write_connection() as connection:
            later.create(connection)
    with source.write_connection() as connection:
        connection.execute(later.insert(), [{"name": "b"}, {"name": "B"}])
    assert moving.copy(source, target).tables["later"].rows == 2
    assert rows(target, later) == [("B",), ("b",)]


def test_a_row_that_does_not_fit_is_named(sqlite_store: Store, postgres: Postgres) -> None:
    """SQLite holds no column to its length."""
    row = TicketRow(key="x" * 500, rule="r", site="main", project="DATA", created_at=1.0)
    with sqlite_store.write() as session:
        session.add(row)
    name = postgres.create()
    with closing(open_store(postgres.url(name))) as target:
        with pytest.raises(StoreUnavailable, match=r"a row of tickets does not fit .*too long"):
            moving.copy(sqlite_store, target)
        assert migrations.current(target).startswith(migrations.COPYING)
    postgres.drop(name)


def test_two_rows_that_differ_in_one_character_have_another_digest(sqlite_store: Store) -> None:
    table = LinkRow.metadata.tables["leases"]
    found = set()
    for name in ("a", "b"):
        with sqlite_store.write_connection() as connection:
            connection.execute(text("DELETE FROM leases"))
        leases.set_(sqlite_store, name, "me", ALIVE_SECONDS)
        with sqlite_store.write_connection() as connection:
            connection.execute(text("UPDATE leases SET until = 5"))
        with sqlite_store.read_connection() as connection:
            found.add(moving.contents(connection, table))
    assert len(found) == 2
