"""The daemon's background half: triage, the pool, and what keeps them going."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from sync.ports import Clock, Source, Tracker
from sync.rules import RuleSet
from sync.store.engine import Store, StoreUnavailable
from sync.store.presence import Presence
from sync.worker.converge import Converger, Pace
from sync.worker.pool import POLL_SECONDS, Pool
from sync.worker.schedule import Schedule
from sync.worker.sweeps.runner import Runner
from sync.worker.triage import BATCH, Triage

log = structlog.get_logger("worker")

TAKE_OVER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """How many hands, and how they are paced."""

    threads: int = 8
    pace: Pace = field(default_factory=Pace)


class Daemon:
    """Everything that runs behind the receiver."""

    def __init__(
        self,
        store: Store,
        sources: Mapping[str, Source],
        trackers: Mapping[str, Tracker],
        rules: Callable[[], RuleSet],
        clock: Clock,
        options: Options | None = None,
    ) -> None:
        options = options or Options()
        self._store = store
        self._clock = clock
        self.owner = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._presence = Presence(store, self.owner)
        self.triage = Triage(store, sources, rules, clock)
        self.converger = Converger(store, trackers, rules, clock, options.pace)
        self.pool = Pool(
            store,
            self.converger,
            clock,
            owner=self.owner,
            threads=options.threads,
            lease=options.pace.lease,
            trackers=trackers,
        )
        self.sweeps = Runner(store, clock, self.owner)
        # Sweeps, rule reloads and retention add their jobs here before start().
        self.schedule = Schedule()
        self.schedule.every(TAKE_OVER_SECONDS, "take over", self.take_over)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start triage and the pool in threads of their own."""
        self.take_over()
        self.pool.start()
        self._thread = threading.Thread(target=self._triage, name="triage", daemon=True)
        self._thread.start()
        self.schedule.start()

    def take_over(self) -> int:
        """Free the tickets of processes that died; how many. Also renews our own sign of life."""
        freed = self._presence.release_dead()
        if freed:
            log.info("took over from a process that is gone", tickets=freed)
            self.pool.poke()
        return freed

    def poke(self) -> None:
        """Say that a delivery was accepted. Cheap, from any thread."""
        self._wake.set()

    def stop(self, timeout: float = 30.0) -> bool:
        """Finish what is in hand; whether that was done within ``timeout`` seconds."""
        self.schedule.stop()
        self._stopping.set()
        self._wake.set()
        end = self._clock.time() + timeout
        if self._thread is not None:
            self._thread.join(timeout)
        finished = self.pool.stop(max(0.0, end - self._clock.time()))
        finished = self.sweeps.stop(max(0.1, end - self._clock.time())) and finished
        self._presence.leave()
        return finished

    def _triage(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                taken = self.triage.batch()
            except StoreUnavailable as error:
                log.warning("store unavailable", why=str(error))
                taken = 0
            except Exception:
                log.exception("triage failed; trying again")
                taken = 0
            if taken:
                self.pool.poke()
            if taken < BATCH:
                self._wake.wait(POLL_SECONDS)
