"""A backup is whole though others write meanwhile, and a store is replaced by a whole backup only."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from sync.store import backup, checking, continuity, migrations, restore, space
from sync.store.engine import Store, open_store
from sync.store.errors import StoreMisconfigured, StoreUnavailable
from sync.store.liveness import Liveness, StoreInUse
from sync.store.tables import TicketRow
from tests.postgres import Postgres
from tests.store import earlier

NOW = 1_790_000_000.0


def add_tickets(store: Store, *keys: str) -> None:
    with store.write() as session:
        for key in keys:
            row = TicketRow(key=key, rule="r", site="main", project="DATA", created_at=NOW)
            session.add(row)


def keys_in(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute("SELECT key FROM tickets ORDER BY id")]


@contextmanager
def load(store: Store) -> Iterator[None]:
    """Another thread writes two tickets at a time, as fast as it can."""
    end, number = threading.Event(), 0

    def write() -> None:
        nonlocal number
        while not end.is_set():
            add_tickets(store, f"first {number}", f"second {number}")
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


@pytest.fixture
def saved(sqlite_store: Store, tmp_path: Path) -> Path:
    """A backup with one ticket, of a store that has two."""
    continuity.check(sqlite_store, {"main": "https://jira.example.com"}, NOW)
    add_tickets(sqlite_store, "before")
    made = backup.back_up(sqlite_store, tmp_path / "saved.db")
    add_tickets(sqlite_store, "after")
    sqlite_store.close()
    return made.file


def test_a_backup_has_the_store_of_one_moment_while_others_write(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_PAGES", 5)
    add_tickets(sqlite_store, *(f"{number} {'x' * 300}" for number in range(400)))
    target = tmp_path / "backup.db"
    with load(sqlite_store):
        made = backup.back_up(sqlite_store, target)
    assert (made.file, made.revision) == (target, migrations.head())
    assert target.stat().st_mode & 0o777 == 0o600
    found, all_ = keys_in(target), keys_in(Path(sqlite_store.place))
    assert len(found) % 2 == 0
    assert found == all_[: len(found)]
    assert 400 <= len(found) < len(all_), "what was written meanwhile is not in it"
    assert [one.name for one in tmp_path.iterdir() if "backup" in one.name] == ["backup.db"]


def test_a_backup_goes_over_no_file_unless_told_so(sqlite_store: Store, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    target.write_text("mine")
    with pytest.raises(StoreMisconfigured, match=r"there already.*--force"):
        backup.back_up(sqlite_store, target)
    assert target.read_text() == "mine"
    backup.back_up(sqlite_store, target, overwrite=True)
    assert keys_in(target) == []


@pytest.mark.parametrize("part", ["", "-wal", "-shm", ".lock", ".progress"])
def test_a_backup_never_goes_over_the_store_itself(
    sqlite_store: Store, tmp_path: Path, part: str
) -> None:
    add_tickets(sqlite_store, "one")
    with pytest.raises(StoreMisconfigured, match="part of the store"):
        backup.back_up(sqlite_store, Path(sqlite_store.place + part), overwrite=True)
    (tmp_path / "link").symlink_to(sqlite_store.place + part)
    with pytest.raises(StoreMisconfigured, match="part of the store"):
        backup.back_up(sqlite_store, tmp_path / "link", overwrite=True)
    assert keys_in(Path(sqlite_store.place)) == ["one"]


def test_without_room_there_is_no_backup_and_nothing_is_left(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(StoreMisconfigured, match=r"no room for the backup .*1\.0 MB are free"):
        backup.back_up(sqlite_store, tmp_path / "backup.db")
    assert not [one for one in tmp_path.iterdir() if "backup" in one.name]


def test_no_backup_is_made_of_a_damaged_store(sqlite_store: Store, tmp_path: Path) -> None:
    add_tickets(sqlite_store, *(f"ticket {number}" for number in range(300)))
    sqlite_store.close()
    damage_index(Path(sqlite_store.place))
    with (
        closing(open_store(f"sqlite:///{sqlite_store.place}")) as store,
        pytest.raises(StoreUnavailable, match="no backup was made"),
    ):
        backup.back_up(store, tmp_path / "backup.db")
    assert not [one for one in tmp_path.iterdir() if "backup" in one.name]


def damage_index(file: Path) -> None:
    """Let an index have rows that its table does not have, as a lost write does."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'ix_tickets_jira_key'"
        page = connection.execute(query).fetchone()[0]
    with file.open("r+b") as raw:
        raw.seek((page - 1) * 4096 + 3000)
        raw.write(b"\x7f" * 1096)


