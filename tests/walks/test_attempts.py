"""Deliveries on which the program dies: found after restarts, and set aside; the others are triaged."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import col, delete, select

from sync.ports import SystemClock
from sync.rules import RuleSet
from sync.sandbox.memory import MemoryTracker
from sync.store import deliveries
from sync.store.attempts import MOST, Attempts
from sync.store.engine import Store, StoreUnavailable
from sync.store.inbox import Accepted, Inbox
from sync.store.tables import DeliveryRow
from sync.worker.daemon import daemon as daemon_module
from sync.worker.daemon.daemon import Daemon
from tests.transactions import transactions
from tests.walks.world import World, issue_event

# A process that triages as the daemon does, and dies as by the kernel on a body that says so.
PROCESS = """
import os, signal, sys
from sync.adapters.coalesce import CoalesceSource
from sync.ports import SystemClock
from sync.rules import RuleSet
from sync.store import deliveries
from sync.store.engine import open_store
from sync.store.inbox import Accepted
from sync.worker.triage.batch import Triage

class Dying(CoalesceSource):
    def read(self, body):
        if b"deadly" in body:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(body)

store = open_store(sys.argv[1])
triage = Triage(store, {"coalesce": Dying()}, lambda: RuleSet([]), SystemClock())
while triage.batch():
    pass
with store.write() as session:
    own = [Accepted("coalesce", body, "", body.encode(), 1.0) for body in sys.argv[2:]]
    deliveries.recover(session, own)
while triage.batch():
    pass
