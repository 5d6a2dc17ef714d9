"""Whether the store can be used is found out by using it."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlmodel import select
from structlog.testing import capture_logs

from sync.store import damage
from sync.store.damage import look_and_log, look_for_damage
from sync.store.engine import Store, StoreMisconfigured, StoreUnavailable
from sync.store.errors import StoreDamaged
from sync.store.tables import WriteProbeRow
from sync.store.usable import check_usable
from tests.postgres import Postgres
from tests.store.faults import GoneServer, ReadOnlyFile, overwrite


def test_a_store_that_works_is_found_to_and_keeps_one_row_of_it(store: Store) -> None:
    for _ in range(3):
        check_usable(store)
    with store.read() as session:
        assert len(session.exec(select(WriteProbeRow)).all()) == 1


def test_a_file_that_takes_no_writes_is_found_to(sqlite_store: Store) -> None:
    fault = ReadOnlyFile(sqlite_store)
    fault.on = True
    with pytest.raises(StoreUnavailable, match="read-only"):
        check_usable(sqlite_store)
    fault.on = False
    check_usable(sqlite_store)


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_server_that_is_away_is_found_to_be(store: Store, postgres: Postgres) -> None:
    gone = GoneServer(store, postgres)
    gone.on = True
    with pytest.raises(StoreUnavailable):
        check_usable(store)
    gone.on = False
    check_usable(store)


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_database_that_takes_no_writes_is_found_to(store: Store, postgres: Postgres) -> None:
    name = store.engine.url.database
    postgres.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    postgres.disconnect_all(store)
    with pytest.raises(StoreUnavailable, match="does not take writes"):
        check_usable(store)
    postgres.run(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    postgres.disconnect_all(store)
    check_usable(store)


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
@pytest.mark.parametrize("table", ["deliveries", "subjects", "tickets", "journal", "leases"])
def test_a_privilege_that_is_missing_on_any_table_is_named_with_its_remedy(
    store: Store, postgres: Postgres, table: str
) -> None:
    with postgres.limited(store) as limited:
        check_usable(limited)
        postgres.within(store, f"REVOKE INSERT ON {table} FROM limited")
        with pytest.raises(StoreMisconfigured, match=rf"\(INSERT on {table}\)[^(]*GRANT"):
            check_usable(limited)
        postgres.within(store, f"GRANT INSERT ON {table} TO limited")
        check_usable(limited)


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_sequence_that_may_not_be_used_is_named(store: Store, postgres: Postgres) -> None:
    with postgres.limited(store) as limited:
        postgres.within(store, "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM limited")
        with pytest.raises(StoreMisconfigured, match=r"USAGE on public\.tickets_id_seq"):
            check_usable(limited)


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
@pytest.mark.parametrize("mode", ["ACCESS EXCLUSIVE", "SHARE"])
def test_a_table_that_stays_locked_is_named(store: Store, mode: str) -> None:
    with store.write_connection() as other:
        other.execute(text(f"LOCK TABLE subjects IN {mode} MODE"))
        with pytest.raises(StoreUnavailable, match="table subjects has been locked"):
            check_usable(store)
    check_usable(store)


def test_damage_that_one_part_of_the_program_met_is_told_although_a_write_succeeds(
    sqlite_store: Store,
) -> None:
    check_usable(sqlite_store)
    overwrite(sqlite_store, "subjects")
    check_usable(sqlite_store)
    with pytest.raises(StoreDamaged), sqlite_store.read_connection() as connection:
        connection.execute(text("SELECT * FROM subjects")).all()
    with pytest.raises(StoreDamaged, match="damaged"):
        check_usable(sqlite_store)


@pytest.mark.parametrize("table", ["subjects", "ix_links_ticket", "journal", "memberships"])
def test_damage_that_nobody_has_met_is_found_by_looking(sqlite_store: Store, table: str) -> None:
    overwrite(sqlite_store, table)
    check_usable(sqlite_store)
    with capture_logs() as logs:
        look_and_log(sqlite_store, lambda: False)
    [told] = logs
    assert (told["log_level"], told["event"]) == ("error", "the store is damaged")
    assert "Put a backup of it in its place" in told["reason"]
    with pytest.raises(StoreDamaged, match="the file is damaged"):
        check_usable(sqlite_store)


def test_a_store_without_damage_stays_usable_after_a_look(store: Store) -> None:
    assert look_for_damage(store)
    check_usable(store)


def test_a_file_that_is_too_large_or_a_look_that_is_stopped_tells_nothing(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite_store.read_connection() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    assert look_for_damage(sqlite_store, pages)
    assert not look_for_damage(sqlite_store, pages - 1)
    monkeypatch.setattr(damage, "_STEPS", 1)
    assert not look_for_damage(sqlite_store, stop=lambda: True)
    with capture_logs() as logs:
        monkeypatch.setattr(damage, "MOST_PAGES", pages - 1)
        look_and_log(sqlite_store, lambda: False)
    assert [entry["log_level"] for entry in logs] == ["info"]
    assert look_for_damage(sqlite_store), "the connection that was stopped can be used again"
    check_usable(sqlite_store)
