"""The daemon behind the receiver: triage, the pool of walks, sweeps and the schedule."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from sync.ports import Clock, Source, Tracker
from sync.rules import RuleSet
from sync.store.engine import Store, StoreUnavailable
from sync.store.liveness import Liveness
from sync.worker.daemon.loop import Loop, Trouble
from sync.worker.daemon.pauses import SHARE_SECONDS, Pauses
from sync.worker.daemon.pool import POLL_SECONDS, Options, Pool
from sync.worker.daemon.schedule import Schedule
from sync.worker.sweeps.runner import Runner
from sync.worker.triage.asking import Asking
from sync.worker.triage.batch import Triage
from sync.worker.walk.converge import Converger

log = structlog.get_logger("worker")

TAKE_OVER_SECONDS = 5.0
# Most seconds that the end of a daemon waits for a store to take its leases back.
END_SECONDS = 3.0


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
        sites = {name: tracker.health for name, tracker in trackers.items()}
        self.owner = options.owner
        self._liveness = options.liveness or Liveness(store, self.owner)
        self.pauses = Pauses(store, sites, clock, self.owner, rules)
        options = replace(options, pauses=self.pauses.by_people)
        self.triage = Triage(store, sources, rules, clock, Asking(options.apis, clock))
        self.converger = Converger(
            store,
            trackers,
            rules,
            clock,
            options.pace,
            ways=options.ways,
            pauses=self.pauses.on_record,
        )
        self.pool = Pool(store, self.converger, sites, clock, options)
        self.sweeps = Runner(store, clock, self.owner)
        # Sweeps, rule reloads and retention add their jobs here before start().
        self.schedule = Schedule()
        self.schedule.every(TAKE_OVER_SECONDS, "take over", self.take_over)
        self.schedule.every(SHARE_SECONDS, "pauses", self.pauses.share)
        self._triaging = Loop("triage", self._triage)
        # Fewer deliveries than threads make no more tickets due than this process walks at once.
        self._many = options.threads
        self._tell_others: Callable[[], object] = lambda: None

    def start(self) -> None:
        """Start triage and the pool in threads of their own."""
        # Before anything may call a site that is paused.
        self.pauses.follow()
        self.take_over()
        self.pool.start()
        self._triaging.start()
        self.schedule.start()

    def take_over(self) -> int:
        """Free the tickets of dead processes; how many. Also renews this process's sign of life."""
        freed = self._liveness.release_dead()
        if freed:
            log.info("took over from a process that is gone", tickets=freed)
            self.pool.wake()
        return freed

    def wake(self) -> None:
        """Triage at once: a delivery was accepted. Cheap, from any thread."""
        self._triaging.wake()

    def on_many(self, tell_others: Callable[[], object]) -> None:
        """What to call when triage has made more tickets due than this process can walk at once."""
        self._tell_others = tell_others

    def trouble(self) -> Trouble | None:
        """Why deliveries do not become tickets, if they do not. A site that is down does not count."""
        known = [one for one in (self._triaging.trouble(), self.pool.trouble()) if one is not None]
        if not known:
            return None
        return Trouble(
            "; ".join(one.words for one in known),
            over=any(one.over for one in known),
            of_store=any(one.of_store for one in known),
        )

    def stuck(self, seconds: float) -> str:
        """What does not turn any more, in words, if a loop has not for so many seconds."""
        return next(
            (
                words
                for one in (self._triaging, self.pool, self.schedule)
                if (words := one.stuck(seconds))
            ),
            "",
        )

    def held(self) -> str:
        """Why no delivery should be accepted now: the store does not let it be worked on. "" usually."""
        trouble = self.trouble()
        return trouble.words if trouble is not None and trouble.of_store else ""

    def stop(self, timeout: float = 30.0) -> bool:
        """Finish the work in hand; whether it ended within ``timeout`` seconds."""
        self.schedule.stop()
        end = time.monotonic() + timeout
        self._triaging.stop()
        finished = self._triaging.join(timeout)
        finished = self.pool.stop(max(0.0, end - time.monotonic())) and finished
        finished = self.sweeps.stop(max(0.1, end - time.monotonic())) and finished
        self._end_liveness(max(0.1, min(END_SECONDS, end - time.monotonic())))
        return finished

    def _end_liveness(self, timeout: float) -> None:
        """Give the leases back, if the store answers in time. Otherwise they end by themselves."""

        def give_back() -> None:
            try:
                self._liveness.end()
            except StoreUnavailable as error:
                log.warning("leases were not given back", why=str(error))

        giving = threading.Thread(target=give_back, name="leases", daemon=True)
        giving.start()
        giving.join(timeout)

    def _triage(self) -> float:
        taken = self.triage.batch()
        if taken:
            self.pool.wake()
        if taken > self._many:
            self._tell_others()
        return 0.0 if taken and self.triage.more else POLL_SECONDS
