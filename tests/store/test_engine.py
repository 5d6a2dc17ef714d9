"""Opening a store, its transactions, and what it says when it cannot work."""

from __future__ import annotations

import builtins
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session, select

from sync.store.engine import Store, StoreMisconfigured, StoreUnavailable, open_store
from sync.store.errors import SchemaMismatch, of_database
from sync.store.tables import JournalRow, TicketRow, WatermarkRow
from sync.store.usable import check_usable
from tests.postgres import Postgres


def _count_up(store: Store, times: int) -> None:
    for _ in range(times):
        with store.write() as session:
            row = session.exec(
                select(WatermarkRow).where(WatermarkRow.sweep == "n").with_for_update()
            ).one()
            row.value = {"n": row.value["n"] + 1}


def _put(session: Session, name: str, value: dict[str, Any]) -> None:
    session.add(WatermarkRow(sweep=name, value=value, at=1.0))


def test_no_update_is_lost_between_connections(store: Store) -> None:
    with store.write() as session:
        _put(session, "n", {"n": 0})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: _count_up(store, 25), range(8)))
    with store.read() as session:
        assert session.exec(select(WatermarkRow)).one().value == {"n": 200}


def test_an_error_undoes_the_transaction(store: Store) -> None:
    def half_way() -> None:
        with store.write() as session:
            _put(session, "a", {})
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_way()
    with store.read() as session:
        assert session.exec(select(WatermarkRow)).all() == []


def test_rows_stay_usable_after_their_transaction(store: Store) -> None:
    with store.write() as session:
        _put(session, "a", {"x": 1})
    with store.read() as session:
        row = session.exec(select(WatermarkRow)).one()
    assert (row.sweep, row.value) == ("a", {"x": 1})


def test_a_reader_sees_one_state_while_a_writer_commits(sqlite_store: Store) -> None:
    with sqlite_store.read() as reader:
        assert reader.exec(select(WatermarkRow)).all() == []
        with sqlite_store.write() as session:
            _put(session, "a", {})
        assert reader.exec(select(WatermarkRow)).all() == []


def test_text_that_is_not_text_can_be_stored(store: Store) -> None:
    odd = "a\x00b\ud800c é 🎉"
    with store.write() as session:
        _put(session, odd, {odd: [odd, float("nan"), float("inf"), 1.5, None]})
    with store.read() as session:
        row = session.exec(select(WatermarkRow)).one()
    clean = "a\ufffdb\ufffdc é 🎉"
    assert row.sweep == clean
    assert row.value == {clean: [clean, None, None, 1.5, None]}


def test_rows_that_are_written_together_are_cleaned_each(store: Store) -> None:
    with store.write() as session:
        for words in ("plain", "a\x00b", "c\ud800"):
            session.add(JournalRow(at=1.0, action="note", words=words))
    with store.read() as session:
        rows = session.exec(select(JournalRow).order_by(JournalRow.words))
        assert [row.words for row in rows] == ["a\ufffdb", "c\ufffd", "plain"]


def test_absent_json_is_null_to_the_database(store: Store) -> None:
    with store.write() as session:
        session.add(
            TicketRow(key="k", rule="r", site="s", project="P", created_at=1.0, parked=None)
        )
    with store.read_connection() as connection:
        query = text("SELECT count(*) FROM tickets WHERE parked IS NULL")
        assert connection.execute(query).scalar() == 1


def test_every_sqlite_connection_is_durable_and_keeps_its_references(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    with closing(store), store.read_connection() as connection:

        def pragma(name: str) -> object:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

        found = {
            n: pragma(n) for n in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
    }


def test_a_writer_waits_for_another_process_and_a_reader_after_it_too(sqlite_store: Store) -> None:
    other = sqlite3.connect(
        str(sqlite_store.engine.url.database), isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")

    def write() -> None:
        with sqlite_store.write() as session:
            _put(session, "a", {})

    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(write)
        with pytest.raises(StillWaiting):
            written.result(0.05)
        other.execute("COMMIT")
        written.result(10)
    # The connection that wrote has looked for the lock itself; now SQLite waits for it again.
    with sqlite_store.read_connection() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 10_000
        assert connection.execute(text("SELECT count(*) FROM watermarks")).scalar() == 1
    other.close()


def test_a_lock_held_too_long_makes_the_store_unavailable(sqlite_store: Store) -> None:
    other = open_store(str(sqlite_store.engine.url), busy_timeout=0.05)
    with sqlite_store.write() as session:
        _put(session, "a", {})
        session.flush()
        with pytest.raises(StoreUnavailable, match="lock"), other.write() as late:
            late.exec(select(WatermarkRow)).all()
    other.close()


def test_a_new_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'new.db'}")
    with store.write_connection() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
    rights = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    names = ("new.db", "new.db-wal", "new.db-shm", "new.db.turns")
    assert rights == dict.fromkeys(names, 0o600)
    store.close()


def test_many_processes_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    ready = threading.Barrier(8)

    def first_use(_: int) -> object:
        store = open_store(url)
        ready.wait()
        with store.read_connection() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        store.close()
        return mode

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(first_use, range(8))) == {"wal"}


