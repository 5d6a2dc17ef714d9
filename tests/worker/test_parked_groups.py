"""Parked tickets: the line of the key at fault, and one group for one cause."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.adapters.jira import JiraSite, JiraTracker
from sync.cli.parked import as_data
from sync.operations.parked import said_of
from sync.sandbox.jira import JiraSandbox, SandboxTransport
from sync.sandbox.jira.ready_site import BOT
from sync.store import parking
from sync.store.engine import Store
from tests.walks.world import SimulatedClock, World, issue_event

URL = "http://jira.sandbox"

RULES = """\
[[rule]]
name = "r"
project = "{project}"
issue_type = "{kind}"

[rule.fields]
summary = "{{{{ subject.title }}}}"
description = ""
{field}
[rule.status]
fixed = {{ category = "done", prefer = ["Done"] }}

closed = {{ {closed} }}
"""


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[World]:
    clock = SimulatedClock()
    jira = JiraSandbox("cloud", clock)
    site = JiraSite("main", URL, BOT.secret, email=BOT.email, deployment="cloud")
    tracker = JiraTracker(site, clock, lambda session: session.mount(URL, SandboxTransport(jira)))
    world = World(sqlite_store, tracker, clock, tmp_path / "mappings")
    world.jira = jira  # type: ignore[attr-defined]
    yield world
    world.close()


def rules(
    field: str = "", kind: str = "Bug", project: str = "DATA", closed: str = 'category = "done"'
) -> str:
    return RULES.format(field=field, kind=kind, project=project, closed=closed)


AT_FAULT = {
    "a field": (rules('priority = "Hihgest"'), 9, "fields.priority"),
    "a custom field by id": (rules('customfield_10015 = "Hgih"'), 9, "fields.customfield_10015"),
    "a field under its display name": (rules('"Fix versions" = "9"'), 9, "fields.Fix versions"),
    "a field that is not there": (rules('"No such" = "9"'), 9, "fields.No such"),
    "an item of a list": (rules('components = ["Ingestion",\n "Roof"]'), 9, "fields.components"),
    "a template": (
        rules('"Affected rows" = "{{ subject.title }}"'), 9, "fields.Affected rows",
    ),
    "what Jira alone refuses": (rules('parent = "DATA-999"'), 9, "fields.parent"),
    "the issue type": (rules(kind="Bugg"), 4, "issue_type"),
    "the project": (rules(project="DATO"), 3, "project"),
}  # fmt: skip


@pytest.mark.parametrize("name", AT_FAULT)
def test_a_parked_ticket_names_the_line_of_the_key_at_fault(world: World, name: str) -> None:
    text, line, key = AT_FAULT[name]
    world.write_rules(text)
    world.deliver(issue_event("issue_created", "one", at=0))
    world.settle()
    (cause,) = parking.causes(world.rows()[0])
    assert (cause["where"], cause["key"]) == (f"rules.toml:{line}", key)


def test_a_way_that_does_not_exist_names_the_line_of_its_status(world: World) -> None:
    world.write_rules(rules(closed='status = "Nowhere"'))
    world.deliver(issue_event("issue_created", "one", at=0))
    world.settle()
    world.deliver(issue_event("issue_closed", "one", at=60))
    world.settle()
    parked = world.rows()[0].parked
    assert parked is not None
    assert (parked["where"], parked["key"]) == ("rules.toml:13", "status.closed")


def test_tickets_parked_for_one_cause_are_one_group_whatever_their_values(world: World) -> None:
    world.write_rules(rules('"Fix versions" = "{{ subject.title }}"'))
    for number in range(4):
        title = f"release {number}"
        world.deliver(issue_event("issue_created", f"i{number}", at=number, title=title))
    world.settle()
    with world.store.read() as session:
        rows = parking.parked(session)
        (group,) = parking.grouped(rows)
        assert len(group.rows) == 4
        assert group.values == [f"release {number}" for number in range(4)]
        for row in rows:
            (data,) = as_data(row)["fields"]
            assert (data["field"], data["rule_key"]) == ("Fix versions", "fields.Fix versions")
            assert data["value"].startswith("release ")
            assert "release" not in data["reason"]
            assert "2026.1, 2026.2" in data["remedy"]
        assert "'release 0'" in said_of(group)


def test_words_with_the_ticket_key_in_them_are_still_one_group(world: World) -> None:
    world.write_rules(rules(closed='status = "Nowhere"'))
    for number in range(3):
        world.deliver(issue_event("issue_created", f"i{number}", at=number))
    world.settle()
    for number in range(3):
        world.deliver(issue_event("issue_closed", f"i{number}", at=60 + number))
    world.settle()
    with world.store.read() as session:
        (group,) = parking.grouped(parking.parked(session))
        assert len(group.rows) == 3
