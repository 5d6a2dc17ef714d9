"""A process that died is noticed by the store, and its tickets are taken over at once."""

from __future__ import annotations

import subprocess
import sys
import time

from sync.store import tickets
from sync.store.engine import Store
from sync.store.liveness import Liveness
from tests.store.test_tickets import claim, put, ticket

CHILD = """
import sys, time
from sync.store import tickets
from sync.store.engine import open_store
from sync.store.liveness import Liveness
store = open_store(sys.argv[1])
liveness = Liveness(store, "child"); liveness.show()
tickets.claim(store, owner="child", now=10.0, lease=1e6, limit=1)
print("claimed", flush=True)
time.sleep(120)
"""


def test_tickets_of_a_killed_process_are_free_at_once(store: Store, store_url: str) -> None:
    put(store, ticket(due_at=1.0))
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, store_url], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "claimed\n"
        mine = Liveness(store, "me")
        assert mine.release_dead() == 0, "a process that lives keeps its tickets"
    finally:
        child.kill()
        child.wait()
    # The server learns of the death from the kernel, a moment later.
    freed, end = 0, time.monotonic() + 20
    while not freed and time.monotonic() < end:
        freed = mine.release_dead()
    assert freed == 1
    assert len(claim(store, owner="me")) == 1
    mine.end()


def test_ones_own_leases_are_never_taken_for_a_dead_ones(store: Store) -> None:
    put(store, ticket(due_at=1.0))
    mine = Liveness(store, "me")
    mine.show()
    tickets.claim(store, owner="me", now=10.0, lease=60, limit=1)
    assert mine.release_dead() == 0
    mine.end()
