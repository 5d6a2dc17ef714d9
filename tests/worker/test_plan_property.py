"""For any rules and any history: a settled system has an empty plan, and a plan is what is then done."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.domain.actions import Comment, Create, Transition, Update
from sync.domain.ticket import FieldKind, remembered
from sync.sandbox.memory import MemoryTicket, MemoryTracker
from sync.store.engine import open_store
from sync.worker.foresight.forecast import Forecast, forecast_all
from sync.worker.rulebook.files import RuleFiles
from sync.worker.rulebook.in_force import Guard
from tests.walks.world import SimulatedClock, issue_event
from tests.worker.edited import DEFAULTS, EditedWorld

pytestmark = pytest.mark.proof

NAMES = ("orders", "customers", "events")
STATUS_TABLE = """
[rule.status]
open = { category = "new" }
investigating = { category = "indeterminate", comment = "Looked at." }
fixed = { category = "done", prefer = ["Done"] }
closed = { category = "done", prefer = ["Done"], comment = "Over." }
"""


@st.composite
def rule(draw: st.DrawFn, name: str) -> str:
    """One rule, of everything or of one table's issues."""
    only = draw(st.sampled_from(["", *NAMES]))
    summary = draw(st.sampled_from(["{{ subject.title }}", "stale: {{ subject.title }}"]))
    labels = draw(st.lists(st.sampled_from(["red", "blue", "green"]), unique=True, max_size=3))
    extra = draw(st.sampled_from(["", "\\n\\nSee the runbook.", "\\n\\nAsk the owners."]))
    owner = draw(st.sampled_from(["source", "shared", "yield", "ticket"]))
    group = draw(st.sampled_from(["", 'group_by = "trigger"']))
    priority = draw(st.sampled_from(["", 'priority = "High"', 'priority = "Low"']))
    assignee = draw(st.sampled_from(["", 'assignee = "ann"', 'assignee = ["ben", "ann"]']))
    updated = draw(st.sampled_from(["", '[rule.comments]\nupdated = "Changed."']))
    return f"""
[[rule]]
name = "{name}"
issue_type = "Bug"
{f'when = {{ title = "{only}*" }}' if only else ""}
{group}
[rule.fields]
summary = "{summary}"
description = "{{{{ subject.description }}}}{extra}"
labels = {labels}
{priority}
{assignee}
[rule.ownership]
summary = "{owner}"
{updated}
{STATUS_TABLE}"""


@st.composite
def rule_sets(draw: st.DrawFn) -> str:
    count = draw(st.integers(1, 3))
    return "".join(draw(rule(f"rule {number}")) for number in range(count))


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Deliveries about a few issues, in some order."""
    bodies = []
    for at in range(draw(st.integers(1, 6))):
        kind = draw(
            st.sampled_from(
                ["issue_created", "issue_updated", "issue_status_updated", "issue_closed"]
            )
        )
        which = draw(st.integers(0, 3))
        status = draw(st.sampled_from(["INVESTIGATING", "FIXED"]))
        bodies.append(
            issue_event(
                kind,
                f"issue-{which}",
                at=at + 1,
                title=f"{NAMES[which % 3]} is stale" + draw(st.sampled_from(["", " again"])),
                description=draw(st.sampled_from(["One.", "One.\n\nTwo."])),
                trigger_name=draw(st.sampled_from(["freshness", "volume"])),
                **({"status": f"ISSUE_STATUS_{status}"} if kind == "issue_status_updated" else {}),
            )
        )
    return bodies


@contextmanager
def settled(
    sqlite_template: Path, rules: str, history: list[dict[str, Any]]
) -> Iterator[EditedWorld]:
    """A world that has lived through a history."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(sqlite_template, Path(folder) / "store.db")
        store = open_store(f"sqlite:///{folder}/store.db")
        clock = SimulatedClock()
        world = EditedWorld(
            store,
            MemoryTracker(clock),
            clock,
            Path(folder) / "rules",
            rules=rules,
            guard=Guard(most=1000),
        )
        try:
            for body in history:
                world.deliver(body)
                world.settle()
            yield world
        finally:
            world.close()
            store.close()


def told(found: Forecast) -> list[tuple[Any, ...]]:
    """What a forecast tells of each ticket."""
    plans = ((one.key, one.ticket, one.rule, one.trouble, one.plan) for one in found.tickets)
    return [(*about, plan.actions, plan.parked, plan.parked_fields) for *about, plan in plans]


def planned(world: EditedWorld, *, live: bool) -> Forecast:
    """What the rules on disk would do, worked out in full and by what differs from those in force."""
    rules = RuleFiles(world.folder, DEFAULTS).load().rules
    about = world.store, rules, {"main": world.tracker}, world.clock.time()
    whole = forecast_all(*about, live=live).whole()
    found = forecast_all(*about, live=live, known=world.rules()).whole()
    assert told(found) == told(whole)
    assert (found.looked_at, found.counts) == (whole.looked_at, whole.counts)
    return found


def shape(ticket: MemoryTicket) -> dict[str, Any]:
    return {
        **{name: remembered(value) for name, value in ticket.fields.items() if value},
        "status": ticket.status.category.value,
        "comments": sorted(text for _, text in ticket.comments.values()),
    }


def after_applying(found: Forecast, before: dict[str, MemoryTicket]) -> dict[str, dict[str, Any]]:
    """The tickets there were, with what the plan shows done to them."""
    after = {key: shape(ticket) for key, ticket in before.items()}
    for one in found.tickets:
        if not one.ticket:
            continue
        ticket = after[one.ticket]
        for action in one.plan.actions:
            if isinstance(action, Update):
                for change in action.changes:
                    known = ticket.get(change.id) or []
                    if change.kind is FieldKind.LABELS:
                        value: Any = sorted((set(known) | set(change.add)) - set(change.remove))
                    else:
                        value = remembered(change.after)
                    ticket[change.id] = value
            elif isinstance(action, Transition):
                ticket["status"] = action.hop.to.category.value
            elif isinstance(action, Comment):
                ticket["comments"] = sorted([*ticket["comments"], action.text])
    return after


SLOW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@SLOW
@given(rules=rule_sets(), history=histories())
def test_the_plan_of_a_settled_system_is_empty(
    sqlite_template: Path, rules: str, history: list[dict[str, Any]]
) -> None:
    with settled(sqlite_template, rules, history) as world:
        assert planned(world, live=False).tickets == ()
        assert planned(world, live=True).tickets == ()


@SLOW
@given(rules=rule_sets(), edited=rule_sets(), history=histories(), live=st.booleans())
def test_applying_what_the_plan_showed_makes_exactly_those_changes(
    sqlite_template: Path, rules: str, edited: str, history: list[dict[str, Any]], live: bool
) -> None:
    with settled(sqlite_template, rules, history) as world:
        jira = world.tracker
        assert isinstance(jira, MemoryTracker)
        world.write_rules(edited)
        found = planned(world, live=live)
        before = {t.ref.key: copy.deepcopy(t) for t in jira.alive}
        wished = after_applying(found, before)
        made = sorted(
            action.summary
            for one in found.tickets
            for action in one.plan.actions
            if isinstance(action, Create)
        )
        aside = {one.key for one in found.tickets if one.plan.parked}
        world.notice()
        world.settle()
        after = {t.ref.key: t for t in jira.alive}
        assert {key: shape(after[key]) for key in before} == wished
        assert sorted(after[key].fields["summary"] for key in after.keys() - before) == made
        assert {row.key for row in world.rows() if row.parked} == aside
