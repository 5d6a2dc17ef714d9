"""Whatever an edit, people and upstream do: after an undo a ticket is as if the edit had never been."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.domain.ticket import Block, Document
from sync.sandbox.memory import MemoryTracker, Moment
from sync.store import claims
from sync.store.engine import open_store
from tests.walks.lives import FAULTS, MEMORY, PROVING, Killed, template
from tests.walks.test_lifecycle import A
from tests.walks.test_undo import EDITED, Undoing
from tests.walks.world import RULES, SimulatedClock, issue_event

OWNED = '[rule.ownership]\nsummary = "source"\ndescription = "source"\n\n[rule.status]'
EDITS = {
    "fields": EDITED,
    "summary": RULES.replace("{{ subject.title }}", "URGENT: {{ subject.title }}"),
    "all": EDITED.replace("{{ subject.title }}", "URGENT: {{ subject.title }}"),
    "ours": EDITED.replace("[rule.status]", OWNED),
    "derived": RULES.replace(
        'labels = ["data-quality"]',
        'labels = ["{{ subject.title | length }}"]\npriority = "{{ subject.title }}"',
    ),
    "labels": RULES.replace('["data-quality"]', "[]"),
}
# What a person does: the field, and a value that nobody else gives it.
ACTS = ("summary", "priority", "components", "label", "unlabel", "paragraph", "title", "text")

# A call, how it fails, and whether it is carried out all the same.
Fault = tuple[str, str, bool] | None


class Twin:
    """A world with one ticket, in which acts are done."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="undo", dir=MEMORY))
        shutil.copy(template(), self.folder / "store.db")
        self.clock = SimulatedClock()
        self.store = open_store(f"sqlite:///{self.folder / 'store.db'}")
        self.jira = MemoryTracker(self.clock)
        self.world = Undoing(self.store, self.jira, self.clock, self.folder / "rules")
        self.title, self.text = "orders is stale", "No new rows since 06:00."
        self.world.begin(A)

    def act(self, name: str, number: int) -> None:
        """One act, of a person or upstream; ``number`` makes its value its own."""
        (ticket,) = self.jira.alive
        fields = ticket.fields
        if name in ("title", "text"):
            setattr(self, name, f"{name} {number}")
            self.world.deliver(
                issue_event(
                    "issue_updated", A, at=100 + number, title=self.title, description=self.text
                )
            )
            self.walk()
        elif name == "paragraph":
            there = fields["description"].blocks
            mine = Block(f"mine {number}", f"mine {number}")
            fields["description"] = Document((mine, *there))
        elif name == "label":
            fields["labels"] = sorted({*fields["labels"], f"theirs-{number}"})
        elif name == "unlabel":
            theirs = [one for one in fields["labels"] if one.startswith("theirs")]
            fields["labels"] = [one for one in fields["labels"] if one not in theirs[:1]]
        elif name == "components":
            fields[name] = [f"mine {number}"]
        else:
            fields[name] = f"mine {number}"

    def walk(self) -> None:
        """Let all walks be made. A process that dies leaves its leases behind, until these end."""
        for _ in range(20):
            try:
                self.world.settle()
            except Killed:
                self.clock.sleep(130)
                continue
            if claims.next_due(self.store, now=self.clock.time() + 600) is None:
                self.clock.sleep(130)
                self.world.settle()
                return
        raise AssertionError("it does not settle")

    def edit(self, text: str, fault: Fault) -> None:
        self.world.edit(text)
        self.follow(fault)

    def undo(self, fault: Fault) -> None:
        self.world.save_undo()
        self.world.notice()
        self.follow(fault)

    def follow(self, fault: Fault) -> None:
        """Let the ticket follow an edit, while a call fails."""
        if fault is not None:
            call, name, after = fault
            moment: Moment = "after" if after and name not in PROVING else "before"
            self.jira.fail(call, FAULTS[name], moment)
        self.clock.sleep(6)
        self.walk()
        self.jira.heal()

    def shown(self) -> dict[str, Any]:
        (ticket,) = self.jira.alive
        found = {name: value for name, value in ticket.fields.items() if value not in (None, [])}
        found["description"] = ticket.fields["description"].identities
        return {**found, "labels": sorted(ticket.fields["labels"]), "comments": ticket.comments}

    def close(self) -> None:
        self.world.close()
        self.store.close()
        shutil.rmtree(self.folder)


acts = st.lists(st.sampled_from(ACTS), max_size=4)
faults = st.none() | st.tuples(
    st.sampled_from(["read", "update"]),
    st.sampled_from(["refused", "unknown", "killed"]),
    st.booleans(),
)


@pytest.mark.proof
@settings(max_examples=12, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(edit=st.sampled_from(sorted(EDITS)), before=acts, since=acts, first=faults, then=faults)
def test_after_an_undo_a_ticket_is_as_if_the_edit_had_never_been(
    edit: str, before: list[str], since: list[str], first: Fault, then: Fault
) -> None:
    # Under such rules later walks write over people as well. Only what the walk that follows the edit
    # wrote over is known.
    lost = {"ours": ("summary", "paragraph"), "derived": ("priority",)}.get(edit, ())
    since = [name for name in since if name not in lost]
    one, other = Twin(), Twin()
    try:
        numbers = itertools.count(1)
        early = [(name, next(numbers)) for name in before]
        late = [(name, next(numbers)) for name in since]
        for twin in (one, other):
            for name, number in early:
                twin.act(name, number)
            twin.walk()
        one.edit(EDITS[edit], first)
        for twin in (one, other):
            for name, number in late:
                twin.act(name, number)
        one.undo(then)
        other.walk()
        assert one.shown() == other.shown(), (edit, before, since, first, then)
        assert one.world.at_rest()
    finally:
        one.close()
        other.close()
