"""The pool: a dispatcher claims due tickets, worker threads walk them."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from sync.domain.pause import Pause
from sync.ports import Clock, SiteHealth, SourceApi
from sync.store import claims
from sync.store.claims import Claim, Closed
from sync.store.engine import Store, StoreUnavailable
from sync.store.liveness import Liveness, new_owner
from sync.worker.daemon.loop import LASTING_STEPS, PAUSE_SECONDS, Loop, Trouble
from sync.worker.walk.converge import Converger
from sync.worker.walk.outcomes import Pace
from sync.worker.walk.telling import NO_WAYS, Ways

log = structlog.get_logger("worker")

# Other processes make tickets due without waking this one, so the store is asked at this interval.
POLL_SECONDS = 1.0
# Upper bound on threads, as a multiple of ``threads``: hung calls of one project must not use up the
# machine.
_MOST_THREADS = 4


@dataclass(frozen=True, slots=True)
class Options:
    """How many threads walk tickets, and their pace. ``owner`` is the process's name on leases;
    ``liveness`` shows under that name that the process is alive. ``ways`` are those by which
    sources are told of acts, ``apis`` the APIs of the sources that can be asked. ``pauses`` gives the
    pauses by people that go on at this moment."""

    threads: int = 8
    pace: Pace = field(default_factory=Pace)
    owner: str = field(default_factory=new_owner)
    liveness: Liveness | None = None
    ways: Ways = NO_WAYS
    apis: Mapping[str, SourceApi] = field(default_factory=dict)
    pauses: Callable[[], Sequence[Pause]] = tuple


class Pool:
    """Threads that walk due tickets. Claims no more tickets than free threads can walk.

    A thread whose call hangs does not count. Another thread takes its place, so that a project whose
    calls hang does not hold up the tickets of others. Nor does a thread whose call waits long for a
    rate limit, but only for tickets of other projects: one more call of the project would wait as well.
    """

    def __init__(
        self,
        store: Store,
        converger: Converger,
        sites: Mapping[str, SiteHealth],
        clock: Clock,
        options: Options,
    ) -> None:
        self._store = store
        self._converger = converger
        self._sites = sites
        self._clock = clock
        self._owner = options.owner
        self._threads = options.threads
        self._lease = options.pace.lease
        self._pauses = options.pauses
        self._claims: queue.Queue[Claim | None] = queue.Queue()
        # By ticket id: the walks under way or waiting for a thread, and the tickets whose walk ended
        # without giving back its claim, because the store was away.
        self._walking: Counter[int] = Counter()
        self._dropped: set[int] = set()
        # The store's words since it last failed a walk, and how many walks in a row it has failed.
        self._failing = ""
        self._failed = 0
        self._lock = threading.Lock()
        # Whether a ticket is likely to be due. Otherwise the store is asked before the one lock for
        # writing on SQLite is taken.
        self._due = threading.Event()
        self._stopping = threading.Event()
        self._dispatcher = Loop("dispatcher", self._dispatch)
        self._workers: list[threading.Thread] = []

    def start(self) -> None:
        """Start the dispatcher and the workers."""
        self._start_workers(self._threads)
        self._dispatcher.start()

    def wake(self) -> None:
        """Claim at once: a ticket may be due."""
        self._due.set()
        self._dispatcher.wake()

    def stop(self, timeout: float) -> bool:
        """Claim nothing more, and finish the walks in hand; whether they end within ``timeout``."""
        end = time.monotonic() + timeout
        self._stopping.set()
        self._dispatcher.stop()
        finished = self._dispatcher.join(timeout)
        for _ in self._workers:
            self._claims.put(None)
        for worker in self._workers:
            worker.join(max(0.0, end - time.monotonic()))
        return finished and not any(worker.is_alive() for worker in self._workers)

    def stuck(self, seconds: float) -> str:
        """As ``Loop.stuck``."""
        return self._dispatcher.stuck(seconds)

    def trouble(self) -> Trouble | None:
        """Why due tickets are not walked, if they are not."""
        known = self._dispatcher.trouble()
        if known is not None:
            return known
        if not any(worker.is_alive() for worker in self._workers):
            return Trouble("no thread is left that walks tickets")
        lasting = self._failed >= LASTING_STEPS
        return Trouble(f"walks fail: {self._failing}", of_store=lasting) if lasting else None

    def _dispatch(self) -> float:
        # A worker that has ended, for whatever reason, is replaced.
        self._start_workers(self._threads)
        pause = self._claim(self._free(elsewhere=True), self._closed(elsewhere=True))
        if pause and self._waiting():
            pause = min(pause, self._claim(self._free(), self._closed()))
        if self._failing:
            # The tickets of failed walks are due at once. Without this they would be walked without end.
            self._stopping.wait(PAUSE_SECONDS)
        return pause

    def _start_workers(self, wanted: int) -> None:
        """Start workers until ``wanted`` are there."""
        self._workers = [worker for worker in self._workers if worker.is_alive()]
        for number in range(len(self._workers), wanted):
            worker = threading.Thread(target=self._work, name=f"worker-{number}", daemon=True)
            worker.start()
            self._workers.append(worker)

    def _waiting(self) -> dict[str, Mapping[str, int]]:
        """How many calls wait long for a rate limit, by site and project."""
        return {name: found for name, site in self._sites.items() if (found := site.waiting())}

    def _free(self, *, elsewhere: bool = False) -> int:
        """How many more tickets may be walked now, of any project or of those where no call waits."""
        lent = sum(site.lent() for site in self._sites.values())
        if elsewhere:
            lent += sum(sum(waiting.values()) for waiting in self._waiting().values())
        most = min(self._threads + lent, self._threads * _MOST_THREADS)
        with self._lock:
            return most - self._walking.total()

    def _closed(self, *, elsewhere: bool = False) -> Closed:
        """What must not be claimed now: tickets of sites that are down and of projects whose calls hang,
        what people have paused, and tickets that a thread of this process still walks although their
        lease has run out.

        ``elsewhere``: nor tickets of projects whose calls wait for a rate limit, new tickets whose
        project is not known yet, or any ticket of a site where many calls wait.
        """
        waiting = {name: {"": 0, **by} for name, by in self._waiting().items() if elsewhere}
        crowded = {name for name, by in waiting.items() if sum(by.values()) >= 2 * self._threads}
        down = {name for name, site in self._sites.items() if site.down()}
        with self._lock:
            walking = frozenset(id_ for id_, count in self._walking.items() if count > 0)
        return Closed(
            frozenset(down | crowded),
            frozenset(
                (name, project)
                for name, site in self._sites.items()
                for project in (*site.stalled(), *waiting.get(name, ()))
            ),
            walking,
            frozenset(self._sites),
            tuple(self._pauses()),
        )

    def _claim(self, free: int, closed: Closed) -> float:
        """Claim what is due, as far as threads are free; seconds until more may be due."""
        if free <= 0:
            return POLL_SECONDS
        self._give_back()
        now = self._clock.time()
        if not self._due.is_set():
            due = claims.next_due(self._store, now=now, closed=closed)
            if due is None or due > now:
                later = POLL_SECONDS if due is None else due - self._clock.time()
                return min(POLL_SECONDS, max(0.005, later))
        self._due.clear()
        taken = claims.claim(
            self._store, owner=self._owner, now=now, lease=self._lease, limit=free, closed=closed
        )
        if len(taken) == free:
            self._due.set()
        with self._lock:
            self._walking.update(claim.ticket_id for claim in taken)
            wanted = self._walking.total()
        # Before new threads are started: where the system has no more, the threads there are walk all.
        for claim in taken:
            self._claims.put(claim)
        self._start_workers(wanted)
        return 0.0

    def _give_back(self) -> None:
        """Give back claims that a walk could not, instead of waiting for their leases to end."""
        with self._lock:
            ids = {id_ for id_ in self._dropped if not self._walking[id_]}
        claims.give_back(self._store, self._owner, ids)
        with self._lock:
            self._dropped -= ids

    def _work(self) -> None:
        while (claim := self._claims.get()) is not None:
            try:
                self._converger.walk(claim)
                self._failing, self._failed = "", 0
            except StoreUnavailable as error:
                self._failing, self._failed = str(error), self._failed + 1
                # The next walk of the ticket continues from what is on record.
                log.warning("store unavailable during a walk", why=str(error))
                self._dropped.add(claim.ticket_id)
            except BaseException:
                # The thread goes on, because other tickets wait for it. The claim is not given back: the
                # next walk would fail at once in the same way, so it comes when the lease has run out.
                log.exception("a walk ended badly", ticket=claim.ticket_id)
            finally:
                with self._lock:
                    self._walking -= Counter((claim.ticket_id,))
                self._dispatcher.wake()
