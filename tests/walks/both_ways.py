"""A whole ticket-sync between a tracker in memory and a simulated Coalesce Quality on a socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sync.adapters.coalesce import ApiUpstream
from sync.domain.actions import Comment
from sync.domain.history import Person
from sync.domain.rule import Category
from sync.domain.ticket import JiraStatus
from sync.ports import Tracker
from sync.rules import Defaults, load
from sync.sandbox.coalesce.subjects import Incident, Issue
from sync.sandbox.coalesce.webhook_body import render
from sync.sandbox.memory import MemoryTracker
from sync.sandbox.memory_ticket import MemoryTicket
from sync.store import tickets
from sync.store.engine import Store
from sync.worker.walk.converge import Converger
from sync.worker.walk.telling import Ways
from tests.adapters.coalesce.in_process import InProcess
from tests.adapters.coalesce.served import Upstream, serving
from tests.walks.world import RULES, World

IN_REVIEW = JiraStatus("10004", "In Review", Category.INDETERMINATE)
STAND_IN = "bridge@example.com"
ANNA = Person("anna", "Anna", "anna@example.com")
TELLING = """
[rule.upstream]
{more}

[rule.upstream.status]
cleared = "To Do"
investigating = ["In Progress", "In Review"]
{done} = "Done"
no_action_needed = {{ resolution = "Won't Do" }}
closed = "Done"
cancelled = {{ resolution = "Won't Do" }}
open = [{{ category = "new" }}, {{ category = "indeterminate" }}]
"""


class BothWays(World):
    """A world in which people act on both sides. What waits is delivered when ``settle`` is called."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        upstream: Upstream | InProcess,
        more: str,
        *,
        before: BothWays | None = None,
        tracker: Tracker | None = None,
    ) -> None:
        """``before`` is the world that this one goes on from after a restart. ``tracker`` takes the
        place of the one in memory."""
        self.upstream = upstream
        self.sandbox = upstream.sandbox
        self.jira = before.jira if before else MemoryTracker(upstream.clock)
        # The daemon keeps in its store since when a rule has told.
        self.tellings: dict[str, str] = before.tellings if before else {}
        rules = (folder / "rules.toml").read_text() if before else telling(more)
        super().__init__(
            store, tracker or self.jira, upstream.clock, folder, rules, api=upstream.api
        )
        way = ApiUpstream(upstream.api, STAND_IN, upstream.clock)
        ways = Ways({"coalesce": way}, {"coalesce": upstream.api})
        self.converger = Converger(
            store,
            {self.tracker.site: self.tracker},
            self.rules,
            self.clock,
            jitter=lambda: 0.5,
            ways=ways,
        )
        self._sent = before._sent if before else 0
        self._comments = before._comments if before else 0

    def write_rules(self, text: str) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "rules.toml").write_text(text)
        defaults = Defaults({"main": "DATA"}, "main")
        loaded = load(self.folder, defaults)
        self.tellings = loaded.tellings(self.tellings, self.clock.time())
        self._rules = loaded.told_since(self.tellings)

    def edit(self, more: str | None, done: str = "fixed") -> None:
        """Put other rules in force, by which all tickets are walked; None: nothing is told. ``done`` is
        what Done stands for."""
        self.write_rules(RULES if more is None else telling(more, done))
        self.look()

    def send(self) -> None:
        """Deliver what upstream has to say."""
        self.deliver(*self.take())

    def take(self) -> list[dict[str, Any]]:
        """What upstream has to say, for the caller to deliver or not."""
        new = self.sandbox.events[self._sent :]
        self._sent += len(new)
        return [render(event) for event in new]

    def send_nothing(self) -> None:
        """What upstream has had to say since is lost on its way."""
        self._sent = len(self.sandbox.events)

    def pass_time(self, seconds: float) -> None:
        """Deliver and walk second by second."""
        for _ in range(int(seconds)):
            self.send()
            self.step()
            self.clock.sleep(1)

    def look(self) -> None:
        """Have every ticket read, as a webhook of Jira does."""
        with self.store.write() as session:
            for row in tickets.by_jira_ids(
                session, "main", list(self.jira.tickets), lock=True
            ).values():
                tickets.make_due(row, self.clock.time(), "in Jira", look=True)

    def settle(self, within: float = 60.0) -> None:
        """Deliver and walk until both sides are quiet."""
        for _ in range(20):
            self.send()
            super().settle(within)
            if self._sent == len(self.sandbox.events):
                return
        raise AssertionError("upstream does not come to rest")

    def opened(self, **fields: Any) -> tuple[Issue, MemoryTicket]:
        """A new issue and its ticket."""
        issue = self.sandbox.open_issue(**fields)
        self.settle()
        return issue, self.jira.alive[-1]

    def act(self, ticket: MemoryTicket, to: JiraStatus, **how: Any) -> None:
        """A person moves the ticket, and Jira tells us, if it is ``heard``."""
        heard = how.pop("heard", True)
        ticket.move(to, self.clock.time(), how.pop("who", ANNA), **how)
        if heard:
            self.look()

    def say(self, ticket: MemoryTicket, text: str, *, public: bool = True) -> str:
        """A person comments on the ticket, and Jira tells us."""
        self._comments += 1
        id_ = str(900 + self._comments)
        ticket.say(id_, Comment(text, "", public=public), self.clock.time(), ANNA)
        self.look()
        return id_

    def remarks(self, subject: Issue | Incident) -> list[str]:
        """The comments on a subject, upstream."""
        return [remark.message for remark in subject.remarks]


def telling(more: str = "", done: str = "fixed") -> str:
    """Rules by which upstream is told, with further lines of their table. ``done`` is what Done stands
    for."""
    return RULES + TELLING.format(more=more, done=done)


@contextmanager
def both_ways(store: Store, folder: Path, more: str = "") -> Iterator[BothWays]:
    with serving() as upstream:
        world = BothWays(store, folder, upstream, more)
        try:
            yield world
        finally:
            world.close()


def quiet(world: BothWays) -> None:
    """The same again, and time going by, write nothing on either side."""

    def written() -> tuple[object, ...]:
        subjects = [*world.sandbox.issues.values(), *world.sandbox.incidents.values()]
        return (
            len(world.sandbox.events),
            [world.remarks(one) for one in subjects],
            [(len(one.acts), dict(one.talk)) for one in world.jira.alive],
        )

    before = written()
    for _ in range(3):
        world.look()
        world.deliver(*map(render, world.sandbox.events))
        world.clock.sleep(120)
        world.settle()
    assert written() == before
