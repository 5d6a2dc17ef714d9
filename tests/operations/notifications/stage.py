"""Daemons that tell one web server of what is in a store, with a clock of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sync.adapters.notify import HttpAccess, SignedChannel
from sync.domain.errors import Outage, SiteDown
from sync.domain.notification import Routing
from sync.operations.deployment import Deployment
from sync.operations.notifications.concerns import Looking
from sync.operations.notifications.notifier import Notifier, Plan, Shared
from sync.operations.notifications.wording import wording_of
from sync.rules import Defaults, RuleSet
from sync.sandbox.memory import MemoryHealth, MemoryTracker
from sync.settings import load
from sync.store import tickets
from sync.store.engine import Store
from sync.store.tables import TicketRow
from sync.worker.rulebook.files import RuleFiles
from tests.adapters.notify.receivers import Hook, Posted
from tests.clock import SimulatedClock

CONFIG = """
[web]
url = "https://tickets.example.com"
title = "staging"
[coalesce]
allow_unsigned = true
[sites.main]
url = "https://jira.example.com"
token = "t"
email = "robot@example.com"
project = "DATA"
"""
SECRET = "a secret that signs"


class Falling(MemoryHealth):
    """A site that can be down. ``quiet``: between two probes, when it does not count as down."""

    words = ""
    quiet = False

    def down(self) -> str:
        return "" if self.quiet else self.words

    def ready(self) -> None:
        if self.words:
            raise SiteDown(self.words, outage=Outage.MAINTENANCE)


@dataclass
class Stage:
    """One store, one receiver, any number of daemons."""

    store: Store
    hook: Hook
    folder: Path
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    health: Falling = field(init=False)
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.health = Falling(self.clock)

    def notifier(
        self, owner: str = "a", name: str = "ops", routing: Routing | None = None, **how: Any
    ) -> Notifier:
        """The channel ``name`` as one daemon has it."""
        config = self.folder / "config.toml"
        config.write_text(CONFIG)
        tracker = MemoryTracker(self.clock)
        tracker.health = self.health
        settings = load(config)
        deployment = Deployment(
            settings=settings,
            store=self.store,
            sources={},
            trackers={"main": tracker},
            clock=self.clock,
            rules=lambda: RuleSet(()),
            files=RuleFiles(self.folder, Defaults({"main": "DATA"}, "main")),
            wake=lambda: None,
            troubles=lambda: self.troubles,
        )
        access = HttpAccess(self.hook.url, timeout=how.pop("timeout", 5.0))
        shared = Shared(Looking(deployment), wording_of(settings), self.clock, owner, **how)
        channel = SignedChannel(access, SECRET)
        return Notifier(name, channel, Plan(routing or Routing()), self.store, shared)

    def run(
        self,
        seconds: float,
        *notifiers: Notifier,
        until: Callable[[], Any] = lambda: False,
        step: float = 0.0,
    ) -> None:
        """Let time pass, with a look every ``step`` seconds: by default every five at first, then every
        minute."""
        began = self.clock.now
        while self.clock.now < began + seconds and not until():
            for one in notifiers:
                one.step()
            self.clock.sleep(step or (5.0 if self.clock.now - began < 60 else 60.0))

    def park(
        self, number: int, *, causes: int = 1, rule: str = "stale tables", first: int = 0
    ) -> None:
        """Park tickets, for as many causes."""
        whys = {
            place: {
                "reason": f"there is no field 'Severity {place % causes}'",
                "rule": rule,
                "where": f"rules.toml:{12 + place % causes}",
                "key": f"fields.{place % causes}",
                "remedy": "Correct its name.",
            }
            for place in range(first, first + number)
        }
        self.add(rule, whys)

    def add(self, rule: str, whys: dict[int, dict[str, str]]) -> None:
        """Parked tickets, by a number of their own."""
        at = self.clock.time()
        with self.store.write() as session:
            for place, why in whys.items():
                row = TicketRow(
                    key=f"coalesce:issue:{rule}:{place}",
                    rule=rule,
                    site="main",
                    project="DATA",
                    created_at=at,
                    parked=why,
                    parked_at=at,
                )
                tickets.add(session, row)

    def mend(self) -> None:
        """Take the park off all tickets."""
        with self.store.write() as session:
            for row in tickets.by_ids(session, range(1, 300)).values():
                row.parked, row.parked_at = None, None

    @property
    def got(self) -> Sequence[Posted]:
        """What the receiver got."""
        return self.hook.got

    def told(self) -> list[list[tuple[str, str, int]]]:
        """Of each message the things: state, kind, count."""
        return [
            [(one["state"], one["kind"], one["count"]) for one in got.data["data"]["things"]]
            for got in self.got
        ]
