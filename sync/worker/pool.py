"""The pool: a dispatcher claims due tickets, worker threads walk them."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable

import structlog

from sync.ports import Clock
from sync.store import tickets
from sync.store.engine import Store, StoreUnavailable
from sync.store.tickets import Claim
from sync.worker.converge import Converger

log = structlog.get_logger("worker")

# Other processes make tickets due without poking us; this is how long that may go unseen.
POLL_SECONDS = 1.0


class Pool:
    """Threads that walk due tickets. Claims no more than it has free hands for."""

    def __init__(
        self,
        store: Store,
        converger: Converger,
        clock: Clock,
        *,
        owner: str,
        threads: int,
        lease: float,
        sites_down: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._store = store
        self._converger = converger
        self._clock = clock
        self._owner = owner
        self._threads = threads
        self._lease = lease
        self._sites_down = sites_down
        self._hands: queue.Queue[Claim | None] = queue.Queue()
        self._busy = 0
        # By ticket id: what the threads are at, and what one of them had to drop without a word to the
        # store.
        self._walking: Counter[int] = Counter()
        self._dropped: set[int] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._running: list[threading.Thread] = []

    def start(self) -> None:
        """Start the dispatcher and the workers."""
        for number in range(self._threads):
            self._spawn(self._work, f"worker-{number}")
        self._spawn(self._dispatch, "dispatcher")

    def poke(self) -> None:
        """Say that something may be due."""
        self._wake.set()

    def stop(self, timeout: float) -> bool:
        """Claim nothing more, finish the walks in hand; whether that was done within ``timeout``."""
        self._stopping.set()
        self._wake.set()
        end = self._clock.time() + timeout
        for thread in self._running:
            thread.join(max(0.0, end - self._clock.time()))
        return not any(thread.is_alive() for thread in self._running)

    @property
    def busy(self) -> int:
        """How many tickets are being walked now."""
        return self._busy

    def _spawn(self, target: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._running.append(thread)
        thread.start()

    def _dispatch(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                claimed = self._claim()
            except StoreUnavailable as error:
                log.warning("store unavailable", why=str(error))
                claimed = 0
            if not claimed:
                self._wake.wait(self._pause())
        for _ in range(self._threads):
            self._hands.put(None)

    def _claim(self) -> int:
        free = self._threads - self._busy
        if free <= 0:
            return 0
        self._give_back()
        claims = tickets.claim(
            self._store,
            owner=self._owner,
            now=self._clock.time(),
            lease=self._lease,
            limit=free,
            except_sites=self._sites_down(),
        )
        with self._lock:
            self._busy += len(claims)
            self._walking.update(claim.ticket_id for claim in claims)
        for claim in claims:
            self._hands.put(claim)
        return len(claims)

    def _give_back(self) -> None:
        """Free what was dropped while the store was away, instead of waiting for its lease to end."""
        with self._lock:
            ids = {id_ for id_ in self._dropped if not self._walking[id_]}
        tickets.give_back(self._store, self._owner, ids)
        with self._lock:
            self._dropped -= ids

    def _pause(self) -> float:
        """Seconds until something may be due."""
        if self._busy >= self._threads:
            return POLL_SECONDS
        try:
            due = tickets.next_due(
                self._store, now=self._clock.time(), except_sites=self._sites_down()
            )
        except StoreUnavailable:
            return POLL_SECONDS
        if due is None:
            return POLL_SECONDS
        return min(POLL_SECONDS, max(0.005, due - self._clock.time()))

    def _work(self) -> None:
        while (claim := self._hands.get()) is not None:
            try:
                self._converger.walk(claim)
            except StoreUnavailable as error:
                # Whoever claims the ticket next reads what is on record.
                log.warning("store unavailable during a walk", why=str(error))
                self._dropped.add(claim.ticket_id)
            except Exception:
                # The lease runs out by itself; trying again at once would do the same again.
                log.exception("a walk ended badly", ticket=claim.ticket_id)
            finally:
                with self._lock:
                    self._busy -= 1
                    self._walking -= Counter((claim.ticket_id,))
                self._wake.set()
