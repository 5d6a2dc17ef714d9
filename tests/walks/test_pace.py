"""A site with a rate limit, on real threads: nobody else's tickets wait for its pace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from sync.adapters.coalesce import CoalesceSource
from sync.adapters.jira import JiraSite, JiraTracker
from sync.ports import SystemClock
from sync.rules import Defaults, load
from sync.sandbox.jira import JiraSandbox, Limits, SandboxTransport
from sync.sandbox.jira.ready_site import BOT
from sync.store import continuity
from sync.store.engine import Store
from sync.store.tables import TicketRow
from sync.worker.daemon.daemon import Daemon
from sync.worker.daemon.pool import Options
from tests.walks.world import World, issue_event

pytestmark = pytest.mark.proof

RULES = """
[[rule]]
name = "many"
when = { title = "many *" }
project = "DATA"
issue_type = "Bug"

[[rule]]
name = "few"
when = { title = "few *" }
project = "FLOW"
issue_type = "Bug"

[[rule]]
name = "elsewhere"
site = "other"
project = "DATA"
issue_type = "Bug"
"""
LIMIT = 2


class Stage:
    """A daemon with three threads before two sites."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.clock = SystemClock()
        self.jira = {"main": JiraSandbox("cloud"), "other": JiraSandbox("cloud")}
        self.trackers = {name: self._tracker(name, jira) for name, jira in self.jira.items()}
        self.world = World(store, self.trackers["main"], self.clock, folder / "unused")
        continuity.check(store, dict.fromkeys(self.trackers, ""), self.clock.time())
        (folder / "rules.toml").write_text(RULES)
        rules = load(folder, Defaults({"main": "DATA", "other": "DATA"}, "main"))
        source = CoalesceSource()
        self.daemon = Daemon(
            store, {source.name: source}, self.trackers, lambda: rules, self.clock,
            Options(threads=3),
        )  # fmt: skip

    def _tracker(self, name: str, jira: JiraSandbox) -> JiraTracker:
        site = JiraSite(
            name,
            f"http://{name}.sandbox",
            BOT.secret,
            email=BOT.email,
            deployment="cloud",
            ceiling=3,
        )
        return JiraTracker(
            site, self.clock, lambda session: session.mount(site.url, SandboxTransport(jira))
        )

    def made(self, site: str, project: str) -> int:
        """How many tickets a project has."""
        return sum(ticket.project == project for ticket in self.jira[site].tickets())

    def renamed(self, project: str) -> int:
        """How many tickets of a project have been given another title."""
        return sum(
            ticket.project == project and ticket.summary.endswith("now")
            for ticket in self.jira["main"].tickets()
        )

    def until(self, found: Callable[[], bool], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < end, [(r.project, r.state, r.error) for r in self._rows()]
            time.sleep(0.02)

    def _rows(self) -> list[TicketRow]:
        with self.store.read() as session:
            return list(session.exec(select(TicketRow)))


@pytest.fixture
def stage(store: Store, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(store, tmp_path)
    yield made
    made.daemon.stop(30)
    made.world.close()


def _issues(title: str, count: int, at: float, more: str = "") -> list[dict[str, Any]]:
    type_ = "issue_updated" if more else "issue_created"
    return [
        issue_event(type_, f"{title}-{n}", at=at + n, title=f"{title} {n} {more}".strip())
        for n in range(count)
    ]


def test_tickets_elsewhere_are_walked_while_those_of_one_project_wait_for_their_pace(
    stage: Stage,
) -> None:
    stage.world.deliver(*_issues("few", 3, 1))
    stage.daemon.start()
    stage.until(lambda: stage.made("main", "FLOW") == 3)
    stage.jira["main"].site.limits = Limits({"POST": LIMIT})
    stage.world.deliver(*_issues("many", 70, 100))
    stage.daemon.wake()
    stage.until(lambda: stage.made("main", "DATA") >= 2 * LIMIT)
    stage.world.deliver(*_issues("there", 30, 300), *_issues("few", 3, 400, "now"))
    stage.daemon.wake()
    stage.until(lambda: stage.made("other", "DATA") == 30 and stage.renamed("FLOW") == 3)
    assert stage.made("main", "DATA") < 70
    # By now the pace itself is proven, and it may end.
    stage.jira["main"].site.limits = Limits({"POST": 100})
    stage.until(lambda: stage.made("main", "DATA") == 70)
