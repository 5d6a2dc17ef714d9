"""Any interleaving of what people decide about tickets with deliveries, faults, rule edits and restarts.

No ticket is made twice, what a person decided stays, and then there is silence.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlmodel import select

from sync.domain.ticket import Document, TicketRef, is_own_marker
from sync.operations.accounts import on_command_line
from sync.operations.errors import OperationError
from sync.operations.ticket_acts import forget
from sync.operations.ticket_moves import Linking, Merging, Splitting, link, merge, split
from sync.sandbox.memory import DONE, TO_DO, MemoryTicket, MemoryTracker
from sync.store import leases
from sync.store.engine import open_store
from sync.store.tables import LinkRow, TicketState
from sync.worker.foresight.forecast import forecast_all
from tests.walks.lives import FAULTS, MEMORY, PROVING, Killed, run, template
from tests.walks.world import RULES, SimulatedClock, World, issue_event

pytestmark = pytest.mark.proof

ME = on_command_line()
GROUPED = RULES.replace(
    'issue_type = "Bug"', 'issue_type = "Bug"\ngroup_by = "{{ subject.title }}"\nhold = "10s"'
)
ISSUES = [f"i{n}" for n in range(5)]
IDS, PLACES = st.sampled_from(ISSUES), st.integers(0, 7)
TYPES = ["issue_created", "issue_updated", "issue_closed"]
CALLS = ["create", "read", "update", "transition", "comment", "link_tickets", "link_remote", ""]


class Change(RuleBasedStateMachine):
    """The world, and where people have put subjects."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="machine", dir=MEMORY))
        shutil.copy(template(), self.folder / "store.db")
        self.clock = SimulatedClock()
        self.jira = MemoryTracker(self.clock)
        for n in (1, 2):
            fields = {"summary": "theirs", "labels": [], "description": Document()}
            ref = TicketRef(f"90{n}", f"OPS-{n}")
            self.jira.tickets[ref.id] = MemoryTicket(ref, "OPS", "Bug", fields, self.clock.time())
        self.rules = GROUPED
        self.open()
        self.time = 0.0
        self.newest: dict[str, dict] = {}
        self.put: dict[str, int] = {}
        for issue, title in zip(ISSUES, "aabbc", strict=True):
            self.happen(issue, "issue_created", title)
        self.world.settle(within=60)

    def open(self) -> None:
        self.store = open_store(f"sqlite:///{self.folder / 'store.db'}")
        self.world = World(self.store, self.jira, self.clock, self.folder / "rules", self.rules)

    def happen(self, issue: str, type_: str, title: str) -> None:
        self.time += 1.25
        self.newest[issue] = issue_event(type_, issue, at=self.time, title=title)
        self.world.deliver(self.newest[issue])

    @rule(issue=IDS, type_=st.sampled_from(TYPES), title=st.sampled_from(["a", "b"]))
    def something_happens_upstream(self, issue: str, type_: str, title: str) -> None:
        self.happen(issue, type_, title)

    @rule(call=st.sampled_from(CALLS), name=st.sampled_from(sorted(FAULTS)), after=st.booleans())
    def something_will_go_wrong(self, call: str, name: str, after: bool) -> None:
        self.jira.fail(call, FAULTS[name], "after" if after and name not in PROVING else "before")

    @rule(steps=st.integers(1, 4))
    def time_passes(self, steps: int) -> None:
        for _ in range(steps):
            try:
                self.world.step()
            except Killed:
                self.restart()
            self.clock.sleep(6)

    @rule()
    def restart(self) -> None:
        self.world.close()
        self.store.close()
        self.open()
        leases.release_all_of(self.store, leases.owners(self.store))

    @rule(upper=st.booleans())
    def somebody_edits_the_rules(self, upper: bool) -> None:
        self.rules = GROUPED.replace('subject.title }}"\nhold', 'subject.title|upper }}"\nhold')
        self.rules = self.rules if upper else GROUPED
        self.world.write_rules(self.rules)

    @rule(place=PLACES, status=st.sampled_from([TO_DO, DONE]))
    def a_person_moves_a_ticket(self, place: int, status) -> None:
        if self.jira.alive:
            self.jira.alive[place % len(self.jira.alive)].status = status

    @rule(one=PLACES, other=PLACES, leave=st.booleans())
    def a_person_merges(self, one: int, other: int, leave: bool) -> None:
        wish = Merging(self.name(one), self.name(other), leave=leave)
        self.act(lambda: merge(self.store, ME, wish, self.clock.time()))

    @rule(issue=IDS, other=PLACES, new=st.booleans())
    def a_person_splits(self, issue: str, other: int, new: bool) -> None:
        wish = Splitting(issue, [issue], "" if new else self.name(other))
        self.act(lambda: split(self.store, self.world.rules(), ME, wish, self.clock.time()))

    @rule(issue=IDS, key=st.sampled_from(["OPS-1", "OPS-2", "DATA-3"]), instead=st.booleans())
    def a_person_links(self, issue: str, key: str, instead: bool) -> None:
        sites = {"main": self.jira}, self.world.rules()
        wish = Linking(issue, key, instead=instead)
        self.act(lambda: link(self.store, sites, ME, wish, self.clock.time()))

    @rule(issue=IDS)
    def a_person_forgets(self, issue: str) -> None:
        self.act(lambda: forget(self.store, ME, issue, self.clock.time()))

    def name(self, place: int) -> str:
        rows = self.world.rows()
        row = rows[place % len(rows)] if rows else None
        return (row.jira_key or row.key) if row else "nothing"

    def act(self, do: Callable[[], object]) -> None:
        self.stayed()
        # The same press within five seconds of the wall clock is one act.
        with self.store.write() as session:
            session.execute(leases.LeaseRow.__table__.delete())  # type: ignore[attr-defined]
        try:
            with suppress(OperationError):
                do()
        except Killed:
            self.restart()
        self.put = {one.subject: one.ticket_id for one in self.links() if one.placed}

    def links(self) -> list[LinkRow]:
        with self.store.read() as session:
            return list(session.exec(select(LinkRow)))

    def stayed(self) -> None:
        there = {one.subject: one.ticket_id for one in self.links()}
        assert {ref: there.get(ref) for ref in self.put} == self.put

    @invariant()
    def no_ticket_is_made_twice(self) -> None:
        if hasattr(self, "jira"):
            marks = [x for t in self.jira.alive for x in t.fields["labels"] if is_own_marker(x)]
            assert len(marks) == len(set(marks))

    def teardown(self) -> None:
        if not hasattr(self, "jira"):
            return
        try:
            self.calm()
        finally:
            self.world.close()
            self.store.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def calm(self) -> None:
        self.jira.heal()
        self.restart()
        self.world.settle(within=7 * 3600)
        self.stayed()
        rows = {row.id: row for row in self.world.rows()}
        links = {one.subject: rows[one.ticket_id] for one in self.links()}
        assert not [ref for ref, row in links.items() if row.merged]
        for issue, body in self.newest.items():
            row = links[f"coalesce:issue:{issue}"]
            over = body["event_type"] == "EVENT_TYPE_ISSUE_CLOSED"
            rests = row.aside is not None or (over and row.state == TicketState.SPARED)
            assert rests or row.state == TicketState.LINKED, (issue, row.state)
        trackers = {"main": self.jira}
        found = forecast_all(self.store, self.world.rules(), trackers, self.clock.time()).whole()
        assert list(found.tickets) == []
        calls = sum(self.jira.calls.values())
        self.world.settle(within=7 * 86_400)
        assert sum(self.jira.calls.values()) == calls, "it goes on calling after it has settled"


def test_what_people_decide_about_tickets_stays_and_makes_no_ticket_twice() -> None:
    run(Change, examples=25)
