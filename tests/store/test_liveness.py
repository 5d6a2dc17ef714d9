"""The tickets of a process that died are taken over; one that lives keeps its tickets."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sync import __version__
from sync.store import claims, leases, liveness
from sync.store.engine import Store
from sync.store.liveness import Liveness, StoreInUse
from tests.store.test_tickets import claim, put, ticket

pytestmark = pytest.mark.proof

ALIVE = 1.0
CHILD = """
import sys, time
from sync.store import claims
from sync.store.engine import open_store
from sync.store.liveness import Liveness
store = open_store(sys.argv[1])
liveness = Liveness(store, sys.argv[2], alive=float(sys.argv[3]))
liveness.alone()
liveness.show()
claims.claim(store, owner=sys.argv[2], now=10.0, lease=1e6, limit=1)
print("claimed", flush=True)
while True:
    liveness.show()
    time.sleep(0.1)
"""


@contextmanager
def a_daemon(
    url: str, owner: str = "child", alive: float = ALIVE
) -> Iterator[subprocess.Popen[str]]:
    """A process that lives, and has claimed a ticket."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, url, owner, str(alive)], stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "claimed\n"
            yield child
        finally:
            child.kill()


def _freed(mine: Liveness) -> int:
    end, freed = time.monotonic() + 60, 0
    while not freed and time.monotonic() < end:
        freed = mine.release_dead()
        time.sleep(0.05)
    return freed


def test_tickets_of_a_killed_process_are_free_soon(store: Store, store_url: str) -> None:
    put(store, ticket(due_at=1.0))
    with a_daemon(store_url):
        pass
    mine = Liveness(store, "me", alive=ALIVE)
    assert _freed(mine) == 1
    assert len(claim(store, owner="me")) == 1
    mine.end()


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_tickets_of_a_living_process_are_never_freed(store: Store, store_url: str) -> None:
    put(store, ticket(due_at=1.0))
    # Long enough for a machine that lets a process wait for a second or two.
    alive = 3 * ALIVE
    mine = Liveness(store, "me", alive=alive)
    with a_daemon(store_url, alive=alive):
        end = time.monotonic() + 1.2 * alive
        while time.monotonic() < end:
            assert mine.release_dead() == 0
            time.sleep(0.05)
    assert _freed(mine) == 1


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_after_an_outage_of_the_database_the_others_have_time_to_show_themselves(
    store: Store,
) -> None:
    put(store, ticket(due_at=1.0))
    mine = Liveness(store, "me", alive=ALIVE)
    mine.show()
    other = Liveness(store, "other", alive=ALIVE)
    other.show()
    claims.claim(store, owner="other", now=10.0, lease=1e6, limit=1)
    # As after an outage: nobody could show anything for longer than a sign of life is good.
    end = time.monotonic() + 30
    while leases.going_on(store, "alive ") and time.monotonic() < end:
        time.sleep(0.05)
    assert mine.release_dead() == 0
    other.show()
    assert mine.release_dead() == 0


def test_ones_own_leases_are_never_taken_for_a_dead_ones(store: Store) -> None:
    put(store, ticket(due_at=1.0))
    mine = Liveness(store, "me", alive=0.0)
    mine.show()
    claims.claim(store, owner="me", now=10.0, lease=60, limit=1)
    assert mine.release_dead() == 0
    mine.end()


def test_the_leases_of_a_process_that_ends_are_free_at_once(store: Store) -> None:
    put(store, ticket(due_at=1.0))
    mine = Liveness(store, "me")
    mine.show()
    claims.claim(store, owner="me", now=10.0, lease=60, limit=1)
    mine.end()
    assert not liveness.running(store)
    if store.dialect == "postgresql":
        assert len(claim(store, owner="other")) == 1


