"""Any interleaving of deliveries, faults, human edits, rule edits and restarts, then calm.

Once the faults stop, every subject has one ticket, in its desired state save for what people changed,
and then there is silence.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync.domain.ticket import Block, Document, marker_label
from sync.sandbox.memory import DONE, IN_PROGRESS, TO_DO, WONT_DO, MemoryTracker
from sync.store import leases
from sync.store.engine import open_store
from tests.walks.lives import FAULTS, MEMORY, PROVING, Killed, run, template
from tests.walks.world import RULES, SimulatedClock, World, issue_event

pytestmark = pytest.mark.proof

IGNORING = (
    RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\non_deleted = "ignore"')
    + """
[rule.comments]
on = ["summary", "description"]
updated = "It says something else now."
"""
)
IDS = st.sampled_from(["i1", "i2", "i3"])
STATUSES = ["", "INVESTIGATING", "FIXED", "NO_ACTION_NEEDED"]
ASK = Block("Ask me first.", "Ask me first.")
CALLS = ["create", "read", "update", "transition", "comment", "find", "link_remote", ""]


class Life(RuleBasedStateMachine):
    """The world, and what is known of it from outside."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="machine", dir=MEMORY))
        shutil.copy(template(), self.folder / "store.db")
        self.clock = SimulatedClock()
        self.jira = MemoryTracker(self.clock)
        self.open()
        self.time = 0.0
        self.late: list[dict] = []
        self.newest: dict[str, dict] = {}
        self.edited: set[str] = set()
        self.moved: set[str] = set()
        self.labelled: set[str] = set()
        self.written: set[str] = set()
        self.deleted: set[str] = set()

    def open(self) -> None:
        self.store = open_store(f"sqlite:///{self.folder / 'store.db'}")
        self.world = World(self.store, self.jira, self.clock, self.folder / "rules", IGNORING)

    def happen(self, issue_id: str, type_: str, title: str, status: str, rows: int) -> dict:
        self.time += 1.25
        body = issue_event(
            type_, issue_id, at=self.time, title=f"{issue_id} {title}",
            description=f"Late.\n\n{rows} rows are missing.",
            **({"status": f"ISSUE_STATUS_{status}"} if status else {}),
        )  # fmt: skip
        self.newest[issue_id] = body
        return body

    @rule(
        issue_id=IDS,
        type_=st.sampled_from(
            ["issue_created", "issue_updated", "issue_status_updated", "issue_closed"]
        ),
        title=st.sampled_from(["late", "very late", "{{ 7 * 7 }}"]),
        status=st.sampled_from(STATUSES),
        rows=st.integers(1, 3),
        fate=st.sampled_from(["now", "now", "late", "lost", "doubled"]),
    )
    def something_happens_upstream(
        self, issue_id: str, type_: str, title: str, status: str, rows: int, fate: str
    ) -> None:
        body = self.happen(issue_id, type_, title, status, rows)
        if fate in ("now", "doubled"):
            self.world.deliver(body)
        if fate in ("late", "doubled"):
            self.late.append(body)

    @rule(place=st.integers(0, 20))
    def something_late_arrives(self, place: int) -> None:
        if self.late:
            self.world.deliver(self.late.pop(place % len(self.late)))

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
            self.clock.sleep(3)

    @rule(seconds=st.sampled_from([20.0, 130.0, 4000.0]))
    def much_time_passes(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    @rule()
    def restart(self) -> None:
        """As after kill -9: nothing is finished, and what was held is taken over."""
        self.world.close()
        self.store.close()
        self.open()
        leases.release_all_of(self.store, leases.owners(self.store))

    @rule(place=st.integers(0, 5))
    def a_person_edits_a_summary(self, place: int) -> None:
        if self.jira.alive:
            ticket = self.jira.alive[place % len(self.jira.alive)]
            ticket.fields["summary"] = "mine"
            self.edited.add(self.subject_of(ticket))

    @rule(place=st.integers(0, 5))
    def a_person_adds_a_label(self, place: int) -> None:
        if self.jira.alive:
            ticket = self.jira.alive[place % len(self.jira.alive)]
            ticket.fields["labels"] = sorted({*ticket.fields["labels"], "seen-by-owner"})
            self.labelled.add(self.subject_of(ticket))

    @rule(place=st.integers(0, 5), above=st.booleans())
    def a_person_writes_around_the_description(self, place: int, above: bool) -> None:
        if self.jira.alive:
            ticket = self.jira.alive[place % len(self.jira.alive)]
            ours = ticket.fields["description"].blocks
            if ASK not in ours:
                ticket.fields["description"] = Document((ASK, *ours) if above else (*ours, ASK))
            self.written.add(self.subject_of(ticket))

    @rule(place=st.integers(0, 5))
    def a_person_deletes_a_ticket(self, place: int) -> None:
        if self.jira.alive:
            ticket = self.jira.alive[place % len(self.jira.alive)]
            ticket.deleted = True
            self.deleted.add(self.subject_of(ticket))

    @rule(place=st.integers(0, 5), status=st.sampled_from([TO_DO, IN_PROGRESS, DONE, WONT_DO]))
    def a_person_moves_a_ticket(self, place: int, status) -> None:
        if self.jira.alive:
            ticket = self.jira.alive[place % len(self.jira.alive)]
            ticket.status = status
            ticket.resolution = {DONE: "Done", WONT_DO: "Won't Do"}.get(status, "")
            self.moved.add(self.subject_of(ticket))

    @rule(comment=st.sampled_from(["Closed upstream.", "Over."]))
    def somebody_edits_the_rules(self, comment: str) -> None:
        self.world.write_rules(IGNORING.replace("Closed upstream.", comment))

    def subject_of(self, ticket) -> str:
        labels = ticket.fields["labels"]
        found = [i for i in ("i1", "i2", "i3") if marker_label(f"coalesce:issue:{i}") in labels]
        return found[0]

    @invariant()
    def no_subject_has_two_tickets(self) -> None:
        if hasattr(self, "jira"):
            subjects = [self.subject_of(ticket) for ticket in self.jira.alive]
            assert len(subjects) == len(set(subjects)), subjects

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
        # What was late comes; what was lost is found by sweeping, which brings the newest state.
        self.world.deliver(*self.late, *self.newest.values())
        self.world.settle(within=7 * 3600)
        self.no_subject_has_two_tickets()
        by_subject = {self.subject_of(ticket): ticket for ticket in self.jira.alive}
        # A deleted ticket stays so; one deleted while nobody knew yet that it was made is made again.
        assert set(by_subject) | self.deleted == set(self.newest) | self.deleted
        for issue_id, body in self.newest.items():
            if issue_id not in by_subject:
                continue
            self.check(issue_id, body, by_subject[issue_id])
        calls = sum(self.jira.calls.values())
        self.world.settle(within=7 * 86_400)
        assert sum(self.jira.calls.values()) == calls, "it goes on calling after it has settled"

    def check(self, issue_id: str, body: dict, ticket) -> None:
        type_ = body["event_type"].removeprefix("EVENT_TYPE_").lower()
        payload = body[type_]["issue"]
        # A person's edit stays until upstream changes the same field after it.
        fine = {payload["title"], "mine"} if issue_id in self.edited else {payload["title"]}
        assert ticket.fields["summary"] in fine
        if issue_id not in self.deleted:
            assert issue_id not in self.labelled or "seen-by-owner" in ticket.fields["labels"]
            assert issue_id not in self.written or ASK in ticket.fields["description"].blocks
        told = {block.identity for block in ticket.fields["description"].blocks} - {ASK.identity}
        assert told == set(payload["description"].split("\n\n"))
        texts = [text for _, text in ticket.comments.values()]
        markers = [marker for marker, _ in ticket.comments.values()]
        assert len(markers) == len(set(markers)), texts
        if issue_id in self.moved:
            return
        over = type_ == "issue_closed" or payload.get("status", "")[13:] in (
            "FIXED",
            "NO_ACTION_NEEDED",
        )
        busy = payload.get("status", "").endswith("INVESTIGATING")
        wanted = DONE if over else IN_PROGRESS if busy else TO_DO
        assert ticket.status == wanted


def test_any_interleaving_ends_with_one_ticket_each_in_its_desired_state_and_then_silence() -> None:
    run(Life, examples=60)
