"""A file that is taken away while it is in use: nothing is confirmed that is not in it, and once it
is back the store goes on."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog
from sqlalchemy import event
from sqlmodel import select

from sync.store import inbox as inbox_module
from sync.store.engine import Store, StoreUnavailable, open_store
from sync.store.inbox import Accepted, Inbox
from sync.store.tables import DeliveryRow, WatermarkRow
from sync.store.usable import check_usable


def _delivery(event_id: str) -> Accepted:
    return Accepted("coalesce", event_id, "EVENT_TYPE_ISSUE_CREATED", b"{}", 1000.0)


def _file(store: Store) -> Path:
    return Path(store.place)


def _found_by_others(file: Path) -> list[str]:
    """The deliveries that whoever opens the files at the path finds."""
    with sqlite3.connect(file) as other:
        found = [row[0] for row in other.execute("SELECT event_id FROM deliveries ORDER BY 1")]
    other.close()
    return found


def _deleted(file: Path) -> None:
    for part in file.parent.glob(f"{file.name}*"):
        part.unlink()


def _deleted_alone(file: Path) -> None:
    file.unlink()


def _moved(file: Path) -> None:
    file.rename(file.with_suffix(".bak"))


def _replaced(file: Path) -> None:
    shutil.copy(file, file.with_suffix(".new"))
    file.with_suffix(".new").rename(file)


def _emptied(file: Path) -> None:
    os.truncate(file, 0)


_LOSSES = [_deleted, _deleted_alone, _moved, _replaced, _emptied]


@pytest.fixture
def inbox(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    monkeypatch.setattr(inbox_module, "TRY_AGAIN", 0.05)
    opened = Inbox(sqlite_store)
    yield opened
    opened.close()


@pytest.mark.parametrize("lose", _LOSSES)
def test_nothing_is_accepted_into_a_file_that_is_at_its_path_no_more(
    sqlite_store: Store, inbox: Inbox, lose: Callable[[Path], None]
) -> None:
    assert inbox.accept(_delivery("before")).result(10).stored
    lose(_file(sqlite_store))
    left = sorted(part.name for part in _file(sqlite_store).parent.iterdir())
    for n in range(3):
        with pytest.raises(StoreUnavailable, match=r"sqlite\.db is not .* restart ticket-sync"):
            inbox.accept(_delivery(f"during{n}")).result(10)
        with pytest.raises(StoreUnavailable), sqlite_store.write() as session:
            session.add(WatermarkRow(sweep="a", value={}, at=1.0))
        with pytest.raises(StoreUnavailable), sqlite_store.read() as session:
            session.exec(select(WatermarkRow)).all()
        with pytest.raises(StoreUnavailable):
            check_usable(sqlite_store)
    assert inbox.trouble
    assert sorted(part.name for part in _file(sqlite_store).parent.iterdir()) == left


def test_a_file_that_is_put_back_is_gone_on_with(sqlite_store: Store, inbox: Inbox) -> None:
    file = _file(sqlite_store)
    assert inbox.accept(_delivery("before")).result(10).stored
    _moved(file)
    with pytest.raises(StoreUnavailable):
        inbox.accept(_delivery("during")).result(10)
    file.with_suffix(".bak").rename(file)
    assert inbox.accept(_delivery("after")).result(10).stored
    check_usable(sqlite_store)
    assert inbox.trouble == ""
    assert {"before", "after"} <= set(_found_by_others(file))


def test_a_file_that_was_moved_away_holds_all_that_was_accepted(
    sqlite_store: Store, inbox: Inbox, tmp_path: Path
) -> None:
    file = _file(sqlite_store)
    for n in range(5):
        assert inbox.accept(_delivery(f"e{n}")).result(10).stored
    _moved(file)
    with pytest.raises(StoreUnavailable):
        inbox.accept(_delivery("during")).result(10)
    alone = tmp_path / "alone" / "store.db"
    alone.parent.mkdir()
    shutil.copy(file.with_suffix(".bak"), alone)
    assert _found_by_others(alone) == ["e0", "e1", "e2", "e3", "e4"]


def test_a_commit_during_which_the_file_goes_is_not_confirmed(
    sqlite_store: Store, inbox: Inbox
) -> None:
    assert inbox.accept(_delivery("before")).result(10).stored

    @event.listens_for(sqlite_store.engine, "commit")
    def take_away(_connection: object) -> None:
        _moved(_file(sqlite_store))

    with pytest.raises(StoreUnavailable, match="not there any more"):
        inbox.accept(_delivery("during")).result(10)


@pytest.mark.parametrize("ends", [["-wal"], ["-shm"], ["-wal", "-shm"]], ids="".join)
def test_without_the_files_beside_it_nothing_is_lost_and_the_store_is_opened_anew(
    sqlite_store: Store, inbox: Inbox, ends: list[str]
) -> None:
    file = _file(sqlite_store)
    accepted = []
    for n in range(5):
        assert inbox.accept(_delivery(f"e{n}")).result(10).stored
        accepted.append(f"e{n}")
    with sqlite_store.read() as session:
        session.exec(select(DeliveryRow)).all()
        for end in ends:
            file.with_name(file.name + end).unlink()
        with pytest.raises(StoreUnavailable, match="removed while it was in use"):
            inbox.accept(_delivery("during")).result(10)
        with pytest.raises(StoreUnavailable, match="removed while it was in use"):
            check_usable(sqlite_store)
    check_usable(sqlite_store)
    assert inbox.accept(_delivery("zafter")).result(10).stored
    assert set(_found_by_others(file)) >= {*accepted, "zafter"}


def test_the_log_says_once_that_the_file_went_and_once_that_it_is_back(sqlite_store: Store) -> None:
    file = _file(sqlite_store)
    check_usable(sqlite_store)
    with structlog.testing.capture_logs() as logs:
        _moved(file)
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                check_usable(sqlite_store)
        file.with_suffix(".bak").rename(file)
        for _ in range(3):
            check_usable(sqlite_store)
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("error", "the store's file was lost"),
        ("info", "the store's file is back"),
    ]
    assert str(file) in logs[0]["reason"]


def test_a_store_that_never_had_a_file_makes_one_whatever_its_name(tmp_path: Path) -> None:
    file = tmp_path / "odd näme? 100%25#1.db"
    store = open_store(f"sqlite:///{quote(str(file))}")
    with store.write_connection() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    store.close()
    assert file.stat().st_size
    assert {part.name for part in tmp_path.iterdir()} == {file.name, f"{file.name}.turns"}


def test_a_file_behind_a_link_is_known_by_what_the_link_leads_to(
    sqlite_store: Store, tmp_path: Path
) -> None:
    link = tmp_path / "links" / "link.db"
    link.parent.mkdir()
    link.symlink_to(_file(sqlite_store))
    store = open_store(f"sqlite:///{link}")
    check_usable(store)
    link.unlink()
    with pytest.raises(StoreUnavailable, match="not there any more"):
        check_usable(store)
    link.symlink_to(_file(sqlite_store))
    check_usable(store)
    store.close()
