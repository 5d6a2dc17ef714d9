"""The daemon as one piece: receiver, inbox, triage, workers and the store under them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from sync.bootstrap.adapters import rule_defaults, source_of, trackers_of
from sync.bootstrap.clock import WallClock
from sync.bootstrap.stores import ready_store
from sync.ports import Clock, Tracker
from sync.rules import RuleSet, load
from sync.settings import Settings
from sync.store import tickets
from sync.store.engine import Store
from sync.store.inbox import Inbox
from sync.telemetry import OLDEST_DUE, RULES_OK, TICKETS
from sync.web.app import create_app
from sync.web.health import Check, Probe
from sync.web.receiver import Limits
from sync.worker.converge import Pace
from sync.worker.daemon import Daemon, Options


@dataclass(frozen=True, slots=True)
class Program:
    """Everything wired. ``app`` is the ASGI application that takes deliveries."""

    store: Store
    inbox: Inbox
    daemon: Daemon
    trackers: Mapping[str, Tracker]
    rules: RuleSet
    app: Any

    def start(self) -> None:
        """Begin to work on what the store holds."""
        self.daemon.start()

    def stop(self, timeout: float) -> bool:
        """Write what waits, finish what is in hand, close; whether that was done in time (seconds).

        The server must have stopped before.
        """
        end = time.monotonic() + timeout
        written = self.inbox.close(timeout)
        finished = self.daemon.stop(max(0.1, end - time.monotonic()))
        if finished:
            self.store.close()
        return written and finished


def build(settings: Settings, clock: Clock | None = None) -> Program:
    """Wire everything; nothing runs yet but the inbox, and no call is made outside.

    Raises StoreUnavailable and RuleErrors.
    """
    clock = clock or WallClock()
    # Before the store is opened: what a person can mend is better said before anything is made.
    rules = load(settings.rules_folder, rule_defaults(settings))
    store = ready_store(settings)
    source = source_of(settings)
    trackers = trackers_of(settings, clock)
    options = Options(threads=settings.worker.threads, pace=Pace(lease=settings.worker.lease))
    daemon = Daemon(store, {source.name: source}, trackers, lambda: rules, clock, options)
    inbox = Inbox(store, on_accept=daemon.poke, queue=settings.server.queue)
    RULES_OK.set(1)
    app = create_app(
        source=source,
        inbox=inbox,
        probes=probes(store, inbox, trackers),
        refresh_metrics=lambda: refresh_metrics(store, clock),
        limits=Limits(
            body_bytes=settings.server.max_body, body_seconds=settings.server.body_timeout
        ),
        clock=clock.time,
    )
    return Program(store, inbox, daemon, trackers, rules, app)


def probes(store: Store, inbox: Inbox, trackers: Mapping[str, Tracker]) -> dict[str, Probe]:
    """What ``/health/ready`` asks. A Jira site that is down does not make us unready."""

    def of_store() -> Check:
        with store.read() as session:
            session.execute(text("SELECT 1"))
        return Check(True)

    def of_inbox() -> Check:
        if not inbox.running:
            return Check(False, "it takes no deliveries: the program is stopping")
        return Check(True)

    def of_site(tracker: Tracker) -> Callable[[], Check]:
        return lambda: Check(not tracker.down(), tracker.down(), vital=False)

    sites = {f"site {name}": of_site(tracker) for name, tracker in trackers.items()}
    return {"store": of_store, "inbox": of_inbox, **sites}


def refresh_metrics(store: Store, clock: Clock) -> None:
    """Bring the gauges that come from the store up to date."""
    now = clock.time()
    counts = tickets.counts(store, now=now)
    for standing in ("due", "held", "parked", "unsure", "linked"):
        TICKETS.labels(standing).set(getattr(counts, standing))
    OLDEST_DUE.set(max(0.0, now - counts.oldest_due) if counts.oldest_due is not None else 0.0)
