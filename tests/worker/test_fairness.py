"""Who waits for a rate limit holds up nobody else: tickets of other projects and sites are walked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from sqlmodel import select

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.rate_limits import Limit
from sync.adapters.jira.calls.site import JiraSite
from sync.domain.errors import Scope
from sync.ports import Clock, SystemClock
from sync.store import claims, tickets
from sync.store.claims import Claim
from sync.store.engine import Store
from sync.store.tables import TicketRow
from sync.worker.daemon.pool import Options, Pool
from sync.worker.walk.converge import Converger
from sync.worker.walk.outcomes import Pace

# A real pace takes real time.
pytestmark = pytest.mark.proof

# One limit for all calls to a site, in calls a second.
LIMIT = 4
TOLD = {"X-RateLimit-Limit": f"{LIMIT}", "X-RateLimit-Remaining": "0"}


class Site:
    """A site; ``limited``: it has told its limit, and its bucket is empty."""

    def __init__(self, clock: Clock, *, limited: bool) -> None:
        calls = Calls(JiraSite("one", "http://jira.sandbox", patience=60.0), clock)
        self.gate, self.health = calls._gate, calls.health
        if limited:
            now = clock.monotonic()
            self.gate.refused(Limit(Scope.ENDPOINT, 1.0), "PUT issue/*", TOLD, now)


class Walks:
    """A converger whose walks make one call each. ``order`` has the tickets in the order of their calls,
    by site and project."""

    def __init__(self, store: Store, sites: dict[str, Site]) -> None:
        self._store, self._sites = store, sites
        self.order: list[tuple[str, str]] = []

    def walk(self, claim: Claim) -> str:
        row = claim.about.row
        with self._sites[row.site].gate.turn("PUT issue/*", project=row.project):
            self.order.append((row.site, row.project))
        with self._store.write() as session:
            claims.release(claims.claimed(session, claim), claim, again_at=None, now=2.0)
        return "settled"


class Stage:
    """A pool with four threads before two sites."""

    def __init__(self, store: Store, *, limited: tuple[str, ...]) -> None:
        self._store = store
        clock = SystemClock()
        self.sites = {name: Site(clock, limited=name in limited) for name in ("main", "other")}
        self.walks = Walks(store, self.sites)
        health = {name: site.health for name, site in self.sites.items()}
        options = Options(4, Pace(lease=3600.0), "me")
        self.pool = Pool(store, cast(Converger, self.walks), health, clock, options)

    def due(self, site: str, project: str, count: int, at: float) -> None:
        """Make so many tickets due that exist already."""
        with self._store.write() as session:
            for number in range(count):
                key = f"{site} {project} {number}"
                how = {"rule": "r", "site": site, "project": project, "created_at": 0.0}
                tickets.add(session, TicketRow(key=key, due_at=at, **how))

    def left(self, site: str, project: str) -> int:
        """How many tickets are still due."""
        with self._store.read() as session:
            rows = session.exec(select(TicketRow).where(TicketRow.due_at != None))  # noqa: E711
            return sum((row.site, row.project) == (site, project) for row in rows)

    def until(self, found: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not found():
            assert time.monotonic() < end, self.walks.order
            threading.Event().wait(0.02)


@pytest.fixture
def make(store: Store) -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def start(*limited: str) -> Stage:
        made.append(Stage(store, limited=limited))
        return made[-1]

    yield start
    for stage in made:
        stage.pool.stop(30)


def test_a_site_with_many_tickets_at_its_limit_holds_up_no_other_site(
    make: Callable[..., Stage],
) -> None:
    stage = make("main")
    stage.due("main", "DATA", 40, 1.0)
    stage.due("other", "OPS", 10, 2.0)
    stage.pool.start()
    stage.until(lambda: stage.left("other", "OPS") == 0)
    assert stage.left("main", "DATA") > 20


def test_two_sites_at_their_limits_are_both_used(make: Callable[..., Stage]) -> None:
    stage = make("main", "other")
    stage.due("main", "DATA", 40, 1.0)
    stage.due("other", "OPS", 40, 2.0)
    stage.pool.start()
    stage.until(lambda: len(stage.walks.order) >= 30)
    assert stage.walks.order[:30].count(("other", "OPS")) > 8


def test_a_project_with_many_tickets_does_not_make_another_of_the_site_wait_for_them_all(
    make: Callable[..., Stage],
) -> None:
    stage = make("main")
    stage.due("main", "DATA", 40, 1.0)
    stage.due("main", "OPS", 3, 2.0)
    stage.pool.start()
    stage.until(lambda: stage.left("main", "OPS") == 0)
    assert stage.left("main", "DATA") > 20, stage.walks.order
