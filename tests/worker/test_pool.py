"""The pool: nothing that one claim or one walk meets keeps it from making the next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from sqlalchemy import exc

from sync.ports import SystemClock
from sync.store import claims, tickets
from sync.store.claims import Claim
from sync.store.engine import Store, StoreUnavailable
from sync.store.tables import TicketRow
from sync.worker.daemon.pool import Options, Pool
from sync.worker.walk.converge import Converger
from sync.worker.walk.outcomes import Pace
from tests.transactions import transactions


class FailsOnce:
    """A converger whose first walk fails."""

    def __init__(self, store: Store, error: BaseException | None = None) -> None:
        self._store = store
        self._error = error
        self.walks = 0
        self.settled = threading.Event()

    def walk(self, claim: Claim) -> str:
        self.walks += 1
        if self.walks == 1 and self._error is not None:
            raise self._error
        with self._store.write() as session:
            claims.release(claims.claimed(session, claim), claim, again_at=None, now=2.0)
        self.settled.set()
        return "settled"


def _due(store: Store, *keys: str) -> None:
    with store.write() as session:
        for key in keys:
            tickets.add(
                session,
                TicketRow(key=key, rule="r", site="main", project="", created_at=0.0, due_at=1.0),
            )


def _pool(store: Store, converger: FailsOnce, *, threads: int = 2) -> Pool:
    options = Options(threads, Pace(lease=3600.0), "me")
    return Pool(store, cast(Converger, converger), {}, SystemClock(), options)


def test_a_ticket_dropped_while_the_store_was_away_is_walked_long_before_its_lease_ends(
    store: Store,
) -> None:
    _due(store, "k")
    converger = FailsOnce(store, StoreUnavailable("the disk is full"))
    pool = _pool(store, converger)
    pool.start()
    assert converger.settled.wait(30)
    assert pool.stop(10)
    assert converger.walks == 2


@pytest.mark.parametrize("step", ["claim", "next_due", "give_back"])
def test_an_error_that_nobody_expected_is_not_the_end_of_dispatching(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    healed = threading.Event()
    monkeypatch.setattr(claims, step, _denied_until(healed, getattr(claims, step)))
    _due(sqlite_store, "k")
    converger = FailsOnce(sqlite_store)
    pool = _pool(sqlite_store, converger)
    pool.start()
    _until(lambda: pool.trouble() is not None)
    trouble = pool.trouble()
    assert trouble is not None
    assert "dispatcher fails: ProgrammingError" in trouble.words
    assert not trouble.over
    healed.set()
    _until(lambda: pool.trouble() is None)
    assert converger.settled.wait(30)
    assert pool.stop(10)


def test_a_walk_that_wants_to_end_its_thread_leaves_the_others_to_be_walked(
    sqlite_store: Store,
) -> None:
    _due(sqlite_store, "one", "two")
    converger = FailsOnce(sqlite_store, SystemExit(1))
    pool = _pool(sqlite_store, converger, threads=1)
    pool.start()
    assert converger.settled.wait(30)
    assert pool.trouble() is None
    assert pool.stop(10)


def test_a_pool_that_does_not_run_says_that_it_needs_a_new_start(sqlite_store: Store) -> None:
    pool = _pool(sqlite_store, FailsOnce(sqlite_store))
    trouble = pool.trouble()
    assert trouble is not None
    assert trouble.over


def _denied_until(healed: threading.Event, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if healed.is_set():
            return real(*args, **kwargs)
        raise exc.ProgrammingError("select", {}, Exception("permission denied for table tickets"))

    return call


def _rests(store: Store) -> bool:
    """Whether nothing is asked of the store for a moment."""
    with transactions(store) as made:
        threading.Event().wait(0.2)
    return made == []


def _until(true: Callable[[], bool]) -> None:
    for _ in range(3_000):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come to that")


class Dawdles:
    """A converger whose first walk goes on for as long as it is not told to end."""

    def __init__(self) -> None:
        self.walks = 0
        self.begun, self.go_on = threading.Event(), threading.Event()

    def walk(self, claim: Claim) -> str:
        self.walks += 1
        self.begun.set()
        self.go_on.wait(30)
        return "lease lost"


def test_a_ticket_that_a_thread_of_ours_is_still_at_is_not_claimed_again_when_its_lease_is_over(
    store: Store,
) -> None:
    _due(store, "k")
    converger = Dawdles()
    options = Options(4, Pace(lease=0.05), "me")
    pool = Pool(store, cast(Converger, converger), {}, SystemClock(), options)
    pool.start()
    assert converger.begun.wait(30)
    for _ in range(20):
        pool.wake()
        threading.Event().wait(0.02)
    assert converger.walks == 1
    converger.go_on.set()
    assert pool.stop(30)


def test_a_hint_costs_a_daemon_whose_threads_all_walk_no_statement(store: Store) -> None:
    _due(store, "k", "l")
    converger = Dawdles()
    pool = _pool(store, cast(FailsOnce, converger), threads=1)
    pool.start()
    assert converger.begun.wait(30)
    _until(lambda: _rests(store))
    with transactions(store) as made:
        for _ in range(20):
            pool.wake()
            threading.Event().wait(0.01)
    converger.go_on.set()
    assert pool.stop(10)
    assert made == []


def test_of_daemons_that_hear_of_one_ticket_together_one_walks_it(store: Store) -> None:
    convergers = [FailsOnce(store) for _ in range(4)]
    pools = []
    for number, converger in enumerate(convergers):
        options = Options(2, Pace(lease=3600.0), f"daemon {number}")
        made = Pool(store, cast(Converger, converger), {}, SystemClock(), options)
        made.start()
        pools.append(made)
    for round_ in range(1, 6):
        _due(store, f"k{round_}")
        for pool in pools:
            pool.wake()
        _until(lambda: sum(one.walks for one in convergers) >= round_)  # noqa: B023
    assert all(pool.stop(10) for pool in pools)
    assert sum(one.walks for one in convergers) == 5
