"""The numbers of ``/metrics`` that are looked up when somebody asks for them.

What is counted while it happens is in ``sync.telemetry``. What is looked up here comes from indexes and
small tables, so that a scrape costs the same however much there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sync.bootstrap.upstreams import refresh_untold
from sync.ports import Clock, SiteHealth
from sync.store import counts, deliveries, leases, liveness, paused, rulebook, sweeps
from sync.store.engine import Session, Store
from sync.store.inbox import Inbox
from sync.telemetry import (
    DAEMONS,
    DEAD,
    EDIT_WAITING,
    EDIT_WAITING_SECONDS,
    FAILING,
    LAST_DELIVERY,
    LAST_SWEPT,
    LEASE_HELD,
    OLDEST_DUE,
    OLDEST_WAITING,
    PAUSE_TICKETS,
    PAUSED,
    REFUSING,
    STORE_UP,
    TICKETS,
    WAITING,
)


@dataclass(frozen=True, slots=True)
class Intake:
    """What takes deliveries in: its store, its inbox, and the names of the sources."""

    store: Store
    inbox: Inbox
    clock: Clock
    sources: Iterable[str]

    def refresh(self) -> None:
        """Bring the numbers up to date. Raises StoreUnavailable."""
        REFUSING.set(bool(self.inbox.trouble))
        STORE_UP.set(0)
        for source in self.sources:
            # Shown as 0 until a delivery comes.
            LAST_DELIVERY.labels(source)
        with self.store.read() as session:
            found = deliveries.counts(session)
            last = deliveries.last_by_source(session)
        STORE_UP.set(1)
        DEAD.set(found.dead)
        WAITING.set(found.waiting)
        OLDEST_WAITING.set(_age(found.oldest_waiting, self.clock.time()))
        for source, at in last.items():
            LAST_DELIVERY.labels(source).set(at)
        DAEMONS.set(len(liveness.running(self.store)))


@dataclass(frozen=True, slots=True)
class Figures:
    """What a whole daemon shows. ``telling``: whether a rule tells upstream. ``failing``: whether a loop
    of the daemon fails. ``sweeps`` are the names of those that run by themselves."""

    intake: Intake
    owner: str
    sites: Mapping[str, SiteHealth]
    sweeps: Iterable[str]
    telling: Callable[[], bool]
    failing: Callable[[], bool]

    def refresh(self) -> None:
        """Bring the numbers up to date. Raises StoreUnavailable."""
        store, now = self.intake.store, self.intake.clock.time()
        FAILING.set(self.failing())
        for name, health in self.sites.items():
            PAUSED.labels(name).set(health.paused_for())
        self.intake.refresh()
        if self.telling():
            refresh_untold(store)
        _tickets(store, now)
        with store.read() as session:
            _edit(session, now)
            _pauses(session, now)
            for name in self.sweeps:
                LAST_SWEPT.labels(name).set(sweeps.last_success(session, name) or 0.0)
        held = leases.names_of(store, self.owner)
        for name in self.sweeps:
            lease = sweeps.lease_name(name)
            LEASE_HELD.labels(lease).set(lease in held)


def _tickets(store: Store, now: float) -> None:
    found = counts.overall(store, now=now)
    for name in ("due", "held", "parked", "fields_parked", "unsure", "linked", "spared", "paused"):
        TICKETS.labels(name).set(getattr(found, name))
    OLDEST_DUE.set(_age(found.oldest_due, now))


def _pauses(session: Session, now: float) -> None:
    # A pause that is over is shown no more.
    PAUSE_TICKETS.clear()
    waits = paused.waiting(session, paused.load(session), now)
    for one, count in waits.by_pause.items():
        PAUSE_TICKETS.labels(one.kind.value, one.site, one.name).set(count)


def _edit(session: Session, now: float) -> None:
    waiting = rulebook.waiting(session)
    EDIT_WAITING.set(waiting is not None)
    EDIT_WAITING_SECONDS.set(_age(waiting.at if waiting else None, now))


def _age(at: float | None, now: float) -> float:
    return 0.0 if at is None else max(0.0, now - at)