"""


def accept(store: Store, *titles: str) -> None:
    inbox = Inbox(store)
    try:
        for number, title in enumerate(titles):
            body = f'{{"title": "{title}", "number": {number}}}'.encode()
            inbox.accept(Accepted("coalesce", f"e{number}", "", body, 1.0)).result(30)
    finally:
        inbox.close()


def run(url: str, *bodies: str) -> int:
    """Start the process once, which accepts deliveries with these bodies itself; how it ended."""
    command = [sys.executable, "-c", PROCESS, url, *bodies]
    return subprocess.run(command, timeout=60, check=False).returncode


def rows(store: Store) -> list[DeliveryRow]:
    with store.read() as session:
        return list(session.exec(select(DeliveryRow).order_by(col(DeliveryRow.seq))))


def waiting(store: Store) -> int:
    """How many deliveries wait for triage."""
    with store.read() as session:
        return deliveries.counts(session).waiting


@pytest.mark.proof
@pytest.mark.parametrize("place", [0, 3])
def test_a_delivery_on_which_the_program_dies_is_set_aside_after_some_restarts(
    store: Store, store_url: str, place: int
) -> None:
    titles = ["fine"] * 6
    titles[place] = "deadly"
    accept(store, *titles)
    ends = [run(store_url) for _ in range(MOST)]
    assert ends == [-9] * MOST
    assert run(store_url) == 0
    found = rows(store)
    assert "triage did not end 4 times" in found[place].outcome
    assert all("did not end" not in row.outcome for row in found if row is not found[place])
    assert {row.state for row in found} == {"dead"}, "the others cannot be read, and are done with"
    with store.write() as session:
        deliveries.replay(session, found[place].id)
    assert run(store_url) == -9, "it is tried again once a person asks for it"


@pytest.mark.proof
def test_a_delivery_on_which_its_own_process_dies_is_counted_by_the_next_one(
    store: Store, store_url: str
) -> None:
    assert run(store_url, "fine", "deadly", "well") == -9
    assert [row.attempts for row in rows(store)] == [0] * 3
    assert run(store_url) == -9
    assert [row.attempts for row in rows(store)] == [-1, 0, 0]


def test_each_process_that_runs_when_a_deadly_delivery_comes_dies_on_it_once_uncounted(
    world_on_each_store: World,
) -> None:
    world = world_on_each_store
    old = [Attempts(world.store) for _ in range(2)]
    for process in old:
        with process.attempt(200) as (_, none):
            assert not none
    world.deliver(*(issue_event("issue_created", f"i{n}", at=n) for n in range(1, 4)))
    for process in old:
        with pytest.raises(KeyboardInterrupt), process.attempt(200):
            raise KeyboardInterrupt
    assert [row.attempts for row in rows(world.store)] == [0, 0, 0]
    with pytest.raises(KeyboardInterrupt), Attempts(world.store).attempt(200):
        raise KeyboardInterrupt
    assert [row.attempts for row in rows(world.store)] == [-1, 0, 0]
    # Where a process has begun to count, those that still run go on with it.
    with pytest.raises(KeyboardInterrupt), old[0].attempt(200):
        raise KeyboardInterrupt
    assert [row.attempts for row in rows(world.store)] == [-2, 1, 1]


def test_what_comes_while_the_process_runs_is_read_and_written_once_uncounted(
    world_on_each_store: World,
) -> None:
    world = world_on_each_store
    assert world.triage.batch() == 0
    for round_ in range(3):
        first = 10 * round_ + 1
        world.deliver(
            *(issue_event("issue_created", f"i{n}", at=n) for n in range(first, first + 5))
        )
        with transactions(world.store) as found:
            assert world.triage.batch() == 5
        reading, writing = found
        assert not [one for one in reading if not one.startswith("SELECT")]
        assert not world.triage.more, "there is nothing to look for again at once"
        assert not [one for one in writing if "SET attempts" in one]
        assert len([one for one in writing if one.startswith("UPDATE deliveries")]) == 1


def test_what_is_older_than_the_process_is_counted_before_its_triage_begins(
    world_on_each_store: World,
) -> None:
    world = world_on_each_store
    world.deliver(*(issue_event("issue_created", f"i{n}", at=n) for n in range(1, 6)))
    with transactions(world.store) as found:
        assert world.triage.batch() == 5
    statements = [one for transaction in found for one in transaction]
    assert len([one for one in statements if "SET attempts" in one]) == 2


def test_a_stop_between_does_no_harm(world_on_each_store: World) -> None:
    world = world_on_each_store
    bodies = [issue_event("issue_created", f"i{n}", at=n, title=f"t{n}") for n in range(1, 6)]
    world.deliver(*bodies)
    process = Attempts(world.store)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), process.attempt(200):
            raise KeyboardInterrupt
    assert [row.attempts for row in rows(world.store)] == [-2, 1, 1, 1, 1]
    while world.triage.batch():
        pass
    assert {row.state for row in rows(world.store)} == {"triaged"}


def test_trouble_of_the_database_is_no_attempt(world_on_each_store: World) -> None:
    world = world_on_each_store
    world.deliver(issue_event("issue_created", "i1", at=1))
    process = Attempts(world.store)
    for _ in range(2 * MOST):
        with pytest.raises(StoreUnavailable), process.attempt(200):
            raise StoreUnavailable("the database is away")
    world.settle()
    (row,) = rows(world.store)
    assert (row.state, row.attempts) == ("triaged", 0)


def test_triage_leaves_no_attempt_behind(world_on_each_store: World) -> None:
    world = world_on_each_store
    world.deliver(*(issue_event("issue_created", f"i{n}", at=n) for n in range(1, 9)))
    world.settle()
    assert [row.attempts for row in rows(world.store)] == [0] * 8


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@example(count=40, limit=32, fates=[KeyboardInterrupt])
@example(count=30, limit=2, fates=[KeyboardInterrupt])
@given(
    count=st.integers(1, 40),
    limit=st.integers(2, 40),
    fates=st.lists(st.sampled_from([None, ValueError, KeyboardInterrupt]), max_size=6),
)
def test_a_batch_that_did_not_end_is_tried_in_few_parts_and_what_is_behind_it_as_ever(
    world_on_each_store: World, count: int, limit: int, fates: list[type[BaseException] | None]
) -> None:
    store = world_on_each_store.store
    with store.write() as session:
        session.execute(delete(DeliveryRow))
    accept(store, *["x"] * count)

    def tried(fate: type[BaseException] | None) -> int:
        with suppress(ValueError, KeyboardInterrupt), Attempts(store).attempt(limit) as found:
            _, batch = found
            if fate is not None:
                raise fate
            with store.write() as session:
                deliveries.record(session, [deliveries.Outcome(row.seq, "ok") for row in batch])
            return len(batch)
        return 0

    for fate in fates:
        tried(fate)
    deaths = fates.count(KeyboardInterrupt)
    assert sum(row.attempts != 0 for row in rows(store)) <= limit * deaths
    tries = 0
    while waiting(store):
        tries += bool(tried(None))
    parts = limit // max(1, limit // 16)
    # Two more for what is left over at either end.
    assert tries <= count / limit + 1 + deaths * (parts + 2)
    assert {row.attempts for row in rows(store)} == {0}


@pytest.mark.parametrize(
    ("sizes", "died"),
    [([10] * 30, True), ([deliveries.BATCH_BYTES // 2 + 1] * 2, False)],
    ids=["a program died", "large bodies"],
)
def test_a_daemon_does_not_pause_between_batches_that_are_small_for_another_reason(
    store: Store, sizes: list[int], died: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing wakes triage here, and its next look by itself comes after the test has given up."""
    monkeypatch.setattr(daemon_module, "POLL_SECONDS", 3600.0)
    accept(store, *("x" * size for size in sizes))
    if died:
        with pytest.raises(KeyboardInterrupt), Attempts(store).attempt(200):
            raise KeyboardInterrupt
    clock = SystemClock()
    daemon = Daemon(store, {}, {"main": MemoryTracker(clock)}, lambda: RuleSet([]), clock)
    daemon.start()
    try:
        end = time.monotonic() + 60
        while waiting(store):
            assert time.monotonic() < end, f"{waiting(store)} wait"
            time.sleep(0.02)
    finally:
        daemon.stop(30)
