"""An undo over the real Jira adapter, against the simulated site in both dialects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.sandbox.jira import Effect, JiraSandbox
from sync.store.engine import Store
from tests.walks.test_jira import jira_tracker, sandbox  # noqa: F401
from tests.walks.test_lifecycle import A
from tests.walks.test_undo import Undoing
from tests.walks.world import RULES, SimulatedClock, issue_event

# Fields of each form that the former rules do not name, or ask otherwise.
EDITED = RULES.replace(
    'labels = ["data-quality"]',
    """labels = ["urgent"]
priority = "High"
components = ["Warehouse", "Ingestion"]
due_date = "2026-12-24"
Runbook = "https://wiki.example.com/orders"
"Data owner" = "data.owner@example.com"
"Affected rows" = 12
Impact = "**All** of _orders_."
Tags = ["late"]""",
).replace("{{ subject.description }}", "{{ subject.description }}\\n\\n- see the **runbook**")
FIELDS = (
    *("summary", "description", "labels", "priority", "components", "duedate"),
    *("customfield_10020", "customfield_10018", "customfield_10012", "customfield_10011"),
    "customfield_10019",
)


@pytest.fixture
def world(
    sandbox: JiraSandbox,  # noqa: F811
    sqlite_store: Store,
    clock: SimulatedClock,
    tmp_path: Path,
) -> Iterator[Undoing]:
    made = Undoing(sqlite_store, jira_tracker(sandbox, clock), clock, tmp_path / "rules")
    yield made
    made.close()


def seen(sandbox: JiraSandbox, clock: SimulatedClock) -> dict[str, Any]:  # noqa: F811
    """What Jira shows of the only ticket, also of fields that nobody asks for."""
    looking = jira_tracker(sandbox, clock)
    looking.show(FIELDS)
    (ticket,) = sandbox.tickets()
    found = looking.read(ticket.key)
    fields = {id_: found.fields[id_] for id_ in FIELDS}
    return {**fields, "raw": ticket.description_raw, "status": found.status.name}


def writes(sandbox: JiraSandbox) -> int:  # noqa: F811
    """How many updates there were, done or not."""
    return sum(n for (method, path, _), n in sandbox.calls.items() if method == "PUT" and path)


def test_fields_of_each_form_are_put_back_as_they_were(
    world: Undoing,
    sandbox: JiraSandbox,  # noqa: F811
    clock: SimulatedClock,
) -> None:
    world.begin(A)
    (ticket,) = sandbox.tickets()
    person = sandbox.person
    person.edit(ticket.key, priority={"name": "Low"}, components=[{"name": "Dashboards"}])
    person.write_around(ticket.key, before="Ask the owner first.")
    before = seen(sandbox, clock)
    world.follow(EDITED)
    edited = seen(sandbox, clock)
    changed = {name for name in FIELDS if edited[name] != before[name]}
    assert changed == {*FIELDS} - {"summary"}, world.journal()
    # Another process undoes it, that knows the former rules alone and none of the other fields.
    other = Undoing.__new__(Undoing)
    other.__dict__ |= world.__dict__
    other.take_tracker(jira_tracker(sandbox, clock))
    assert set(other.verdicts().values()) == {"back"}
    assert len(other.verdicts()) == len(changed)
    count = writes(sandbox)
    other.undo()
    assert seen(sandbox, clock) == before
    assert writes(sandbox) == count + 1
    assert other.at_rest()


@pytest.mark.proof
def test_what_people_chose_since_stays(
    world: Undoing,
    sandbox: JiraSandbox,  # noqa: F811
    clock: SimulatedClock,
) -> None:
    world.begin(A)
    before = seen(sandbox, clock)
    world.follow(EDITED)
    (ticket,) = sandbox.tickets()
    sandbox.person.edit(
        ticket.key,
        priority={"name": "Highest"},
        customfield_10020="https://wiki.example.com/mine",
        components=[{"name": "Dashboards"}],
    )
    sandbox.person.write_around(ticket.key, after="Mine.")
    mine = seen(sandbox, clock)
    world.undo()
    after = seen(sandbox, clock)
    kept = ("priority", "customfield_10020", "components")
    assert {name: after[name] for name in kept} == {name: mine[name] for name in kept}
    *ours, last = after.pop("description").identities
    assert (tuple(ours), last) == (before.pop("description").identities, "Mine.")
    kept = (*kept, "raw")
    assert {n: v for n, v in after.items() if n not in kept} == {
        n: v for n, v in before.items() if n not in kept
    }
    assert world.at_rest()


@pytest.mark.proof
@pytest.mark.parametrize("lost", ["edit", "undo"])
def test_a_lost_reply_changes_nothing(
    world: Undoing,
    sandbox: JiraSandbox,  # noqa: F811
    clock: SimulatedClock,
    lost: str,
) -> None:
    world.begin(A)
    before = seen(sandbox, clock)
    for which, act in (("edit", lambda: world.follow(EDITED)), ("undo", world.undo)):
        if lost == which:
            sandbox.faults.add(Effect.DROP, method="PUT", path=r"/issue/", count=1, after=True)
        act()
    assert seen(sandbox, clock) == before
    assert world.at_rest()


def test_an_undo_costs_a_read_and_a_write_of_what_it_changes_and_nothing_else(
    world: Undoing,
    sandbox: JiraSandbox,  # noqa: F811
) -> None:
    world.begin("a", "b")
    world.deliver(issue_event("issue_closed", "b", at=50))
    world.settle()
    world.follow(EDITED)
    before = dict(sandbox.calls)
    world.undo()
    made = {
        (method, path): count - before.get((method, path, status), 0)
        for (method, path, status), count in sandbox.calls.items()
        if count != before.get((method, path, status), 0)
    }
    assert sum(made.values()) == 2, made
    before = dict(sandbox.calls)
    world.settle(within=86_400)
    assert dict(sandbox.calls) == before
