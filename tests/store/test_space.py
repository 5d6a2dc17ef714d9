"""Free pages of a SQLite file go back to the file system, in bounded steps, and nothing else changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import delete, select

from sync.store import space
from sync.store.deliveries import recover
from sync.store.engine import Store, open_store
from sync.store.inbox import Accepted
from sync.store.migrations import upgrade
from sync.store.tables import DeliveryRow

BODY = b"x" * 3_000


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Store]:
    """A store in a file that this version has made."""
    store = open_store(f"sqlite:///{tmp_path / 'new.db'}")
    upgrade(store)
    yield store
    store.close()


def _fill(store: Store, count: int) -> None:
    with store.write() as session:
        recover(session, [Accepted("coalesce", f"e{n}", "x", BODY, float(n)) for n in range(count)])


def _empty(store: Store, until: float) -> None:
    with store.write() as session:
        session.execute(delete(DeliveryRow).where(DeliveryRow.received_at < until))


def _given_back(store: Store, batch: int) -> list[int]:
    counts = []
    while True:
        with store.write() as session:
            counts.append(space.give_back(session, batch=batch))
        if counts[-1] < batch:
            return counts


def _pages(store: Store) -> tuple[int, int]:
    """Pages of the file, and how many of them are free."""
    with store.read_connection() as connection:
        count, free = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_count", "freelist_count")
        )
    return count, free


def test_a_file_shrinks_after_its_rows_are_deleted_and_keeps_the_others(
    new: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "KEPT_PAGES", 20)
    _fill(new, 600)
    _empty(new, 590.0)
    before, free = _pages(new)
    counts = _given_back(new, 100)
    assert max(counts) == 100
    after, left = _pages(new)
    assert before - after >= sum(counts) == free - left
    assert left <= max(20, before // space.KEPT_SHARE)
    with new.read() as session:
        rows = list(session.exec(select(DeliveryRow).order_by(DeliveryRow.seq)))  # type: ignore[arg-type]
    assert [(row.event_id, row.body) for row in rows] == [(f"e{n}", BODY) for n in range(590, 600)]
    new.close()
    assert Path(new.place).stat().st_size == after * 4096
    with sqlite3.connect(new.place) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    other.close()


def test_what_new_rows_will_need_stays(new: Store) -> None:
    _fill(new, 600)
    _empty(new, 590.0)
    before = _pages(new)
    assert _given_back(new, 100) == [0]
    assert _pages(new) == before


def test_a_file_of_an_earlier_version_stays_as_it_is_until_it_is_vacuumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "KEPT_PAGES", 20)
    file = tmp_path / "old.db"
    with sqlite3.connect(file) as old:
        # As versions before made it: WAL, and no auto_vacuum.
        old.execute("PRAGMA journal_mode=WAL")
        old.execute("CREATE TABLE x (y)")
        old.execute("DROP TABLE x")
    old.close()
    store = open_store(f"sqlite:///{file}")
    upgrade(store)
    _fill(store, 600)
    _empty(store, 590.0)
    assert _given_back(store, 100) == [0]
    store.close()
    with sqlite3.connect(file) as person:
        person.executescript("PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
    person.close()
    _fill(store, 500)
    _empty(store, 590.0)
    assert _given_back(store, 100)[0] == 100
    store.close()


def test_postgresql_is_left_to_its_autovacuum(store: Store) -> None:
    if store.dialect == "postgresql":
        _fill(store, 50)
        _empty(store, 50.0)
        assert _given_back(store, 100) == [0]