@pytest.mark.parametrize(
    "url, words",
    [
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:////no/such/folder/store.db", "/no/such/folder does not exist"),
        ("sqlite:////tmp", "names a folder"),
        ("sqlite:////dev/null", "/dev/null, which is no file"),
        ("mysql://localhost/db", "'mysql'"),
        ("what is this", "cannot be read"),
        ("postgresql://user:hidden@host:port/db", "cannot be read"),
    ],
)
def test_a_wrong_url_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(StoreMisconfigured, match=words):
        open_store(url)


def test_postgresql_without_its_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "psycopg":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StoreMisconfigured, match=r"ticket-sync\[postgres\]"):
        open_store("postgresql://user@127.0.0.1/db")


def test_a_store_without_tables_says_to_upgrade_it(bare_store_url: str) -> None:
    store = open_store(bare_store_url)
    with pytest.raises(SchemaMismatch, match="db upgrade"), store.read() as session:
        session.exec(select(WatermarkRow)).all()
    store.close()


def test_a_file_that_is_no_database_makes_the_store_unavailable(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    words = r"the store .*/store\.db \(url in \[store\]\) .*not an SQLite database.*\. Put a backup"
    with pytest.raises(StoreUnavailable, match=words), store.write() as session:
        session.exec(select(WatermarkRow)).all()
    store.close()


@pytest.mark.postgres
@pytest.mark.postgres
def test_a_database_that_was_made_without_a_locale_keeps_text(postgres: Postgres) -> None:
    name = "made_without_a_locale"
    postgres.run(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    store = open_store(postgres.url(name))
    try:
        with store.write() as session:
            session.execute(text("CREATE TABLE kept (word text)"))
            session.execute(text("INSERT INTO kept VALUES ('Größe')"))
        with store.read() as session:
            assert session.execute(text("SELECT word FROM kept")).scalar() == "Größe"
    finally:
        store.close()


def test_no_server_makes_the_store_unavailable_and_keeps_the_password_secret() -> None:
    store = open_store("postgresql://user:hidden@127.0.0.1:1/db")
    with (
        pytest.raises(StoreUnavailable, match="cannot be reached") as caught,
        store.read() as session,
    ):
        session.exec(select(WatermarkRow)).all()
    assert "hidden" not in str(caught.value) + store.place
    store.close()


@pytest.mark.postgres
def test_the_end_of_a_password_that_was_taken_for_the_host_is_not_told() -> None:
    store = open_store("postgresql://user:hid@den@127.0.0.1:1/db")
    with pytest.raises(StoreUnavailable) as caught, store.read() as session:
        session.exec(select(WatermarkRow)).all()
    assert "den" not in str(caught.value)
    store.close()


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_lost_connection_makes_the_store_unavailable_for_one_transaction(
    store: Store, postgres: Postgres
) -> None:
    def cut_off() -> None:
        with store.write() as session:
            _put(session, "a", {})
            session.flush()
            postgres.disconnect_all(store)
            session.exec(select(WatermarkRow)).all()

    with pytest.raises(StoreUnavailable):
        cut_off()
    with store.write() as session:
        assert session.exec(select(WatermarkRow)).all() == []


WRONG_VALUES = {
    "a key that is taken": "INSERT INTO write_probe (id, at) VALUES (1, 1.0)",
    "a value that is missing": "INSERT INTO write_probe (id, at) VALUES (2, NULL)",
}


@pytest.mark.parametrize("statement", WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_a_value_that_is_wrong_is_not_called_an_outage(store: Store, statement: str) -> None:
    check_usable(store)
    with (
        pytest.raises(Exception, match="constraint") as caught,
        store.write_connection() as connection,
    ):
        connection.execute(text(statement))
    assert not isinstance(caught.value, StoreUnavailable)
    assert of_database(caught.value)


def test_a_number_that_no_column_holds_is_not_called_an_outage(store: Store) -> None:
    with pytest.raises(Exception) as caught, store.write_connection() as connection:
        connection.execute(text("UPDATE deliveries SET seq = :n"), {"n": 2**70})
    assert not isinstance(caught.value, StoreUnavailable)


def test_a_statement_that_the_database_refuses_means_not_now(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="nonsense"), store.read_connection() as connection:
        connection.execute(text("nonsense"))


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(state=st.from_regex(r"[0-9A-Z]{5}", fullmatch=True).filter(lambda s: s[2:] != "000"))
def test_every_sqlstate_but_those_about_values_means_not_now(store: Store, state: str) -> None:
    about_values = state[:2] in ("22", "23")
    with pytest.raises(Exception) as caught, store.write_connection() as connection:
        connection.execute(
            text(f"DO $$ BEGIN RAISE EXCEPTION 'odd' USING ERRCODE = '{state}'; END $$")
        )
    assert isinstance(caught.value, StoreUnavailable) is not about_values
    with store.read_connection() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_connections_that_the_server_ended_while_they_were_idle_are_not_noticed(
    store: Store, postgres: Postgres
) -> None:
    for _ in range(2):
        with store.read() as one, store.read() as other:
            assert one.exec(select(WatermarkRow)).all() == other.exec(select(WatermarkRow)).all()
        postgres.disconnect_all(store)
        assert store.single(lambda c: c.exec_driver_sql("SELECT 1").scalar()) == 1
        with store.write() as session:
            session.exec(select(WatermarkRow)).all()
