"""Where no rule tells upstream, nothing changes: no call more, and the same tickets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.adapters.coalesce import ApiUpstream
from sync.domain.actions import Comment
from sync.domain.history import Person
from sync.sandbox.coalesce.webhook_body import render
from sync.sandbox.memory import MemoryTracker
from sync.sandbox.memory_ticket import DONE, IN_PROGRESS, US, MemoryTicket
from sync.store import tickets
from sync.store.engine import Store
from sync.worker.walk.converge import Converger
from sync.worker.walk.telling import NO_WAYS, Ways
from tests.adapters.coalesce.in_process import InProcess
from tests.walks.world import SimulatedClock, World

ANNA = Person("anna", "Anna", "anna@example.com")
PETRA = {"name": "Petra", "email": {"user_email": "petra@example.com"}}
# Counted before anything could be told upstream.
CALLS = {"create": 4, "link_remote": 4, "read": 12, "update": 1, "transition": 2, "comment": 5}


class Quiet(World):
    """A world whose rule tells nothing. ``able``: there is a way to tell upstream all the same."""

    def __init__(self, store: Store, folder: Path, upstream: InProcess, *, able: bool) -> None:
        self.jira = MemoryTracker(upstream.clock)
        super().__init__(store, self.jira, upstream.clock, folder)
        self.upstream = upstream
        way = ApiUpstream(upstream.api, "bridge@example.com", upstream.clock)
        ways = Ways({"coalesce": way}, {"coalesce": upstream.api}) if able else NO_WAYS
        self.converger = Converger(
            store, {"main": self.jira}, self.rules, self.clock, jitter=lambda: 0.5, ways=ways
        )


@pytest.fixture(params=["no way to upstream", "ways to upstream"])
def world(request: Any, sqlite_store: Store, tmp_path: Path) -> Iterator[Quiet]:
    upstream, able = InProcess(SimulatedClock()), request.param == "ways to upstream"
    made = Quiet(sqlite_store, tmp_path / "rules", upstream, able=able)
    try:
        yield made
    finally:
        made.close()
        upstream.api.close()


class Story:
    """What people do on both sides, each act told to us at once."""

    def __init__(self, world: Quiet) -> None:
        self.world, self.sandbox, self.jira = world, world.upstream.sandbox, world.jira
        self._sent = 0

    def on(self) -> None:
        """Deliver, have every ticket read, and let a minute pass."""
        new, self._sent = self.sandbox.events[self._sent :], len(self.sandbox.events)
        self.world.deliver(*map(render, new))
        with self.world.store.write() as session:
            found = tickets.by_jira_ids(session, "main", list(self.jira.tickets), lock=True)
            for row in found.values():
                tickets.make_due(row, self.world.clock.time(), "in Jira", look=True)
        self.world.settle(within=60)
        self.world.clock.sleep(60)

    def tell(self) -> list[MemoryTicket]:
        """The whole story; the tickets in the end."""
        world = self.world
        issues = [self.sandbox.open_issue(f"check {n}") for n in range(3)]
        incident = self.sandbox.open_incident([])
        self.on()
        first, second, third, fourth = self.jira.alive
        now = world.clock.time
        first.move(DONE, now(), ANNA, "Done")
        second.move(IN_PROGRESS, now(), US)
        third.assign("anna", now(), ANNA)
        third.say("901", Comment("I am on it.", ""), now(), ANNA)
        self.on()
        self.sandbox.mark(issues[1].id, "expected", actor=PETRA)
        self.sandbox.comment(issues[2].id, "Seen.", PETRA)
        self.sandbox.update_issue(issues[2].id, description="Still late.")
        fourth.move(DONE, now(), ANNA, "Won't Do")
        self.on()
        for one in issues:
            self.sandbox.close_issue(one.id)
        self.sandbox.close_incident(incident.id)
        self.on()
        return self.jira.alive


def test_a_rule_that_tells_nothing_makes_the_calls_it_always_made(world: Quiet) -> None:
    ended = Story(world).tell()
    assert {name: count for name, count in world.jira.calls.items() if count} == CALLS
    assert dict(world.upstream.rest.asked) == {}
    assert [one.status.name for one in ended] == ["Done", "Done", "Done", "Done"]
    assert [one.resolution for one in ended] == ["Done", "Done", "Done", "Won't Do"]
    closing = [[text for marker, text in one.comments.values() if marker] for one in ended]
    assert [texts[-1] for texts in closing] == ["Closed upstream."] * 4
    assert sum(map(len, closing)) == CALLS["comment"]
