"""Daemons with their threads before one simulated Jira: a pause holds for all within a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync.adapters.coalesce import CoalesceSource
from sync.adapters.jira import JiraSite, JiraTracker
from sync.operations.accounts import Account, Role
from sync.operations.pauses import Known, Pausing, Wish, go_on, pause
from sync.ports import SystemClock
from sync.sandbox.jira import Exchange, JiraSandbox, SandboxTransport
from sync.sandbox.jira.ready_site import BOT
from sync.store.engine import Store, open_store
from sync.worker.daemon.daemon import Daemon
from sync.worker.daemon.pauses import SHARE_SECONDS
from sync.worker.daemon.pool import Options
from tests.walks.world import World, issue_event

pytestmark = pytest.mark.proof

DANA = Account("dana", Role.OPERATOR, "users")


class Daemons:
    """The daemons on one store (two where it takes several), and the calls that a site gets."""

    def __init__(self, store: Store, other: Store, folder: Path, kind: str) -> None:
        self.store, self.clock = store, SystemClock()
        self.jira = JiraSandbox(kind)
        self.calls: list[Exchange] = []
        self.jira.observers.append(self.calls.append)
        self.world = World(store, self._tracker(kind), self.clock, folder / "rules")
        stores = [store, other] if store.dialect == "postgresql" else [store]
        self.daemons = [self._daemon(one, kind) for one in stores]

    def _tracker(self, kind: str) -> JiraTracker:
        site = JiraSite(
            name="main",
            url="http://jira.sandbox",
            token=BOT.secret,
            email=BOT.email if kind == "cloud" else "",
            deployment=kind,
            index_lag=0.0,
        )
        return JiraTracker(
            site, self.clock, lambda session: session.mount(site.url, SandboxTransport(self.jira))
        )

    def _daemon(self, store: Store, kind: str) -> Daemon:
        source, trackers = CoalesceSource(), {"main": self._tracker(kind)}
        return Daemon(
            store, {source.name: source}, trackers, self.world.rules, self.clock, Options(threads=2)
        )

    def at(self) -> Pausing:
        return Pausing(self.store, DANA, self.clock.time())

    def deliver(self, number: int) -> None:
        self.world.deliver(issue_event("issue_created", f"i{number}", at=number))

    def until(self, found: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not found():
            assert time.monotonic() < end, [(r.state, r.error) for r in self.world.rows()]
            time.sleep(0.05)


@pytest.fixture
def them(store: Store, store_url: str, tmp_path: Path) -> Iterator[Daemons]:
    other = open_store(store_url)
    # Each kind of Jira once.
    kind = "cloud" if store.dialect == "postgresql" else "datacenter"
    made = Daemons(store, other, tmp_path, kind)
    for daemon in made.daemons:
        daemon.start()
    yield made
    for daemon in made.daemons:
        daemon.stop(30)
    made.world.close()
    other.close()


def test_a_paused_site_gets_no_call_from_either_and_all_follows_afterwards(them: Daemons) -> None:
    them.deliver(0)
    them.until(lambda: len(them.jira.tickets()) == 1)
    # Its walk has ended, too: a call of it may come otherwise after the pause has begun.
    them.until(lambda: all(row.due_at is row.lease_owner is None for row in them.world.rows()))
    known = Known(them.world.rules(), ["main"])
    pause(them.at(), Wish("site", "main"), known, "1h", "maintenance")
    # Each looks at the store more often than once a second; on a busy machine that may come later.
    assert SHARE_SECONDS < 1.0
    them.until(lambda: all(daemon.pauses.by_people() for daemon in them.daemons))
    before = len(them.calls)
    for number in range(1, 21):
        them.deliver(number)
    them.until(lambda: len(them.world.rows()) == 21)
    time.sleep(1.5)
    assert len(them.calls) == before
    assert len(them.jira.tickets()) == 1
    go_on(them.at(), Wish("site", "main"))
    them.until(lambda: len(them.jira.tickets()) == 21)
