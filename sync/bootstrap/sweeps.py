"""The sweeps, as set up by the settings: on the daemon's schedule, and by hand."""

from __future__ import annotations

import math
import os
import random
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import structlog

from sync.bootstrap.adapters import apis_of, sources_of, trackers_of
from sync.bootstrap.errors import CannotStart
from sync.bootstrap.pauses import rest
from sync.bootstrap.rules import working_rules
from sync.bootstrap.stores import existing_store
from sync.operations.sweeps_by_hand import Hands
from sync.ports import Clock, SystemClock, Tracker
from sync.rules import RuleSet
from sync.settings import Settings
from sync.store.engine import Store
from sync.store.liveness import BY_HAND
from sync.worker.daemon.daemon import Daemon
from sync.worker.sweeps.deliveries import DeliveriesSweep
from sync.worker.sweeps.groups import GROUPS, Parts, SweepGroups, sweep_groups
from sync.worker.sweeps.retention import Keep, prune
from sync.worker.sweeps.run import Report, Sweep
from sync.worker.sweeps.runner import Runner
from sync.worker.triage.batch import Triage

log = structlog.get_logger("sweep")

RETENTION_SECONDS = 60.0
# Walks that find another mark upstream than the store knows fetch lost deliveries so often at most.
RECOVER_SECONDS = 60.0
FIRST_SECONDS = 15.0
# As a share of the interval. Without jitter, several daemons would ask for the lease in one second.
JITTER_SHARE = 0.1


def overlaps_of(settings: Settings) -> dict[str, float]:
    """How far (seconds) each group of sweeps looks back."""
    return {group: getattr(settings.sweeps, group).overlap for group in GROUPS}


def add_sweeps(
    settings: Settings,
    daemon: Daemon,
    store: Store,
    trackers: Mapping[str, Tracker],
    rules: Callable[[], RuleSet],
    clock: Clock,
) -> Hands:
    """Put sweeps and retention on the daemon's schedule, as the settings say; what runs them by hand."""
    parts = Parts(
        store=store,
        triage=daemon.triage,
        sources=sources_of(settings),
        apis=apis_of(settings, clock),
        trackers=trackers,
        rules=rules,
        clock=clock,
        overlaps=overlaps_of(settings),
        wake=daemon.pool.wake,
        wake_triage=daemon.wake,
    )
    keep = Keep(settings.retention.deliveries, settings.retention.journal)
    daemon.schedule.every(
        RETENTION_SECONDS,
        "retention",
        lambda: prune(store, clock, keep),
        jitter=RETENTION_SECONDS * JITTER_SHARE,
        # Soon, because a program that is restarted often must delete as well.
        first=FIRST_SECONDS,
    )
    there = sweep_groups(parts)
    hands = Hands(store, there, partial(_run_by_hand, daemon), clock)
    if not settings.sweeps.enabled:
        log.warning("sweeps are disabled: what webhooks miss stays missed until `reconcile` is run")
        return hands
    if not parts.apis:
        log.info("no credentials for the API: lost deliveries cannot be found from upstream")
    lost = tuple(one for one in there["deliveries"] if isinstance(one, DeliveriesSweep))
    if lost and settings.sweeps.deliveries.enabled:
        daemon.converger.recover_by(
            _at_most_once_in(RECOVER_SECONDS, clock, partial(_recover, daemon, lost))
        )

    def before(group: str) -> tuple[Sweep, ...]:
        # A delivery tells when a mark was set, and the API does not: where upstream is told, lost
        # deliveries are fetched before a sweep makes walks compare the two sides.
        if (
            group not in ("upstream", "jira")
            or not settings.sweeps.deliveries.enabled
            or not rules().tells
        ):
            return ()
        return lost

    for group, sweeps in there.items():
        for sweep in sweeps:
            _plan(settings, daemon, group, sweep, partial(before, group))
    return hands


def swept_by_itself(settings: Settings, hands: Hands) -> tuple[str, ...]:
    """The names of the sweeps that the settings put on the schedule."""
    if not settings.sweeps.enabled:
        return ()
    on = [group for group in hands.groups if getattr(settings.sweeps, group).enabled]
    return tuple(sweep.name for group in on for sweep in hands.groups[group])


