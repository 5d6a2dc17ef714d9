"""The pool: a dispatcher claims due tickets, worker threads walk them."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Mapping

import structlog

from sync.ports import Clock, Tracker
from sync.store import tickets
from sync.store.engine import Store, StoreUnavailable
from sync.store.tickets import Claim, Closed
from sync.worker.daemon.loop import Loop, Trouble
from sync.worker.walk.converge import Converger

log = structlog.get_logger("worker")

# Other processes make tickets due without poking us; this is how long that may go unseen.
POLL_SECONDS = 1.0
# So many times the threads asked for may be there at most, because calls of the others hang.
_MOST_HANDS = 4


class Pool:
    """Threads that walk due tickets. Claims no more than it has free hands for.

    A hand whose call hangs does not count: another takes its place, so that what hangs in one project
    holds up no other.
    """

    def __init__(
        self,
        store: Store,
        converger: Converger,
        clock: Clock,
        *,
        owner: str,
        threads: int,
        lease: float,
        trackers: Mapping[str, Tracker],
    ) -> None:
        self._store = store
        self._converger = converger
        self._clock = clock
        self._owner = owner
        self._threads = threads
        self._lease = lease
        self._trackers = trackers
        self._hands: queue.Queue[Claim | None] = queue.Queue()
        self._busy = 0
        # By ticket id: what the threads are at, and what one of them had to drop without a word to the
        # store.
        self._walking: Counter[int] = Counter()
        self._dropped: set[int] = set()
        self._lock = threading.Lock()
        self._dispatcher = Loop("dispatcher", self._dispatch)
        self._workers: list[threading.Thread] = []

    def start(self) -> None:
        """Start the dispatcher and the workers."""
        self._staff(self._threads)
        self._dispatcher.start()

    def poke(self) -> None:
        """Say that something may be due."""
        self._dispatcher.poke()

    def stop(self, timeout: float) -> bool:
        """Claim nothing more, finish the walks in hand; whether that was done within ``timeout``."""
        end = time.monotonic() + timeout
        self._dispatcher.stop()
        finished = self._dispatcher.join(timeout)
        for _ in self._workers:
            self._hands.put(None)
        for worker in self._workers:
            worker.join(max(0.0, end - time.monotonic()))
        return finished and not any(worker.is_alive() for worker in self._workers)

    @property
    def busy(self) -> int:
        """How many tickets are being walked now."""
        return self._busy

    def trouble(self) -> Trouble | None:
        """Why due tickets are not walked, if they are not."""
        known = self._dispatcher.trouble()
        if known is None and not any(worker.is_alive() for worker in self._workers):
            return Trouble("no thread is left that walks tickets")
        return known

    def _dispatch(self) -> float:
        # Whatever ended a worker, another takes its place.
        self._staff(self._threads)
        return 0.0 if self._claim() else self._pause()

    def _staff(self, wanted: int) -> None:
        """Have at least so many workers."""
        self._workers = [worker for worker in self._workers if worker.is_alive()]
        for number in range(len(self._workers), wanted):
            worker = threading.Thread(target=self._work, name=f"worker-{number}", daemon=True)
            worker.start()
            self._workers.append(worker)

    def _free(self) -> int:
        """How many more tickets may be walked now."""
        lent = sum(tracker.lent() for tracker in self._trackers.values())
        return min(self._threads + lent, self._threads * _MOST_HANDS) - self._busy

    def _closed(self) -> Closed:
        """What is not to be claimed now: sites that are down, projects whose calls hang, and what one of
        our own threads is still at, though its lease ran out while this process stood still."""
        with self._lock:
            walking = frozenset(id_ for id_, count in self._walking.items() if count > 0)
        return Closed(
            frozenset(name for name, tracker in self._trackers.items() if tracker.down()),
            frozenset(
                (name, project)
                for name, tracker in self._trackers.items()
                for project in tracker.stalled()
            ),
            walking,
            frozenset(self._trackers),
        )

    def _claim(self) -> int:
        free = self._free()
        if free <= 0:
            return 0
        self._give_back()
        claims = tickets.claim(
            self._store,
            owner=self._owner,
            now=self._clock.time(),
            lease=self._lease,
            limit=free,
            closed=self._closed(),
        )
        with self._lock:
            self._busy += len(claims)
            wanted = self._busy
            self._walking.update(claim.ticket_id for claim in claims)
        # Into the hands that are there first: where the system has no more threads, they walk it all.
        for claim in claims:
            self._hands.put(claim)
        self._staff(wanted)
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
        if self._free() <= 0:
            return POLL_SECONDS
        due = tickets.next_due(self._store, now=self._clock.time(), closed=self._closed())
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
            except BaseException:
                # The lease runs out by itself; trying again at once would do the same again. Nothing
                # that one walk meets may end the thread, which has others to make.
                log.exception("a walk ended badly", ticket=claim.ticket_id)
            finally:
                with self._lock:
                    self._busy -= 1
                    self._walking -= Counter((claim.ticket_id,))
                self._dispatcher.poke()