def test_the_store_knows_which_daemons_run_since_when_and_in_which_version(
    store: Store, store_url: str
) -> None:
    assert not liveness.running(store)
    before = int(time.time())
    # It counts as alive for so long although the machine may let it wait for a while.
    with a_daemon(store_url, "my-host-77-ab12", alive=30.0):
        assert liveness.running(store) == ["process 77 on my-host"]
        (one,) = liveness.processes(store)
    assert (one.host, one.pid, one.version, one.alive) == ("my-host", 77, __version__, True)
    assert one.since is not None
    assert before <= one.since <= time.time()


def test_a_daemon_that_died_is_known_until_another_takes_its_work_over(
    store: Store, store_url: str
) -> None:
    with a_daemon(store_url, "host-77-ab12"):
        pass
    end = time.monotonic() + 60
    while liveness.running(store) and time.monotonic() < end:
        time.sleep(0.05)
    (one,) = liveness.processes(store)
    assert (one.name, one.version, one.alive) == ("process 77 on host", __version__, False)
    mine = Liveness(store, "host-78-ab12", alive=0.5)
    mine.alone()
    found = liveness.processes(store)
    while not all(one.alive for one in found) and time.monotonic() < end:
        mine.release_dead()
        time.sleep(0.05)
        found = liveness.processes(store)
    assert [(one.pid, one.alive) for one in found] == [(78, True)]
    mine.end()
    assert liveness.processes(store) == []


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_daemon_of_an_earlier_version_is_alive_and_says_less(store: Store) -> None:
    leases.set_(store, "alive host-7-ab12", "host-7-ab12", 20.0)
    (one,) = liveness.processes(store)
    assert (one.name, one.since, one.version, one.alive) == ("process 7 on host", None, "", True)


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_it_is_known_how_long_ago_a_daemon_showed_itself(store: Store) -> None:
    Liveness(store, "host-7-ab12").show()
    assert "process 7 on host" in liveness.running(store)
    # As if it had shown itself twelve seconds ago, and not since.
    leases.set_(store, "alive host-7-ab12", "host-7-ab12", liveness.ALIVE_SECONDS - 12.0)
    (one,) = liveness.processes(store)
    assert one.seen is not None
    assert one.seen >= 12.0


def test_a_sqlite_file_takes_one_daemon_until_that_ends(sqlite_store: Store) -> None:
    url = f"sqlite:///{sqlite_store.place}"
    put(sqlite_store, ticket(due_at=1.0))
    mine = Liveness(sqlite_store, "me")
    with a_daemon(url, "host-77-ab12") as child:
        with pytest.raises(StoreInUse, match="process 77 on host"):
            mine.alone()
        with pytest.raises(StoreInUse):
            mine.release_dead()
        asked: list[float] = []

        def pause(seconds: float) -> None:
            asked.append(seconds)
            if len(asked) == 3:
                child.kill()
            time.sleep(seconds)

        mine.alone(patience=30, pause=pause)
        assert len(asked) >= 3
    assert mine.release_dead() == 1
    mine.end()


def test_the_wait_for_another_daemon_can_be_given_up(sqlite_store: Store) -> None:
    with a_daemon(f"sqlite:///{sqlite_store.place}"):
        began = time.monotonic()
        with pytest.raises(StoreInUse):
            Liveness(sqlite_store, "me").alone(patience=3600, pause=lambda _: True)
        assert time.monotonic() - began < 60


def test_a_daemon_whose_lock_file_was_removed_takes_the_new_one(sqlite_store: Store) -> None:
    mine, other = Liveness(sqlite_store, "me"), Liveness(sqlite_store, "other")
    mine.alone()
    liveness.lock_path(Path(sqlite_store.place)).unlink()
    mine.show()
    with pytest.raises(StoreInUse):
        other.alone()
    mine.end()
    other.alone()
    other.end()


def test_a_link_to_the_file_leads_to_the_same_lock(sqlite_store: Store) -> None:
    link = Path(sqlite_store.place).with_name("link.db")
    link.symlink_to(sqlite_store.place)
    assert liveness.lock_path(link) == liveness.lock_path(Path(sqlite_store.place))
