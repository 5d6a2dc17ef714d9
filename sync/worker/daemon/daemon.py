"""The daemon's background half: triage, the pool, and what keeps them going."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from sync.ports import Clock, Source, Tracker
from sync.rules import RuleSet
from sync.store.engine import Store
from sync.store.liveness import Liveness, new_owner
from sync.worker.daemon.loop import Loop, Trouble
from sync.worker.daemon.pauses import SHARE_SECONDS, Pauses
from sync.worker.daemon.pool import POLL_SECONDS, Pool
from sync.worker.daemon.schedule import Schedule
from sync.worker.sweeps.runner import Runner
from sync.worker.triage.batch import BATCH, Triage
from sync.worker.walk.converge import Converger
from sync.worker.walk.outcomes import Pace

log = structlog.get_logger("worker")

TAKE_OVER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """How many hands, and how they are paced. ``owner`` is the process's name on leases."""

    threads: int = 8
    pace: Pace = field(default_factory=Pace)
    owner: str = field(default_factory=new_owner)


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
        self.owner = options.owner
        self._liveness = Liveness(store, self.owner)
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
        self.schedule.every(SHARE_SECONDS, "pauses", Pauses(store, trackers, clock).share)
        self._triaging = Loop("triage", self._triage)

    def start(self) -> None:
        """Start triage and the pool in threads of their own."""
        self.take_over()
        self.pool.start()
        self._triaging.start()
        self.schedule.start()

    def take_over(self) -> int:
        """Free the tickets of processes that died; how many. Also renews our own sign of life."""
        freed = self._liveness.release_dead()
        if freed:
            log.info("took over from a process that is gone", tickets=freed)
            self.pool.poke()
        return freed

    def poke(self) -> None:
        """Say that a delivery was accepted. Cheap, from any thread."""
        self._triaging.poke()

    def trouble(self) -> Trouble | None:
        """Why deliveries do not become tickets, if they do not. A Jira site that is down is none."""
        known = [one for one in (self._triaging.trouble(), self.pool.trouble()) if one is not None]
        if not known:
            return None
        return Trouble("; ".join(one.words for one in known), any(one.over for one in known))

    def stop(self, timeout: float = 30.0) -> bool:
        """Finish what is in hand; whether that was done within ``timeout`` seconds."""
        self.schedule.stop()
        end = time.monotonic() + timeout
        self._triaging.stop()
        finished = self._triaging.join(timeout)
        finished = self.pool.stop(max(0.0, end - time.monotonic())) and finished
        finished = self.sweeps.stop(max(0.1, end - time.monotonic())) and finished
        self._liveness.end()
        return finished

    def _triage(self) -> float:
        taken = self.triage.batch()
        if taken:
            self.pool.poke()
        return POLL_SECONDS if taken < BATCH else 0.0