def test_a_restored_store_is_the_backup_and_the_old_store_is_kept(saved: Path) -> None:
    file = saved.with_name("sqlite.db")
    reached = saved.with_name("sqlite.db.progress").read_text()
    before = saved.read_bytes()
    done = restore.restore(file, saved, NOW + 60)
    assert keys_in(file) == ["before"]
    assert (done.revision, done.alive_at) == (migrations.head(), NOW)
    assert done.kept is not None
    assert keys_in(done.kept) == ["before", "after"]
    assert saved.read_bytes() == before
    assert saved.with_name("sqlite.db.progress").read_text() == reached
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_restored_store_looks_in_jira_for_what_it_does_not_know(saved: Path) -> None:
    """Also on another machine, where a file has the identity that the old one had."""
    file = saved.with_name("sqlite.db")
    restore.restore(file, saved, NOW + 60)
    with closing(sqlite3.connect(file)) as raw, closing(open_store(f"sqlite:///{file}")) as store:
        assert raw.execute("SELECT place FROM sites").fetchall() == [("restored",)]
        with capture_logs() as logs:
            continuity.check(store, {"main": "https://jira.example.com"}, NOW + 61)
        [told] = [one for one in logs if one["event"].startswith("tickets are looked for")]
        assert told["log_level"] == "warning"
        row = raw.execute("SELECT older, since, surveyed_at FROM sites").fetchone()
    assert row == (1, 0.0, None)


def test_nobody_is_still_logged_in_after_a_restore(sqlite_store: Store, tmp_path: Path) -> None:
    with sqlite_store.write_connection() as connection:
        connection.execute(
            text(
                "INSERT INTO web_sessions (hash, account, role, how, form_token, granted, "
                "created_at, until) VALUES ('h', 'a', 'editor', 'users', 't', '', 0, 9e9)"
            )
        )
    made = backup.back_up(sqlite_store, tmp_path / "saved.db")
    sqlite_store.close()
    restore.restore(Path(sqlite_store.place), made.file, NOW)
    with closing(sqlite3.connect(sqlite_store.place)) as raw:
        assert raw.execute("SELECT count(*) FROM web_sessions").fetchone() == (0,)


def test_no_store_is_replaced_under_a_daemon(saved: Path) -> None:
    file = saved.with_name("sqlite.db")
    with closing(open_store(f"sqlite:///{file}")) as store:
        daemon = Liveness(store, "host-12-abc")
        daemon.alone()
        with pytest.raises(StoreInUse, match="process 12 on host"):
            restore.restore(file, saved, NOW)
        with pytest.raises(StoreInUse):
            space.vacuum(store)
        assert keys_in(file) == ["before", "after"]
        daemon.end()
    restore.restore(file, saved, NOW)


def a_text(file: Path) -> str:
    file.write_text("not a database" * 100)
    return "not a database"


