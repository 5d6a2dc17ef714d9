"""A backup that was taken under load is restored, and the store then moved to PostgreSQL: no second
ticket is made, and once the sweeps have run, nothing is missed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from sync.sandbox.coalesce.outbox import DeliveryFaults
from sync.store import backup, moving, restore
from sync.store.checking import check
from sync.store.engine import Store, open_store
from tests.postgres import Postgres
from tests.walks.test_reconcile import Everything, check_every_ticket

pytestmark = [pytest.mark.postgres, pytest.mark.proof]


@pytest.fixture
def everything(sqlite_store: Store, tmp_path: Path) -> Iterator[Everything]:
    made = Everything(sqlite_store, tmp_path / "rules")
    made.outbox.faults = DeliveryFaults()
    yield made
    made.close()


def some_life(it: Everything, issues: int, until: threading.Event | None = None) -> None:
    """Issues come, change and close, and ticket-sync follows: so many, and on ``until`` this is set."""
    for n in count():
        if n >= issues and (until is None or until.is_set()):
            return
        one = it.upstream.open_issue(f"check {n} fails")
        it.go_on()
        if n % 4 == 1:
            it.upstream.close_issue(one.id)
        if n % 4 == 2:
            it.upstream.update_issue(one.id, title=f"check of {n} fails otherwise")
        if n % 10 == 9:
            it.upstream.open_incident([one.id], f"incident {n}")
        it.go_on()


def live_and_back_up(it: Everything, target: Path, after: int) -> None:
    """A life of 24 issues or more in a thread, meanwhile a backup, as the verb takes it from beside."""
    taken = threading.Event()
    life = threading.Thread(target=some_life, args=(it, 24, taken))
    life.start()
    try:
        while life.is_alive() and len(it.jira.tickets()) < after:
            time.sleep(0.001)
        with closing(open_store(f"sqlite:///{it.world.store.place}")) as beside:
            backup.back_up(beside, target)
        assert life.is_alive(), "the backup was to be taken while others write"
    finally:
        taken.set()
        life.join()


def test_a_backup_taken_under_load_is_restored_and_moved_without_a_second_ticket(
    everything: Everything, tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = everything
    monkeypatch.setattr(backup, "_PAGES", 10)
    it.round()
    file, saved = Path(it.world.store.place), tmp_path / "saved.db"
    live_and_back_up(it, saved, after=10)
    it.world.settle()
    made = len(it.jira.tickets())
    known = len(it.world.rows())
    it.world.close()
    it.world.store.close()

    # Back to the backup: it knows some of the tickets that Jira has.
    it.clock.now += 60
    restore.restore(file, saved, it.clock.time())
    restored = open_store(f"sqlite:///{file}")
    it.begin(restored)
    assert 5 < len(it.world.rows()) < known
    some_life(it, 5)
    it.let_the_sender_give_up()
    it.clock.now += 3600
    it.round()
    check_every_ticket(it, {})
    assert len(it.jira.tickets()) == made + 5
    assert len(it.world.rows()) == len(it.jira.tickets())
    it.world.close()

    # On to PostgreSQL.
    name = postgres.create(migrated=False)
    with closing(open_store(postgres.url(name))) as target:
        moved = moving.copy(restored, target)
        restored.close()
        assert moved.tables["tickets"].rows == made + 5
        it.begin(target)
        it.clock.now += 60
        some_life(it, 5)
        it.let_the_sender_give_up()
        it.round()
        check_every_ticket(it, {})
        assert len(it.jira.tickets()) == made + 10
        writes = it.writes()
        it.clock.now += 3600
        assert [str(one) for report in it.round() for one in report.tally.findings] == []
        assert it.writes() == writes
        assert [one.words for one in check(target) if not one.well] == []
    postgres.drop(name)
