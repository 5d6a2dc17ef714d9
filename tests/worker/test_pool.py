"""The pool: what a thread had to drop is taken up again without waiting for its lease."""

from __future__ import annotations

import threading
from typing import cast

from sync.ports import SystemClock
from sync.store import tickets
from sync.store.engine import Store, StoreUnavailable
from sync.store.tables import TicketRow
from sync.store.tickets import Claim
from sync.worker.converge import Converger
from sync.worker.pool import Pool


class DropsOnce:
    """A converger that finds the store away the first time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.walks = 0
        self.settled = threading.Event()

    def walk(self, claim: Claim) -> str:
        self.walks += 1
        if self.walks == 1:
            raise StoreUnavailable("the disk is full")
        with self._store.write() as session:
            tickets.release(tickets.held(session, claim), claim, again_at=None, now=2.0)
        self.settled.set()
        return "settled"


def test_a_ticket_dropped_while_the_store_was_away_is_walked_long_before_its_lease_ends(
    store: Store,
) -> None:
    with store.write() as session:
        row = TicketRow(key="k", rule="r", site="main", project="", created_at=0.0, due_at=1.0)
        tickets.add(session, row)
    converger = DropsOnce(store)
    pool = Pool(
        store,
        cast(Converger, converger),
        SystemClock(),
        owner="me",
        threads=2,
        lease=3600.0,
        trackers={},
    )
    pool.start()
    assert converger.settled.wait(30)
    assert pool.stop(10)
    assert converger.walks == 2
