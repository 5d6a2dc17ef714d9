"""Writes of several threads share a transaction on SQLite; what is wrong with one is no other's."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from sync.store.engine import Store, StoreUnavailable, open_store
from tests.transactions import transactions

THREADS = 6


def _put(store: Store, number: int | None) -> int:
    """Write a row with this number; how many rows there are then."""

    def work(connection: Connection) -> int:
        connection.exec_driver_sql(
            "INSERT INTO journal (at, action, rule, result, words, detail)"
            " VALUES (?, 'a', '', 'ok', '', '{}')",
            (number,),
        )
        return int(connection.exec_driver_sql("SELECT count(*) FROM journal").scalar_one())

    return store.together.write(work)


def _there(store: Store) -> list[float]:
    with store.read_connection() as connection:
        return [at for (at,) in connection.exec_driver_sql("SELECT at FROM journal ORDER BY at")]


def _all_at_once(store: Store, numbers: list[int | None]) -> list[Future[int]]:
    """Write while the turn is another's, so that all wait for it together."""
    with ThreadPoolExecutor(len(numbers)) as pool, ExitStack() as turn:
        turn.enter_context(store.turn())
        writes = [pool.submit(_put, store, number) for number in numbers]
        waited = threading.Event()
        while store.together.waiting < len(numbers):
            waited.wait(0.001)
    return writes


def test_what_waits_for_one_turn_is_committed_in_one_transaction(sqlite_store: Store) -> None:
    _put(sqlite_store, -1)
    with transactions(sqlite_store) as found:
        writes = _all_at_once(sqlite_store, [*range(THREADS)])
    assert len(found) == 1
    assert sorted(write.result() for write in writes) == [*range(2, THREADS + 2)]
    assert _there(sqlite_store) == [-1, *range(THREADS)]


def test_a_write_that_is_refused_takes_no_other_with_it(sqlite_store: Store) -> None:
    writes = _all_at_once(sqlite_store, [1, None, 2])
    assert isinstance(writes[1].exception(), IntegrityError)
    assert sorted(w.result() for w in (writes[0], writes[2])) == [1, 2]
    assert _there(sqlite_store) == [1, 2]


def test_a_write_without_a_turn_in_time_stores_nothing(sqlite_store: Store) -> None:
    impatient = open_store(str(sqlite_store.engine.url), busy_timeout=0.05)
    with impatient.turn(), ThreadPoolExecutor(1) as pool:
        late = pool.submit(_put, impatient, 1)
        assert isinstance(late.exception(30), StoreUnavailable)
    assert impatient.together.waiting == 0
    assert _put(impatient, 2) == 1
    assert _there(impatient) == [2]
    impatient.close()


def test_a_store_that_cannot_be_written_is_told_to_all(sqlite_store: Store) -> None:
    other = open_store(str(sqlite_store.engine.url), busy_timeout=0.05)
    with sqlite_store.write_connection():
        writes = _all_at_once(other, [1, 2, 3])
        assert all("lock" in str(write.exception()) for write in writes)
        assert other.together.waiting == 0
    assert _there(other) == []
    other.close()


def test_threads_that_write_all_the_time_lose_nothing(sqlite_store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda number: _put(sqlite_store, number), range(200)))
    assert sorted(counts) == [*range(1, 201)]
    assert _there(sqlite_store) == [*range(200)]
