"""Whatever was missed is found: lost deliveries, an outage, a wrong secret, and people at work in Jira.

A simulated workspace and its sender, the real client of its API over a socket, and a simulated Jira
behind the real adapter, all on one clock that passes when told to.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from sync.adapters.coalesce import CoalesceSource
from sync.adapters.coalesce.api.access import ApiAccess
from sync.adapters.coalesce.api.client import CoalesceApi
from sync.adapters.jira import JiraSite, JiraTracker
from sync.bootstrap.http import Background
from sync.domain.ticket import FAMILY_LABEL, marker_label
from sync.ports import verified
from sync.sandbox.coalesce import CoalesceSandbox, Outbox, Sender
from sync.sandbox.coalesce.app import create_app
from sync.sandbox.coalesce.outbox import DeliveryFaults, Reply
from sync.sandbox.coalesce.rest import CLIENT_ID, CLIENT_SECRET, CoalesceRest
from sync.sandbox.jira import Exchange, JiraSandbox, SandboxTransport, Ticket
from sync.sandbox.jira.ready_site import BOT
from sync.store import sweeps
from sync.store.engine import Store
from sync.store.tables import SweepRunRow
from sync.web.server import listen
from sync.worker.sweeps.groups import GROUPS, Parts, sweep_groups
from sync.worker.sweeps.run import Report
from sync.worker.sweeps.runner import Runner
from tests.walks.world import RULES, SimulatedClock, World

URL = "http://jira.sandbox"
OURS = (
    RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\non_deleted = "recreate"')
    .replace("[rule.fields]", '[rule.issues]\nlink = "Relates"\n\n[rule.fields]')
    # Tickets get moved to a project whose workflow has other statuses.
    .replace('["Done"]', '["Done", "Closed"]')
)
CATEGORY = {
    "open": "new",
    "investigating": "indeterminate",
    "expected": "done",
    "fixed": "done",
    "no_action_needed": "done",
    "closed": "done",
    "cancelled": "done",
}


class Everything:
    """Both simulated systems, and ticket-sync between them."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.clock = SimulatedClock()
        self.upstream = CoalesceSandbox(self.clock, seed=11)
        self.outbox = Outbox(
            self.upstream, faults=DeliveryFaults(lost=0.3, late=0.2, doubled=0.1), seed=11
        )
        self.sender = Sender(self.outbox, self._receive)
        self.rest = CoalesceRest(self.outbox)
        self.server = Background(create_app(self.rest), listen("127.0.0.1", 0), name="upstream")
        self.server.start()
        self.api = CoalesceApi(
            ApiAccess(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, url=self.server.url),
            self.clock,
        )
        self.jira = JiraSandbox("cloud", self.clock)
        self.exchanges: list[Exchange] = []
        self.jira.observers.append(self.exchanges.append)
        site = JiraSite(name="main", url=URL, token=BOT.secret, email=BOT.email, deployment="cloud")
        self.tracker = JiraTracker(site, self.clock, self._mount)
        self.folder = folder
        self.source = CoalesceSource([self.upstream.secret])
        self.up = True
        self.begin(store)

    def begin(self, store: Store) -> None:
        """Let ticket-sync begin on a store, with the two systems as they are."""
        self.world = World(store, self.tracker, self.clock, self.folder, OURS)
        self.runner = Runner(store, self.clock, "me")
        parts = Parts(
            store=store,
            triage=self.world.triage,
            sources={"coalesce": self.source},
            apis={"coalesce": self.api},
            trackers={"main": self.tracker},
            rules=self.world.rules,
            clock=self.clock,
            overlaps=dict.fromkeys(GROUPS, 600.0),
        )
        self.sweeps = [sweep for group in sweep_groups(parts).values() for sweep in group]

    def _mount(self, session: requests.Session) -> None:
        session.mount(URL, SandboxTransport(self.jira))

    def _receive(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        if not self.up:
            return Reply(0, "connection refused")
        if not verified(self.source, headers, body, self.clock.time()).ok:
            return Reply(401)
        self.world.deliver(body)
        return Reply(202)

    def go_on(self, seconds: float = 5.0) -> None:
        """Let time pass: the sender sends, and ticket-sync works while it is up."""
        self.clock.now += seconds
        self.sender.pump()
        if self.up:
            while self.world.step():
                pass

    def let_the_sender_give_up(self) -> None:
        """Until every delivery has arrived or failed for good, and all walks are done."""
        while (due := self.outbox.next_at()) is not None:
            self.clock.now = max(self.clock.now, due)
            self.go_on(0.0)
        self.world.settle()
        self.clock.now += 300

    def round(self) -> list[Report]:
        """One round of all sweeps, triage of what they recovered, and the walks."""
        reports = [self.runner.run(sweep, by_hand=True) for sweep in self.sweeps]
        self.world.settle()
        self.clock.now += 300
        return [report for report in reports if report is not None]

    def tickets(self, ref: str) -> list[Ticket]:
        """The tickets of a subject: those with its marker."""
        return [t for t in self.jira.tickets() if marker_label(ref) in t.labels]

    def writes(self) -> int:
        """Calls to Jira that changed something."""
        reading = ("search", "bulkfetch")
        return sum(one.method != "GET" and not one.path.endswith(reading) for one in self.exchanges)

    def runs(self) -> list[SweepRunRow]:
        with self.world.store.read() as session:
            return sweeps.recent(session)

    def close(self) -> None:
        self.world.close()
        self.api.close()
        self.server.stop(5)


@pytest.fixture
def everything(sqlite_store: Store, tmp_path: Path) -> Iterator[Everything]:
    made = Everything(sqlite_store, tmp_path / "rules")
    yield made
    made.close()


def troubled_life(it: Everything, pick: random.Random, issues: int) -> dict[str, str]:
    """An hour in which everything goes wrong; by ticket id, what a person did to it."""
    hands: dict[str, str] = {}
    for n in range(issues):
        it.upstream.open_issue(f"check {n} fails")
        it.go_on()
        if n % 6 == 5:
            chosen = pick.sample(sorted(it.upstream.issues), 3)
            it.upstream.mark(chosen[0], pick.choice(["investigating", "fixed", "expected"]))
            it.upstream.close_issue(chosen[1])
            it.upstream.update_issue(chosen[2], title=f"check of {n} fails otherwise")
        if n % 15 == 14:
            members = pick.sample(sorted(it.upstream.issues), 4)
            incident = it.upstream.open_incident(members, f"incident {n}")
            if n % 30 == 29:
                it.upstream.close_incident(incident.id)
        # Down for a stretch, then with a wrong secret for a stretch.
        it.up = not issues // 3 <= n < issues // 2
        wrong = 2 * issues // 3 <= n < 5 * issues // 6
        it.source = CoalesceSource(["whsec_wrong" if wrong else it.upstream.secret])
    it.source = CoalesceSource([it.upstream.secret])
    it.let_the_sender_give_up()
    done = iter(pick.sample(it.jira.tickets(), 8))
    for _ in range(2):
        moved, closed, deleted, edited = (next(done) for _ in range(4))
        it.jira.person.move(moved.key, "OPS")
        hands[moved.id] = "moved"
        it.jira.person.edit(edited.key, summary="in a person's words")
        hands[edited.id] = "edited"
        it.jira.person.delete(deleted.key)
        hands[deleted.id] = "deleted"
        if closed.category != "done":
            it.jira.person.transition(closed.key, "Done")
            hands[closed.id] = "closed"
    return hands


def check_every_ticket(it: Everything, hands: Mapping[str, str]) -> None:
    """One ticket for each subject, where the rule wants it, or where a person put it."""
    for kind, subjects in (("issue", it.upstream.issues), ("incident", it.upstream.incidents)):
        for id_, subject in subjects.items():
            ref = f"coalesce:{kind}:{id_}"
            found = it.tickets(ref)
            if kind == "issue":
                state = "closed" if subject.ended_at else subject.status or "open"
            else:
                state = subject.state
            deleted = [t for t in it.jira.tickets(deleted=True) if marker_label(ref) in t.labels]
            if not found and deleted[0].deleted and state in ("closed", "cancelled"):
                # What a person deleted is made anew only while there is something to it.
                continue
            assert len(found) == 1, f"{ref} has {[t.key for t in found]}"
            (ticket,) = found
            assert FAMILY_LABEL in ticket.labels
            hand = hands.get(ticket.id, "")
            if hand != "closed":
                assert ticket.category == CATEGORY[state], (ref, state, hand)
            if hand == "edited":
                # A title that changed upstream meanwhile, and was missed, is newer than the edit.
                assert ticket.summary in ("in a person's words", subject.title)
            else:
                assert ticket.summary == subject.title
            assert (ticket.project == "OPS") is (hand == "moved")
    known = {row.jira_key for row in it.world.rows()}
    assert {ticket.key for ticket in it.jira.tickets()} <= known


@pytest.mark.parametrize("seed", [3, 104, 109])
def test_after_one_round_of_sweeps_every_ticket_is_right_and_a_second_finds_nothing(
    everything: Everything, seed: int
) -> None:
    it = everything
    # The first runs put the watermarks to where we begin.
    it.round()
    hands = troubled_life(it, random.Random(seed), 60)
    reports = {report.sweep: report for report in it.round()}
    check_every_ticket(it, hands)

    rows = {row.sweep: row for row in it.runs()[: len(reports)]}
    assert {row.result for row in rows.values()} == {"ok"}
    assert rows["deliveries"].missing > 10
    assert rows["deliveries"].repaired == rows["deliveries"].missing
    assert rows["deliveries"].detail["reasons"]["401"] > 0
    assert "we answered them 401" in rows["deliveries"].words
    assert rows["issues"].missing > 5
    assert rows["issues"].stale > 3
    assert rows["jira:main"].wrong >= 4

    writes = it.writes()
    again = it.round()
    assert [str(one) for report in again for one in report.tally.findings] == []
    assert it.writes() == writes
    assert {row.result for row in it.runs()[: len(again)]} == {"ok"}
    check_every_ticket(it, hands)


def test_an_incidents_ticket_is_linked_as_the_api_tells_its_members(everything: Everything) -> None:
    it = everything
    it.outbox.faults = DeliveryFaults()
    one, two, three = (it.upstream.open_issue(f"check {n}") for n in range(3))
    incident = it.upstream.open_incident([one.id, two.id], "together")
    it.go_on()
    it.world.settle()
    it.round()
    key = {x.id: it.tickets(f"coalesce:issue:{x.id}")[0].key for x in (one, two, three)}
    (ticket,) = it.tickets(f"coalesce:incident:{incident.id}")
    assert _linked(it, ticket.key) == {key[one.id], key[two.id]}
    it.upstream.set_members(incident.id, [two.id, three.id])
    it.round()
    assert _linked(it, ticket.key) == {key[two.id], key[three.id]}


def _linked(it: Everything, key: str) -> set[str]:
    return {other for _words, other in it.jira.ticket(key).issue_links}


def test_an_api_that_limits_and_tokens_that_end_in_the_middle_lose_nothing(
    everything: Everything,
) -> None:
    it = everything
    it.outbox.faults = DeliveryFaults(silent=1.0)
    it.round()
    for n in range(30):
        it.upstream.open_issue(f"check {n}")
    it.clock.now += 60
    it.rest.limited, it.rest.retry_after = 2, 3.0
    it.rest.revoke_tokens()
    it.round()
    assert len(it.jira.tickets()) == 30


def test_a_missing_scope_stops_its_own_sweep_alone(everything: Everything) -> None:
    it = everything
    it.outbox.faults = DeliveryFaults(silent=1.0)
    it.rest.scopes -= {"incidents:read", "deliveries:read"}
    it.upstream.open_issue("one")
    results = {report.sweep: report.result.value for report in it.round()}
    assert results == {
        "issues": "ok",
        "heads": "ok",
        "incidents": "disabled",
        "deliveries": "disabled",
        "jira:main": "ok",
        "own": "ok",
    }
    assert len(it.jira.tickets()) == 1
    words = {row.sweep: row.words for row in it.runs()}
    assert "incidents" in words["incidents"]
