"""A project whose calls are never answered, on real threads: nobody else's tickets wait for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlmodel import select

from sync.adapters.coalesce import CoalesceSource
from sync.adapters.jira import JiraSite, JiraTracker
from sync.ports import SystemClock
from sync.rules import Defaults, load
from sync.sandbox.jira import JiraSandbox, SandboxTransport
from sync.sandbox.jira.ready_site import BOT
from sync.store.engine import Store
from sync.store.tables import TicketRow
from sync.worker.daemon.daemon import Daemon
from sync.worker.daemon.pool import Options
from tests.walks.world import World, issue_event

pytestmark = pytest.mark.proof

RULES = """
[[rule]]
name = "hanging"
when = { title = "hanging *" }
project = "FLOW"
issue_type = "Bug"

[[rule]]
name = "dead too"
when = { title = "dead *" }
project = "GOV"
issue_type = "Bug"

[[rule]]
name = "others"
project = "DATA"
issue_type = "Bug"
"""


class Silent(SandboxTransport):
    """Calls about some projects get no answer, and do no work, until ``go_on``."""

    def __init__(self, jira: JiraSandbox, projects: set[str]) -> None:
        super().__init__(jira)
        self.projects = projects
        self.go_on = threading.Event()
        self.held = 0

    def send(self, request: requests.PreparedRequest, *args: Any, **how: Any) -> requests.Response:
        said = request.body.decode() if isinstance(request.body, bytes) else request.body or ""
        hangs = request.method == "POST" and any(f'"key": "{p}"' in said for p in self.projects)
        if hangs and not self.go_on.is_set():
            self.held += 1
            self.go_on.wait(120)
            raise requests.exceptions.ReadTimeout("Read timed out", request=request)
        return super().send(request, *args, **how)


class Stage:
    """A daemon with three threads before a site that does not answer about FLOW and GOV."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.clock = SystemClock()
        self.jira = JiraSandbox("cloud")
        self.transport = Silent(self.jira, {"FLOW", "GOV"})
        site = JiraSite(
            name="main",
            url="http://jira.sandbox",
            token=BOT.secret,
            email=BOT.email,
            deployment="cloud",
            index_lag=0.0,
            connect_timeout=0.5,
            read_timeout=1.0,
            patience=1.0,
            probe_first=0.2,
            probe_cap=0.2,
            ceiling=3,
        )
        tracker = JiraTracker(
            site, self.clock, lambda session: session.mount(site.url, self.transport)
        )
        self.world = World(store, tracker, self.clock, folder / "rules", RULES)
        rules = load(folder / "rules", Defaults({"main": "DATA"}, "main"))
        source = CoalesceSource()
        self.daemon = Daemon(
            store, {source.name: source}, {"main": tracker}, lambda: rules, self.clock,
            Options(threads=3),
        )  # fmt: skip

    def made(self, project: str) -> int:
        """How many tickets a project has."""
        return sum(ticket.project == project for ticket in self.jira.tickets())

    def rows(self) -> list[TicketRow]:
        with self.store.read() as session:
            return list(session.exec(select(TicketRow)))

    def until(self, found: Callable[[], bool], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < end, [(r.project, r.state, r.error) for r in self.rows()]
            time.sleep(0.05)


@pytest.fixture
def stage(store: Store, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(store, tmp_path)
    yield made
    made.transport.go_on.set()
    made.daemon.stop(30)
    made.world.close()


def _issues(title: str, count: int, at: float) -> list[dict[str, Any]]:
    return [
        issue_event("issue_created", f"{title[:4]}-{n}", at=at + n, title=f"{title} {n}")
        for n in range(count)
    ]


def test_tickets_of_other_projects_are_made_while_two_projects_never_answer(stage: Stage) -> None:
    stage.world.deliver(*_issues("hanging", 20, 1), *_issues("dead", 20, 30))
    stage.daemon.start()
    stage.until(lambda: stage.transport.held >= 3)
    stage.world.deliver(*_issues("fine", 12, 60))
    stage.daemon.wake()
    stage.until(lambda: stage.made("DATA") == 12)
    assert not stage.transport.go_on.is_set()
    assert (stage.made("FLOW"), stage.made("GOV")) == (0, 0)
    waiting = [row for row in stage.rows() if row.project in ("FLOW", "GOV")]
    assert all(row.due_at is not None and row.parked_at is None for row in waiting)
    # At first as many calls as there were hands, for one project and then the other; then none more.
    assert stage.transport.held <= 8

    stage.transport.go_on.set()
    stage.until(lambda: all(row.due_at is None for row in stage.rows()))
    assert (stage.made("FLOW"), stage.made("GOV"), stage.made("DATA")) == (20, 20, 12)


def test_a_stopping_daemon_finishes_with_hands_that_came_because_others_hung(stage: Stage) -> None:
    stage.world.deliver(*_issues("hanging", 5, 1))
    stage.daemon.start()
    stage.until(lambda: stage.transport.held >= 1)
    stage.world.deliver(*_issues("fine", 3, 60))
    stage.daemon.wake()
    stage.until(lambda: stage.made("DATA") == 3)
    stage.transport.go_on.set()
    assert stage.daemon.stop(30)
    names = {thread.name for thread in threading.enumerate()}
    assert not {name for name in names if name.startswith(("worker-", "dispatcher"))}
