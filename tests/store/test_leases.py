"""Leases: one owner at a time, until the owner ends them, dies, or their time is over."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from sync.store import leases
from sync.store.engine import Store
from tests.store.test_tickets import claim, put, ticket


def test_a_lease_is_one_owners_until_it_is_released(store: Store) -> None:
    assert leases.take(store, "own", "a", 60.0)
    assert not leases.take(store, "own", "b", 60.0)
    assert not leases.take(store, "own", "a", 60.0), "not even a second time its own"
    assert not leases.renew(store, "own", "b", 60.0)
    leases.release(store, "own", "b")
    assert leases.renew(store, "own", "a", 60.0)
    assert leases.owners(store) == {"a"}
    leases.release(store, "own", "a")
    assert leases.owners(store) == set()
    assert leases.take(store, "own", "b", 60.0)


def test_a_lease_that_has_run_out_goes_to_the_next_who_asks(store: Store) -> None:
    assert leases.take(store, "own", "slow", 0.05)
    end = time.monotonic() + 60
    while not leases.take(store, "own", "next", 60.0):
        assert time.monotonic() < end
    assert not leases.renew(store, "own", "slow", 60.0)
    with store.write() as session:
        assert leases.is_held(session, "own", "next")
        assert not leases.is_held(session, "own", "slow")
        assert not leases.is_held(session, "other", "next")


def test_of_many_that_ask_at_once_one_gets_the_lease(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: leases.take(store, "own", str(n), 60.0), range(8)))
    assert taken.count(True) == 1


def test_the_leases_of_the_dead_are_ended_and_no_others(store: Store) -> None:
    put(store, ticket("a", due_at=1.0), ticket("b", due_at=1.0), ticket("c", due_at=1.0))
    claim(store, owner="dead", limit=2)
    claim(store, owner="alive", limit=1)
    leases.take(store, "own", "dead", 60.0)
    leases.take(store, "issues", "sweeping", 60.0)
    assert leases.owners(store) == {"dead", "alive", "sweeping"}
    assert leases.release_all_of(store, ["dead"]) == 2
    assert leases.owners(store) == {"alive", "sweeping"}
    assert leases.release_all_of(store, []) == 0
