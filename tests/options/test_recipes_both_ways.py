"""The recipes that tell upstream, run between a simulated Jira and a simulated Coalesce Quality."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from sync.adapters.coalesce import ApiUpstream, CallbackCaller, CallbackUpstream, CoalesceSource
from sync.adapters.coalesce.upstream.addresses import Addresses
from sync.bootstrap.adapters import newest_callbacks
from sync.domain.subject import SubjectRef
from sync.ports import Upstream as Way
from sync.rules import Defaults, load
from sync.sandbox.coalesce.subjects import Issue
from sync.sandbox.coalesce.webhook_body import render
from sync.sandbox.jira import JiraSandbox, Ticket
from sync.store import tickets
from sync.store.engine import Store
from sync.worker.walk.converge import Converger
from sync.worker.walk.telling import Ways
from tests.adapters.coalesce.served import Upstream, serving
from tests.options.stage import RECIPES, Stage

STAND_IN = "bridge@example.com"
ELSA = {"name": "Elsa", "email": {"user_email": "elsa@example.com"}}


class BothSides(Stage):
    """A stage with Coalesce Quality beside it. People act on either side; ``settle`` carries it over."""

    def __init__(self, store: Store, folder: Path, upstream: Upstream, dialect: str) -> None:
        self.upstream = upstream
        jira = JiraSandbox(dialect, upstream.clock, index_lag=20.0)
        super().__init__(store, jira, upstream.clock, folder, "main")
        self._sent = 0
        self._api = False

    def by(self, way: Way, *, api: bool) -> None:
        """Tell upstream by this way. Without ``api``, nobody can be asked."""
        self._api = api
        ways = Ways({"coalesce": way}, {"coalesce": self.upstream.api} if api else {})
        trackers = {self.site: self.tracker}
        self.converger = Converger(
            self.store, trackers, self.rules, self.clock, jitter=lambda: 0.5, ways=ways
        )

    def in_force(self, recipe: str, *, api: bool = True) -> None:
        """Put a recipe in force, as it is written."""
        shutil.copy(RECIPES / f"{recipe}.toml", self.folder)
        (self.folder / "rules.toml").unlink(missing_ok=True)
        defaults = Defaults({self.site: "DATA"}, self.site, api=api)
        loaded = load(self.folder, defaults)
        assert not loaded.warnings
        self._rules = loaded.told_since(loaded.tellings({}, self.clock.time()))

    def settle(self, within: float = 60.0) -> None:
        """Carry over what happened on both sides, until nothing more does."""
        for _ in range(20):
            new = self.upstream.sandbox.events[self._sent :]
            self._sent += len(new)
            self.deliver(*(render(event) for event in new))
            super().settle(within)
            if self._sent == len(self.upstream.sandbox.events):
                return
        raise AssertionError("it does not come to rest")

    def heard(self) -> None:
        """Jira's webhooks came for every ticket, and the sweep has read upstream's comments."""
        with self.store.write() as session:
            ids = [one.id for one in self.tickets()]
            for row in tickets.by_jira_ids(session, self.site, ids, lock=True).values():
                tickets.make_due(row, self.clock.time(), "in Jira", look=True)
            ids = list(self.upstream.sandbox.issues) if self._api else []
            known = self.upstream.api.issues(ids) if ids else []
            self.triage.merge_snapshots(session, [replace(one, event_id="") for one in known])
        self.settle()

    def opened(self) -> tuple[Issue, Ticket]:
        issue = self.upstream.sandbox.open_issue()
        self.settle()
        return issue, self.tickets()[-1]


@contextmanager
def _both(store: Store, folder: Path, dialect: str) -> Iterator[BothSides]:
    with serving() as upstream:
        stage = BothSides(store, folder, upstream, dialect)
        try:
            yield stage
        finally:
            stage.close()


@pytest.fixture(params=["cloud", "datacenter"])
def both(
    request: pytest.FixtureRequest, sqlite_store: Store, tmp_path: Path
) -> Iterator[BothSides]:
    with _both(sqlite_store, tmp_path / "rules", request.param) as stage:
        yield stage


def test_both_ways_tells_marks_and_comments_and_copies_what_is_said_upstream(
    both: BothSides,
) -> None:
    both.by(ApiUpstream(both.upstream.api, STAND_IN, both.clock), api=True)
    both.in_force("two-way")
    issue, ticket = both.opened()
    assert [one.message.splitlines()[0] for one in issue.remarks] == [f"Jira ticket {ticket.key}:"]
    person = both.sandbox.person
    person.assign(ticket.key, person.user.name)
    both.heard()
    assert issue.status == "investigating"
    person.comment(ticket.key, "the loader was down")
    both.upstream.sandbox.comment(issue.id, "thank you", ELSA)
    both.time.sleep(60)
    person.transition(ticket.key, "Done")
    both.heard()
    assert issue.status == "fixed"
    assert "the loader was down" in issue.remarks[-1].message
    assert [one.text for one in both.sandbox.ticket(ticket.key).comments][-1].endswith("thank you")
    both.time.sleep(60)
    person.resolve(ticket.key, "Won't Do")
    both.heard()
    assert issue.status == "no_action_needed"
    both.heard()
    assert both.sandbox.ticket(ticket.key).status == "Done"


def test_both_ways_closes_an_incident_with_its_ticket(both: BothSides) -> None:
    both.by(ApiUpstream(both.upstream.api, STAND_IN, both.clock), api=True)
    both.in_force("two-way")
    incident = both.upstream.sandbox.open_incident([])
    both.settle()
    both.sandbox.person.transition(both.ticket.key, "Done")
    both.heard()
    assert incident.state == "closed"


def test_callbacks_mark_and_comment_without_credentials(both: BothSides) -> None:
    host = both.upstream.server.url.removeprefix("http://")
    caller = CallbackCaller([host], Addresses([ip_network("127.0.0.0/8")]), both.clock)
    source = CoalesceSource()
    both.upstream.sandbox.callbacks.base = both.upstream.server.url

    def callbacks_of(ref: SubjectRef) -> Sequence[Mapping[str, Any]]:
        return newest_callbacks(both.store, source, ref)

    both.by(CallbackUpstream(caller, callbacks_of, STAND_IN, both.clock), api=False)
    both.in_force("callbacks", api=False)
    issue, ticket = both.opened()
    both.settle()
    assert issue.status == "investigating"
    person = both.sandbox.person
    person.comment(ticket.key, "only here")
    person.comment(ticket.key, "#upstream it was the loader")
    both.time.sleep(60)
    person.transition(ticket.key, "Done")
    both.heard()
    assert issue.status == "fixed"
    said = [one.message for one in issue.remarks]
    assert len(said) == 2
    assert "it was the loader" in said[1]
