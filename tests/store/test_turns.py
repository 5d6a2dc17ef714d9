"""Turns at writing: one at a time, the inbox next, and nobody kept out for good."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from sync.store.engine import Store, StoreUnavailable
from sync.store.turns import Turns


def _until(condition: Callable[[], bool]) -> None:
    turn = threading.Event()
    for _ in range(5000):
        if condition():
            return
        turn.wait(0.002)
    raise AssertionError("it never came about")


def _thread(work: Callable[[], None]) -> threading.Thread:
    """A thread that has begun."""
    begun = threading.Event()

    def run() -> None:
        begun.set()
        work()

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(10)
    return thread


def test_the_first_has_the_next_turn_before_all_who_wait() -> None:
    turns, order = Turns(), list[str]()

    def take(name: str, *, first: bool = False) -> None:
        with turns.take(10, first=first) as taken:
            assert taken
            order.append(name)

    with turns.take(10):
        threads = [_thread(lambda: take("first", first=True))]
        _until(turns.next.locked)
        threads += [_thread(lambda: take("other")) for _ in range(3)]
    for thread in threads:
        thread.join(10)
    assert order == ["first", "other", "other", "other"]


def test_the_inbox_has_the_next_turn_at_a_store(sqlite_store: Store) -> None:
    order = list[str]()

    def take(name: str, *, first: bool = False) -> None:
        with sqlite_store.turn(first=first):
            order.append(name)

    with sqlite_store.turn():
        threads = [_thread(lambda: take("inbox", first=True))]
        _until(sqlite_store._turns.next.locked)
        threads += [_thread(lambda: take("other")) for _ in range(3)]
    for thread in threads:
        thread.join(10)
    assert order == ["inbox", "other", "other", "other"]
    assert not sqlite_store._turns.next.locked()
    with sqlite_store.turn():
        order.append("again")
    assert not sqlite_store._turns.now.locked()


def test_the_first_does_not_keep_out_one_who_waits() -> None:
    turns, order = Turns(), list[str]()

    def other() -> None:
        with turns.take(10) as taken:
            assert taken
            order.append("other")

    with turns.take(10, first=True):
        thread = _thread(other)
        _until(turns.next.locked)
    with turns.take(10, first=True) as taken:
        assert taken
        order.append("first")
    thread.join(10)
    assert order == ["other", "first"]


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("holder", [False, True])
def test_who_comes_in_vain_leaves_no_trace(first: bool, holder: bool) -> None:
    turns = Turns()
    with turns.take(0, first=holder) as held:
        assert held
        with turns.take(0, first=first) as taken:
            assert not taken
    for again in (first, holder):
        with turns.take(0, first=again) as taken:
            assert taken


def test_an_error_ends_a_turn() -> None:
    turns = Turns()
    for first in (False, True):
        with pytest.raises(KeyError), turns.take(0, first=first):
            raise KeyError
    with turns.take(0) as taken:
        assert taken


def test_many_threads_have_their_turns_one_at_a_time() -> None:
    turns, inside, most = Turns(), 0, 0

    def work(first: bool) -> None:
        nonlocal inside, most
        for _ in range(200):
            with turns.take(30, first=first) as taken:
                assert taken
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [_thread(lambda first=number == 0: work(first)) for number in range(6)]  # type: ignore[misc]
    for thread in threads:
        thread.join(30)
    assert most == 1
    assert not any(thread.is_alive() for thread in threads)


def test_a_turn_that_does_not_come_is_told(sqlite_store: Store) -> None:
    sqlite_store._busy_timeout = 0.0
    busy = pytest.raises(StoreUnavailable, match="takes too long")
    with sqlite_store.turn(), busy, sqlite_store.turn(first=True):
        raise AssertionError
