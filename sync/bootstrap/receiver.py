"""The receiver alone: it takes deliveries into the store, and leaves the work to other daemons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.bootstrap.adapters import notice_sources_of, sources_of
from sync.bootstrap.clock import SharedClock
from sync.bootstrap.figures import Intake
from sync.bootstrap.pages import hosts_of
from sync.bootstrap.reload import Reloading
from sync.bootstrap.stores import hints_of, ready_store
from sync.ports import SystemClock
from sync.settings import Settings
from sync.store.engine import Store
from sync.store.hints import Hint, Hints, NoHints
from sync.store.inbox import Inbox
from sync.store.liveness import Liveness, new_owner
from sync.store.notices import Notices
from sync.store.usable import check_usable
from sync.web.app import create_admin, create_app
from sync.web.health import Check, Insight, Probe
from sync.web.notices import Hearing
from sync.web.receiver import Limits
from sync.worker.daemon.schedule import Schedule

# Seconds between two signs of life, which `ticket-sync status` shows.
_SIGN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ReceiverAlone:
    """A daemon that only receives. ``app`` and ``admin`` are as in ``Program``."""

    store: Store
    inbox: Inbox
    hints: Hints | NoHints
    liveness: Liveness
    schedule: Schedule
    app: Any
    admin: Any

    def start(self) -> None:
        """Start what runs beside the receiver."""
        self.hints.start()
        self.schedule.start()

    def stuck(self, seconds: float) -> str:
        """What does not turn any more, in words, if that has not for so many seconds."""
        return self.schedule.stuck(seconds)

    def reloading(self, settings: Settings) -> Reloading:
        """What looks at the settings again on SIGHUP."""
        return Reloading(settings, None)

    def notes(self) -> Sequence[str]:
        """What people should know of the folder of rules: a receiver alone reads none."""
        return ()

    def facts(self) -> Mapping[str, Any]:
        """What the log says at the start."""
        return {"only": "receiver"}

    def stop(self, timeout: float) -> bool:
        """Store waiting deliveries and close; whether that was done within ``timeout`` seconds. The
        server must have stopped before."""
        written = self.inbox.close(timeout)
        self.schedule.stop()
        self.hints.stop()
        if written:
            self.liveness.end()
            self.store.close()
        return written


def build_receiver(settings: Settings) -> ReceiverAlone:
    """Wire the receiver. It needs no rules and no Jira. Raises StoreUnavailable."""
    store = ready_store(settings)
    liveness = Liveness(store, new_owner())
    liveness.show()
    schedule = Schedule()
    schedule.every(_SIGN_SECONDS, "sign of life", liveness.show)
    clock = SharedClock(SystemClock())
    clock.follow(store)
    schedule.every(_SIGN_SECONDS, "clock", clock.align)
    hints = hints_of(settings, liveness.owner, {})
    inbox = Inbox(store, on_accept=lambda: hints.give(Hint.ACCEPTED), queue=settings.server.queue)
    sources = sources_of(settings)
    intake = Intake(store, inbox, clock, tuple(sources))
    insight = Insight(receiving_probes(store, inbox), intake.refresh, hosts=hosts_of(settings))
    app = create_app(
        sources=sources,
        inbox=inbox,
        # Those who walk the tickets go by the store's clock.
        hearing=Hearing(notice_sources_of(settings), Notices(store, lambda: clock.time())),
        insight=None if settings.server.apart else insight,
        limits=limits_of(settings),
    )
    admin = create_admin(insight) if settings.server.apart else None
    return ReceiverAlone(store, inbox, hints, liveness, schedule, app, admin)


def limits_of(settings: Settings) -> Limits:
    """The limits on a request."""
    return Limits(body_bytes=settings.server.max_body, body_seconds=settings.server.body_timeout)


def receiving_probes(store: Store, inbox: Inbox) -> dict[str, Probe]:
    """The probes of what a receiver needs."""

    def of_store() -> Check:
        check_usable(store)
        return Check(True)

    def of_inbox() -> Check:
        if not inbox.running:
            return Check(False, "it takes no deliveries: the program is stopping")
        words = f"it refuses deliveries: {inbox.trouble}" if inbox.trouble else ""
        return Check(not words, words)

    return {"store": of_store, "inbox": of_inbox}
