"""The daemon as one piece: receiver, inbox, triage, workers and the store under them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sync.bootstrap.adapters import apis_of, notice_sources_of, sources_of, trackers_of
from sync.bootstrap.clock import SharedClock
from sync.bootstrap.figures import Figures, Intake
from sync.bootstrap.http import share_interpreter
from sync.bootstrap.notifications import Notifying, notifying_of
from sync.bootstrap.pages import desk_of, hosts_of
from sync.bootstrap.receiver import limits_of, receiving_probes
from sync.bootstrap.reload import Reloading
from sync.bootstrap.rules import rule_files
from sync.bootstrap.signals import STOP_GRACE
from sync.bootstrap.site_check import checked_site, sites_of
from sync.bootstrap.stores import has_store, hints_of, ready_store
from sync.bootstrap.sweeps import add_sweeps, swept_by_itself
from sync.bootstrap.upstreams import (
    STANDING_SECONDS,
    Standing,
    upstream_probes,
    watched_reads,
    watched_upstreams,
)
from sync.operations.deployment import Deployment
from sync.operations.rules.names import Names
from sync.operations.rules.runs import Runs
from sync.ports import Clock, SiteHealth, SystemClock, Tracker
from sync.rules import RuleSet
from sync.settings import Settings, lease_of
from sync.store import continuity, damage
from sync.store.engine import Store, StoreUnavailable
from sync.store.hints import Hint, Hints, NoHints
from sync.store.inbox import Inbox
from sync.store.liveness import Liveness, new_owner
from sync.store.notices import Notices
from sync.web.app import create_admin, create_app
from sync.web.health import Check, Insight, Probe
from sync.web.notices import Hearing
from sync.worker.daemon.daemon import TAKE_OVER_SECONDS, Daemon
from sync.worker.daemon.pool import Options
from sync.worker.rulebook.impact import Sites
from sync.worker.rulebook.in_force import Guard, Rulebook
from sync.worker.walk.guard import Guard as UpstreamGuard
from sync.worker.walk.outcomes import Pace
from sync.worker.walk.telling import Ways


@dataclass(frozen=True, slots=True)
class Program:
    """The daemon, wired. ``app`` is the ASGI application that takes deliveries, ``admin`` the one for
    people and monitors, None where ``app`` serves them as well."""

    store: Store
    inbox: Inbox
    daemon: Daemon
    trackers: Mapping[str, Tracker]
    rulebook: Rulebook
    app: Any
    admin: Any
    hints: Hints | NoHints
    runs: Runs
    notifying: Notifying

    @property
    def rules(self) -> RuleSet:
        """The rules in force."""
        return self.rulebook.current()

    def start(self) -> None:
        """Start triage and the workers on what the store holds."""
        self.daemon.start()
        self.hints.start()
        self.notifying.start()

    def stuck(self, seconds: float) -> str:
        """What does not turn any more, in words, if a loop has not for so many seconds."""
        return self.daemon.stuck(seconds)

    def reloading(self, settings: Settings) -> Reloading:
        """What reads again on SIGHUP."""
        return Reloading(settings, self.rulebook.read_again, self.rulebook.detail)

    def notes(self) -> Sequence[str]:
        """What people should know of the folder of rules, in words."""
        return self.rulebook.notes()

    def facts(self) -> Mapping[str, Any]:
        """What the log says at the start."""
        return {"rules": len(self.rules.rules), "sites": sorted(self.trackers)}

    def stop(self, timeout: float) -> bool:
        """Store waiting deliveries, finish walks in hand, close; returns whether that was in time.

        ``timeout`` is in seconds. The server must have stopped before.
        """
        end = time.monotonic() + timeout
        written = self.inbox.close(timeout)
        self.hints.stop()
        self.notifying.stop()
        self.runs.close()
        finished = self.daemon.stop(max(0.1, end - time.monotonic()))
        if finished:
            self.store.close()
        return written and finished


def build(
    settings: Settings,
    clock: Clock | None = None,
    pause: Callable[[float], object] = time.sleep,
    *,
    receives: bool = True,
) -> Program:
    """Wire everything. Only the inbox runs yet, and no call is made outside. Without ``receives``, the
    app takes no deliveries, because other daemons do.

    Waits for another daemon on a SQLite file as long as that one may take to stop; ``pause`` waits for
    so many seconds, and returns something true to give up. Raises StoreUnavailable and RuleErrors.
    """
    own = clock or SystemClock()
    clock = SharedClock(own)
    owner = new_owner()
    trackers = trackers_of(settings, clock)
    sites, runs = sites_of(settings, trackers), Runs()
    store, book, liveness = _store_and_rules(settings, clock, owner, sites, pause)
    sources = sources_of(settings)
    pace, apis = Pace(lease=lease_of(settings)), apis_of(settings, clock)
    upstreams = watched_upstreams(settings, clock, apis, store)
    options = Options(
        threads=settings.worker.threads,
        pace=pace,
        owner=owner,
        liveness=liveness,
        ways=Ways(
            upstreams,
            watched_reads(upstreams, apis),
            guard=UpstreamGuard(settings.upstream.large_upstream),
        ),
        apis=apis,
    )
    daemon = Daemon(store, sources, trackers, book.current, clock, options)
    work = {Hint.ACCEPTED: daemon.wake, Hint.DUE: daemon.pool.wake}
    hints = hints_of(settings, owner, work)
    daemon.on_many(lambda: hints.give(Hint.DUE))
    book.on_swap(daemon.pool.wake)
    daemon.schedule.every(settings.mappings.reload_every, "rules", book.poll)
    daemon.schedule.every(TAKE_OVER_SECONDS, "clock", clock.align)
    standing = Standing(store, upstreams, lambda: book.current().tells, clock)
    daemon.schedule.every(STANDING_SECONDS, "upstream standing", standing.note)
    addresses = {name: site.url.rstrip("/") for name, site in settings.sites.items()}
    continuity.check(store, addresses, clock.time())
    daemon.schedule.every(
        continuity.MARK_SECONDS,
        "continuity",
        lambda: continuity.check(store, addresses, clock.time()),
    )
    hands = add_sweeps(settings, daemon, store, trackers, book.current, clock)
    inbox = Inbox(
        store,
        on_accept=daemon.wake,
        held=daemon.held,
        hurry=share_interpreter,
        queue=settings.server.queue,
    )
    daemon.schedule.every(
        damage.EVERY_SECONDS,
        "damage",
        lambda: damage.look_and_log(store, lambda: not inbox.running),
        first=damage.FIRST_SECONDS,
    )
    hearing = Hearing(notice_sources_of(settings), Notices(store, lambda: clock.time()))
    deployment = Deployment(
        settings=settings,
        store=store,
        sources=sources,
        trackers=trackers,
        clock=clock,
        rules=book.current,
        files=rule_files(settings),
        wake=daemon.pool.wake,
        wake_triage=daemon.wake,
        troubles=lambda: _troubles(inbox, daemon),
        hands=hands,
        apis=apis,
        check_site=lambda name: checked_site(settings, book.current(), name, trackers),
        sites=sites,
        runs=runs,
        names=Names(trackers, lambda site: settings.position(("sites", site, "project"))),
    )
    desk, notifying = desk_of(deployment), notifying_of(deployment, owner)
    figures = Figures(
        Intake(store, inbox, clock, tuple(sources)),
        owner,
        {name: tracker.health for name, tracker in trackers.items()},
        swept_by_itself(settings, hands),
        telling=lambda: book.current().tells,
        failing=lambda: daemon.trouble() is not None,
    )
    insight = Insight(
        {**probes(store, inbox, trackers, book, daemon), **upstream_probes(upstreams, book, store)},
        figures.refresh,
        desk,
        off=desk is None,
        hosts=hosts_of(settings),
    )
    app = create_app(
        sources=sources if receives else {},
        inbox=inbox,
        hearing=hearing if receives else None,
        insight=None if settings.server.apart else insight,
        limits=limits_of(settings),
        # The age of a signature is measured by this machine's clock, not by the one that daemons share.
        clock=own.time,
    )
    admin = create_admin(insight) if settings.server.apart else None
    return Program(store, inbox, daemon, trackers, book, app, admin, hints, runs, notifying)


def _store_and_rules(
    settings: Settings,
    clock: SharedClock,
    owner: str,
    sites: Sites,
    pause: Callable[[float], object],
) -> tuple[Store, Rulebook, Liveness]:
    mappings = settings.mappings
    files = rule_files(settings)
    guard = Guard(most=mappings.large_edit, wait=mappings.on_large_edit == "wait")
    if not has_store(settings):
        # Mistakes in the rules are reported before a store is made.
        files.load()
    found: list[Liveness] = []

    def first(store: Store) -> None:
        found.append(Liveness(store, owner))
        found[0].alone(patience=settings.server.stop_timeout + STOP_GRACE, pause=pause)

    store = ready_store(settings, first)
    try:
        found[0].show()
        clock.follow(store)
        book = Rulebook(store, files, clock, guard=guard, owner=owner, sites=sites)
        book.open()
    except BaseException:
        # Ctrl-C too: another daemon may then start at once. The first error is the one to tell.
        with suppress(StoreUnavailable):
            found[0].end()
        store.close()
        raise
    return store, book, found[0]


def probes(
    store: Store, inbox: Inbox, trackers: Mapping[str, Tracker], book: Rulebook, daemon: Daemon
) -> dict[str, Probe]:
    """The probes of ``/health/ready``. A Jira site that is down does not make the program unready."""

    def of_worker() -> Check:
        trouble = daemon.trouble()
        if trouble is None:
            return Check(True)
        # A loop that fails may recover, and deliveries must come in meanwhile. A loop that has ended
        # needs a restart of the program, and one that the store fails needs another store.
        return Check(False, trouble.words, vital=trouble.over or trouble.of_store)

    def of_site(health: SiteHealth) -> Callable[[], Check]:
        return lambda: Check(not (words := _trouble(health)), words, vital=False)

    def of_rules() -> Check:
        return Check(not book.detail(), book.detail(), vital=False)

    sites = {f"site {name}": of_site(tracker.health) for name, tracker in trackers.items()}
    receiving = receiving_probes(store, inbox)
    return {**receiving, "worker": of_worker, "rules": of_rules, **sites}


def _troubles(inbox: Inbox, daemon: Daemon) -> list[str]:
    """What of this daemon does not work, in words."""
    found = daemon.trouble()
    inboxes = [f"it refuses deliveries: {inbox.trouble}"] if inbox.trouble else []
    return [*inboxes, *([found.words] if found else [])]


def _trouble(health: SiteHealth) -> str:
    """What is wrong with a site as a whole, or with projects of it; "" where nothing is, or where a
    person wants the site left alone."""
    if health.resting():
        return ""
    hanging = ", ".join(sorted(health.stalled()))
    return health.down() or (
        f"calls about {hanging} hang; the tickets there wait, all others go on" if hanging else ""
    )
