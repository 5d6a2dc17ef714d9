"""Whatever becomes invalid in Jira, alone or together: all else is done, and the park ends with it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sync.sandbox.jira import JiraSandbox, Ticket
from sync.sandbox.jira.site.model import Project
from sync.sandbox.jira.site.state import Site
from sync.store.engine import Store
from sync.store.tables import TicketRow
from tests.walks.test_invalid import INVALID, MANY_FIELDS
from tests.walks.test_invalid import sandbox as sandbox
from tests.walks.test_jira import jira_tracker
from tests.walks.world import SimulatedClock, World, issue_event

# What the rule gives for a trigger named "a", as the simulated Jira shows it.
WISHED = {
    "summary": "customers is stale",
    "priority": "High",
    "assignee": "On-Call Engineer",
    "components": "Warehouse",
    "versions": "2026.1",
    "duedate": "2030-01-31",
    "customfield_10015": "High",
    "customfield_10016": "Finance",
    "customfield_10017": "Warehouse - Models",
    "customfield_10010": "a disk",
    "customfield_10012": "3.0",
    "customfield_10018": "On-Call Engineer",
}
# The fields that each may keep from being written, beside the one that it names.
TOUCHES = {
    "the person left": {"assignee", "customfield_10018"},
    "the account was erased": {"assignee", "customfield_10018"},
    "the field was renamed": {"customfield_10010"},
    "the field was deleted": {"customfield_10010"},
    "priority off the screens": {"priority"},
    "no permission to edit": {*WISHED, "description"},
}
# Fields whose values belong to a project.
OF_A_PROJECT = {"components", "versions"}
ELSEWHERE = ["OPS", "FLOW", "GOV", "TEAM"]
CONFIGURED = ("users", "types", "fields", "priorities", "projects")


def _not_there(project: Project, type_id: str) -> set[str]:
    """What of the rule cannot be written to a ticket that a person moved to this project."""
    there = {item.field for item in project.edit_screens[type_id]}
    return OF_A_PROJECT | (WISHED.keys() - there)


def _parked(row: TicketRow) -> dict[str, str]:
    """The words about each parked field, by id."""
    fields = (row.parked or {}).get("fields", {})
    return {"customfield_10010" if n == "Root cause" else n: o["words"] for n, o in fields.items()}


def _configured(site: Site) -> dict[str, Any]:
    return {name: deepcopy(getattr(site, name)) for name in CONFIGURED}


def _restore(site: Site, before: dict[str, Any]) -> None:
    """Let everything be valid again. Keys of tickets that were made meanwhile are not given again."""
    counters = {key: project.counter for key, project in site.projects.items()}
    for name, value in before.items():
        setattr(site, name, value)
    for key, counter in counters.items():
        site.projects[key].counter = counter


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(data=st.data())
def test_a_ticket_is_closed_and_exactly_what_is_invalid_is_parked_until_it_is_valid_again(
    sandbox: JiraSandbox, store: Store, clock: SimulatedClock, tmp_path: Path, data: Any
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(INVALID), max_size=3, unique_by=lambda i: i.name))
    moved_to = data.draw(st.sampled_from(["", *ELSEWHERE]))
    name = f"i{len(sandbox.tickets())}"
    site, before = sandbox.site, _configured(sandbox.site)
    world = World(store, jira_tracker(sandbox, clock), clock, tmp_path / "rules", MANY_FIELDS)
    try:
        world.deliver(issue_event("issue_created", name, at=1, trigger_name="b"))
        world.settle()
        for one in chosen:
            one.happens(site)
        if moved_to:
            sandbox.person.move(sandbox.tickets()[-1].key, moved_to)
        clock.sleep(7200)
        text = {"title": WISHED["summary"], "description": "Anew."}
        world.deliver(issue_event("issue_closed", name, at=2, trigger_name="a", **text))
        world.settle()

        ticket, row = sandbox.tickets()[-1], world.rows()[-1]
        assert (ticket.category, row.parked_at, row.error) == ("done", None, "")
        assert [comment.text for comment in ticket.comments] == ["Closed upstream."]
        touched = {one.field for one in chosen}.union(*(TOUCHES.get(o.name, ()) for o in chosen))
        if {"no permission to create", "summary off the edit screen"} <= {o.name for o in chosen}:
            # What is on the create screen, Jira tells only those who may create.
            touched.add("summary")
        if moved_to:
            touched |= _not_there(site.projects[moved_to], site.find(ticket.key).type)  # type: ignore[union-attr]
        parked = _parked(row)
        assert parked.keys() <= touched
        assert all("rules.toml:" in words for words in parked.values())
        # A field of the create screen alone is left, with a note.
        set_once = {"summary"} if "summary off the edit screen" in map(str, chosen) else set()
        for field, value in WISHED.items():
            written = _shown(ticket)[field] == value
            assert written or field in parked.keys() | set_once, field
            assert not (written and field in parked), field

        _restore(site, before)
        if moved_to:
            sandbox.person.move(ticket.key, "DATA")
        for _ in range(8):
            clock.sleep(6 * 3600)
            world.settle()
        ticket, row = sandbox.tickets()[-1], world.rows()[-1]
        assert (row.parked, row.error) == (None, "")
        assert {f: _shown(ticket)[f] for f in parked if f in WISHED} == {
            f: WISHED[f] for f in parked if f in WISHED
        }
        assert ticket.category == "done" or not parked
        calls = sum(sandbox.calls.values())
        clock.sleep(24 * 3600)
        world.settle()
        assert sum(sandbox.calls.values()) == calls
    finally:
        _restore(site, before)
        world.close()


def _shown(ticket: Ticket) -> dict[str, str]:
    return {field: ticket.fields.get(field, "") for field in WISHED}
