"""Behind pgbouncer in transaction mode the store keeps every promise: no statement is prepared, no lock
belongs to a session, and a process that lives is never taken for a dead one."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sync.store import claims, deliveries, journal
from sync.store.claims import Claim
from sync.store.engine import Store, open_store
from sync.store.inbox import Accepted, Inbox
from sync.store.journal import Entry
from sync.store.liveness import Liveness
from sync.store.migrations import head, upgrade
from sync.store.tables import TicketRow
from sync.store.usable import check_usable
from tests.pgbouncer import Pgbouncer, pgbouncer_before
from tests.postgres import Postgres
from tests.store.test_steps import wrote
from tests.store.test_tickets import claim, put, ticket

pytestmark = [
    pytest.mark.proof,
    pytest.mark.postgres,
    pytest.mark.parametrize("dialect", ["postgresql"], indirect=True),
]
# Long enough for a machine that lets a process wait for a second or two.
ALIVE = 3.0


@pytest.fixture(scope="module")
def pooler(postgres: Postgres) -> Iterator[Pgbouncer]:
    with pgbouncer_before(postgres) as running:
        yield running


@pytest.fixture
def pooled_url(pooler: Pgbouncer, store_url: str) -> str:
    return pooler.url(store_url)


@pytest.fixture
def pooled(pooled_url: str) -> Iterator[Store]:
    opened = open_store(pooled_url)
    yield opened
    opened.close()


def test_every_statement_works_however_often_it_is_run(pooled: Store) -> None:
    put(pooled, *(ticket(f"k{n}", due_at=1.0) for n in range(60)))

    def work(thread: int) -> int:
        done = 0
        for _ in range(12):
            check_usable(pooled)
            for one in claim(pooled, owner=f"thread-{thread}", limit=1):
                said = [journal.Line(Entry("intend", "a call"), 1.0, one.ticket_id)]
                one = wrote(pooled, one, _renewed, said)
                wrote(pooled, one, _released(one), said * 2)
                done += 1
        return done

    with ThreadPoolExecutor(5) as threads:
        assert sum(threads.map(work, range(5))) == 60


def _renewed(row: TicketRow) -> None:
    row.lease_until = 500.0


def _released(one: Claim) -> Callable[[TicketRow], None]:
    return lambda row: claims.release(row, one, again_at=None, now=2.0)


def test_deliveries_are_accepted_and_none_twice(pooled: Store) -> None:
    inbox = Inbox(pooled)
    try:
        for _ in range(2):
            futures = [
                inbox.accept(Accepted("coalesce", f"e{n}", "t", b"{}", 1.0)) for n in range(100)
            ]
            for future in futures:
                future.result(30)
    finally:
        inbox.close()
    with pooled.read() as session:
        assert deliveries.counts(session).waiting == 100


def test_a_living_process_is_not_called_dead_and_a_killed_one_is(
    pooled: Store, pooled_url: str
) -> None:
    put(pooled, ticket(due_at=1.0))
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, pooled_url, str(ALIVE)], stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "claimed\n"
            mine = Liveness(pooled, "me", alive=ALIVE)
            end = time.monotonic() + 1.2 * ALIVE
            while time.monotonic() < end:
                assert mine.release_dead() == 0, "a process that lives keeps its tickets"
                time.sleep(ALIVE / 10)
        finally:
            child.kill()
    end, freed = time.monotonic() + 60, 0
    while not freed and time.monotonic() < end:
        freed = mine.release_dead()
        time.sleep(ALIVE / 10)
    assert freed == 1


CHILD = """
import sys, time
from sync.store import claims
from sync.store.engine import open_store
from sync.store.liveness import Liveness
store, alive = open_store(sys.argv[1]), float(sys.argv[2])
liveness = Liveness(store, "child", alive=alive); liveness.show()
claims.claim(store, owner="child", now=10.0, lease=1e6, limit=1)
print("claimed", flush=True)
while True:
    liveness.show()
    time.sleep(alive / 10)
"""


def test_several_upgrades_at_once_make_the_tables_once(
    pooler: Pgbouncer, bare_store_url: str
) -> None:
    stores = [open_store(pooler.url(bare_store_url)) for _ in range(3)]
    start = threading.Barrier(3)

    def one(store: Store) -> tuple[str, str]:
        start.wait(30)
        return upgrade(store)

    with ThreadPoolExecutor(3) as threads:
        found = sorted(threads.map(one, stores))
    assert found == [("", head()), (head(), head()), (head(), head())]
    for store in stores:
        store.close()