def _run_by_hand(daemon: Daemon, sweep: Sweep, dry: bool) -> Report | None:
    report = daemon.sweeps.run(sweep, dry=dry, by_hand=True)
    if not dry:
        daemon.pool.wake()
    return report


def _recover(daemon: Daemon, lost: Iterable[Sweep]) -> None:
    """Fetch lost deliveries and read them."""
    for one in lost:
        report = daemon.sweeps.run(one)
        if report is not None and report.tally.repaired:
            daemon.triage.batch()


def _at_most_once_in(seconds: float, clock: Clock, work: Callable[[], None]) -> Callable[[], None]:
    """The work, which is left out where it was begun less than so many seconds ago."""
    begun = -math.inf

    def now_and_then() -> None:
        nonlocal begun
        now = clock.monotonic()
        if now >= begun + seconds:
            begun = now
            work()

    return now_and_then


def _plan(
    settings: Settings,
    daemon: Daemon,
    group: str,
    sweep: Sweep,
    before: Callable[[], tuple[Sweep, ...]],
) -> None:
    """Put a sweep on the schedule. Each run begins with the sweeps that come ``before`` it."""
    wish = getattr(settings.sweeps, group)
    if not wish.enabled:
        return

    def run() -> None:
        _recover(daemon, before())
        if daemon.sweeps.run(sweep) is not None:
            daemon.pool.wake()

    name = f"sweep {sweep.name}"
    if wish.cron:
        daemon.schedule.cron(wish.cron, name, run, jitter=30.0)
    else:
        # The first run comes soon, because deliveries were missed while the program did not run.
        first = min(wish.every, FIRST_SECONDS * random.uniform(1.0, 2.0))
        jitter = wish.every * JITTER_SHARE
        daemon.schedule.every(wish.every, name, run, jitter=jitter, first=first)


@dataclass(frozen=True, slots=True)
class ByHand:
    """What the verbs that sweep by hand use. ``source`` is the name of the first source. ``remark`` is
    for people: which rules are used, if they are not those in force, else ""."""

    parts: Parts
    groups: SweepGroups
    runner: Runner
    source: str
    remark: str


@contextmanager
def by_hand(settings: Settings) -> Iterator[ByHand]:
    """The sweeps by hand, beside a running daemon or without one. Raises CannotStart,
    StoreUnavailable, RuleErrors."""
    clock = SystemClock()
    store = existing_store(settings)
    try:
        found, remark = working_rules(settings, store)

        def rules() -> RuleSet:
            return found

        sources, trackers = sources_of(settings), trackers_of(settings, clock)
        rest(store, trackers)
        parts = Parts(
            store=store,
            triage=Triage(store, sources, rules, clock),
            sources=sources,
            apis=apis_of(settings, clock),
            trackers=trackers,
            rules=rules,
            clock=clock,
            overlaps=overlaps_of(settings),
        )
        owner = f"{BY_HAND}{os.getpid()}-{secrets.token_hex(4)}"
        runner = Runner(store, clock, owner)
        yield ByHand(parts, sweep_groups(parts), runner, next(iter(sources)), remark)
    finally:
        store.close()


def chosen(there: SweepGroups, name: str) -> tuple[Sweep, ...]:
    """The sweeps of a name: a group's, a single sweep, or all for "". Raises CannotStart."""
    if not name:
        return tuple(sweep for group in GROUPS for sweep in there[group])
    found = there.get(name) or tuple(
        sweep for sweeps in there.values() for sweep in sweeps if sweep.name == name
    )
    if found:
        return found
    if name in ("upstream", "deliveries", "heads", "issues", "incidents"):
        raise CannotStart(
            f"The sweep {name!r} asks the API of Coalesce Quality, and there are no credentials for "
            "it. Set client_id and client_secret in [coalesce.api]."
        )
    names = ", ".join([*GROUPS, *(s.name for sweeps in there.values() for s in sweeps)])
    raise CannotStart(f"There is no sweep {name!r}. There are: {names}.")