def cut_short(file: Path) -> str:
    os.truncate(file, file.stat().st_size // 2)
    return "damaged|malformed"


def damaged(file: Path) -> str:
    damage_index(file)
    return "is damaged"


def of_another_program(file: Path) -> str:
    file.unlink()
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("CREATE TABLE theirs (id)")
    return "no tables of ours"


def of_a_newer_version(file: Path) -> str:
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = 'r9999'")
    return r"newer ticket-sync \(its tables are at r9999"


def with_orphans(file: Path) -> str:
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        raw.execute("INSERT INTO former_keys VALUES ('DATA-1', 999)")
    return "a row of former_keys names a row of tickets that is not there"


def absent(file: Path) -> str:
    file.unlink()
    return "there is no file"


@pytest.mark.parametrize(
    "spoil",
    [a_text, cut_short, damaged, of_another_program, of_a_newer_version, with_orphans, absent],
)
def test_what_is_no_whole_backup_replaces_nothing(saved: Path, spoil: object) -> None:
    words = spoil(saved)  # type: ignore[operator]
    file = saved.with_name("sqlite.db")
    there = sorted(one.name for one in file.parent.iterdir())
    with pytest.raises(StoreMisconfigured, match=words):
        restore.restore(file, saved, NOW)
    assert keys_in(file) == ["before", "after"]
    left = {one.name for one in file.parent.iterdir()} - {"sqlite.db.lock"}
    assert left <= set(there)


def test_the_store_itself_is_no_backup(saved: Path) -> None:
    file = saved.with_name("sqlite.db")
    with pytest.raises(StoreMisconfigured, match="is the store itself"):
        restore.restore(file, file, NOW)


def test_a_backup_takes_the_place_of_a_store_that_is_damaged_or_gone(saved: Path) -> None:
    file = saved.with_name("sqlite.db")
    file.write_bytes(b"garbage")
    file.with_name("sqlite.db-wal").write_bytes(b"an old log")
    done = restore.restore(file, saved, NOW)
    assert keys_in(file) == ["before"]
    assert done.kept is not None
    assert done.kept.read_bytes() == b"garbage"
    assert done.kept.with_name(done.kept.name + "-wal").read_bytes() == b"an old log"
    file.unlink()
    assert restore.restore(file, saved, NOW + 1).kept is None
    assert keys_in(file) == ["before"]


def test_a_copy_with_its_log_beside_it_is_restored_with_what_is_in_the_log(
    sqlite_store: Store, tmp_path: Path
) -> None:
    with sqlite_store.write_connection() as connection:
        # As Litestream leaves them.
        connection.execute(
            text("CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)")
        )
    add_tickets(sqlite_store, "in the log")
    copy = tmp_path / "copy.db"
    for part in ("", "-wal"):
        shutil.copy(sqlite_store.place + part, str(copy) + part)
    target = tmp_path / "new" / "store.db"
    target.parent.mkdir()
    restore.restore(target, copy, NOW)
    assert keys_in(target) == ["in the log"]
    with closing(open_store(f"sqlite:///{target}")) as store:
        assert migrations.upgrade(store) == (migrations.head(), migrations.head())
        assert wrong(store) == {}


def old_store(folder: Path) -> str:
    """A store of an earlier version; its address."""
    url = f"sqlite:///{folder / 'old.db'}"
    with closing(open_store(url)) as store:
        earlier.build(store, "r0014")
    return url


def test_a_copy_is_kept_before_an_upgrade_and_can_be_restored(tmp_path: Path) -> None:
    with closing(open_store(old_store(tmp_path))) as store:
        kept: list[Path | None] = []
        for _ in range(2):
            migrations.upgrade(
                store,
                lambda revision: kept.append(backup.keep_before_upgrade(store, revision, 3, NOW)),
            )
    (copy,) = kept
    assert copy is not None
    assert copy.name == "old.db.at-r0014-20260921T141320Z"
    assert copy.stat().st_mode & 0o777 == 0o600
    with backup.opened(copy) as raw:
        assert (backup.revision_of(raw), backup.damage_of(raw)) == ("r0014", "")
    done = restore.restore(tmp_path / "old.db", copy, NOW + 5)
    assert done.revision == "r0014"
    assert keys_in(tmp_path / "old.db") == keys_in(copy) != []


def test_the_newest_copies_are_kept_and_nothing_else_is_removed(
    sqlite_store: Store, tmp_path: Path
) -> None:
    other = tmp_path / "sqlite.db.at-r0001-mine"
    other.touch()
    made = [
        backup.keep_before_upgrade(sqlite_store, revision, 2, NOW + number)
        for number, revision in enumerate(["r0020", "r0009", "r0003"])
    ]
    assert [one.exists() for one in made if one] == [False, True, True]
    assert other.exists()
    assert backup.keep_before_upgrade(sqlite_store, "r0020", 0, NOW) is None


def test_without_room_for_the_copy_no_table_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    with closing(open_store(old_store(tmp_path))) as store:
        with pytest.raises(StoreMisconfigured, match=r"Make room, or set upgrade_copies = 0"):
            migrations.upgrade(
                store, lambda revision: backup.keep_before_upgrade(store, revision, 3, NOW)
            )
        assert migrations.current(store) == "r0014"


def wrong(store: Store) -> dict[str, str]:
    return {one.what: one.words for one in checking.check(store) if not one.well}


def test_a_store_that_is_well_is_said_to_be_so(store: Store) -> None:
    add_tickets(store, "one", "two")
    assert wrong(store) == {}


def test_a_check_finds_lost_rows_indexes_and_counts(
    store: Store, request: pytest.FixtureRequest
) -> None:
    add_tickets(store, "one", "two")
    statements = ["DROP INDEX ix_journal_at", "DELETE FROM tallies"]
    statements.append("UPDATE tickets SET state = 'linked' WHERE key = 'two'")
    if store.dialect == "sqlite":
        statements.insert(0, "INSERT INTO former_keys VALUES ('DATA-1', 999)")
        with closing(sqlite3.connect(store.place, isolation_level=None)) as raw:
            for one in statements:
                raw.execute(one)
    else:
        server: Postgres = request.getfixturevalue("postgres")
        orphans = "SET session_replication_role = replica"
        row = "INSERT INTO former_keys VALUES ('DATA-1', 999)"
        number = "SELECT setval(pg_get_serial_sequence('tickets', 'id'), 1)"
        server.within(store, orphans + ";" + row, *statements, number)
    found = wrong(store)
    assert "1 of former_keys name a row of tickets" in found["references"]
    assert "ix_journal_at" in found["indexes"]
    assert found["tickets"].startswith("1 count as made")
    assert "counts of tickets are wrong" in found["counts"]
    assert ("sequences" in found) == (store.dialect == "postgresql")


def test_a_check_finds_damage_in_the_file(sqlite_store: Store) -> None:
    add_tickets(sqlite_store, *(f"ticket {number}" for number in range(300)))
    sqlite_store.close()
    damage_index(Path(sqlite_store.place))
    with closing(open_store(f"sqlite:///{sqlite_store.place}")) as store:
        assert "damaged" in wrong(store)["file"]


def test_vacuum_gives_the_space_of_deleted_rows_back(store: Store) -> None:
    add_tickets(store, *map(str, range(50)))
    with store.write_connection() as connection:
        connection.execute(text("UPDATE tickets SET error = :long"), {"long": "x" * 50_000})
        connection.execute(text("DELETE FROM tickets WHERE id > 1"))
    before, after = space.vacuum(store)
    if store.dialect == "sqlite":
        assert after < before / 2
    assert after <= before
    assert wrong(store) == {}
