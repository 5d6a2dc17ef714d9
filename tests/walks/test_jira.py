"""The same walks over the real Jira adapter, against the simulated site in both dialects."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sync.adapters.jira import JiraSite, JiraTracker
from sync.sandbox.jira import Effect, JiraSandbox, SandboxTransport
from sync.sandbox.jira.ready_site import BOT
from sync.store.engine import Store, open_store
from sync.worker.adoption import Adoption
from sync.worker.foresight.why import story_of
from tests.walks.test_lifecycle import A
from tests.walks.world import RULES, SimulatedClock, World, issue_event


def jira_tracker(sandbox: JiraSandbox, clock: SimulatedClock) -> JiraTracker:
    """The adapter in front of a simulated site."""
    site = JiraSite(
        name="main",
        url="http://jira.sandbox",
        token="sandbox-token",
        email=BOT.email if sandbox.dialect.value == "cloud" else "",
        index_lag=30.0,
    )

    def mount(session: requests.Session) -> None:
        session.mount("http://jira.sandbox", SandboxTransport(sandbox))

    return JiraTracker(site, clock, mount)


@pytest.fixture(params=["cloud", "datacenter"])
def sandbox(request: pytest.FixtureRequest, clock: SimulatedClock) -> JiraSandbox:
    return JiraSandbox(request.param, clock, index_lag=20.0)


@pytest.fixture
def real(
    sandbox: JiraSandbox, sqlite_store: Store, clock: SimulatedClock, tmp_path: Path
) -> Iterator[World]:
    world = World(sqlite_store, jira_tracker(sandbox, clock), clock, tmp_path / "rules")
    yield world
    world.close()


def test_a_life_from_created_to_closed(real: World, sandbox: JiraSandbox) -> None:
    real.deliver(issue_event("issue_created", A, at=1, description="**Late** since _six_."))
    real.settle()
    (ticket,) = sandbox.tickets()
    assert ticket.summary == "orders is stale"
    assert "Late" in ticket.description
    assert len(ticket.remote_links) == 1
    real.deliver(issue_event("issue_updated", A, at=2, title="orders is very stale"))
    real.settle()
    real.deliver(
        issue_event(
            "issue_status_updated",
            A,
            at=3,
            title="orders is very stale",
            status="ISSUE_STATUS_INVESTIGATING",
        )
    )
    real.settle()
    (ticket,) = sandbox.tickets()
    assert (ticket.summary, ticket.status) == ("orders is very stale", "In Progress")
    real.deliver(issue_event("issue_closed", A, at=4, title="orders is very stale"))
    real.settle()
    (ticket,) = sandbox.tickets()
    assert (ticket.status, ticket.category) == ("Done", "done")
    assert [comment.text for comment in ticket.comments] == [
        "Being investigated.",
        "Closed upstream.",
    ]
    calls = sum(sandbox.calls.values())
    real.settle(within=86_400)
    assert sum(sandbox.calls.values()) == calls


def test_a_ticket_that_was_moved_is_found_by_its_old_key_as_well(
    real: World, sandbox: JiraSandbox
) -> None:
    real.deliver(issue_event("issue_created", A, at=1))
    real.settle()
    keys = [sandbox.tickets()[0].key]
    for at, project in enumerate(("OPS", "DATA"), 2):
        keys.append(sandbox.person.move(keys[-1], project))
        real.deliver(issue_event("issue_updated", A, at=at, title=f"late in {project}"))
        real.settle()
    (ticket,) = sandbox.tickets()
    assert (ticket.key, ticket.summary) == (keys[-1], "late in DATA")
    assert len(set(keys)) == 3
    with real.store.read() as session:
        found = [story_of(session, key) for key in keys]
    assert [one.ticket.jira_key for one in found if one and one.ticket] == [ticket.key] * 3


def test_a_description_edited_around_ours_keeps_both(real: World, sandbox: JiraSandbox) -> None:
    real.deliver(issue_event("issue_created", A, at=1))
    real.settle()
    (ticket,) = sandbox.tickets()
    if sandbox.dialect.value == "cloud":
        raw = ticket.description_raw
        note = {"type": "paragraph", "content": [{"type": "text", "text": "Ask the owner first."}]}
        sandbox.person.edit(ticket.key, description={**raw, "content": [note, *raw["content"]]})
    else:
        sandbox.person.edit(
            ticket.key, description=f"Ask the owner first.\n\n{ticket.description_raw}"
        )
    real.deliver(issue_event("issue_updated", A, at=2, description="Rows came back."))
    real.settle()
    (ticket,) = sandbox.tickets()
    assert "Ask the owner first." in ticket.description
    assert "Rows came back." in ticket.description
    assert "No new rows" not in ticket.description


@pytest.mark.parametrize("project", ["DATA", "OPS"])
def test_a_lost_reply_to_the_create_makes_one_ticket(
    real: World, sandbox: JiraSandbox, project: str
) -> None:
    real.write_rules(RULES.replace('"DATA"', f'"{project}"'))
    sandbox.faults.add(Effect.DROP, method="POST", path=r"/issue$", count=1, after=True)
    real.deliver(issue_event("issue_created", A, at=1))
    real.settle()
    assert len(sandbox.tickets()) == 1
    assert real.rows()[0].jira_key == sandbox.tickets()[0].key


@pytest.mark.parametrize("kind", ["issue", "incident"])
def test_a_store_that_was_emptied_finds_its_tickets_in_jira(
    real: World,
    sandbox: JiraSandbox,
    clock: SimulatedClock,
    tmp_path: Path,
    sqlite_template: Path,
    kind: str,
) -> None:
    """Before the search shows the newest of them, and by their markers."""
    sent = [_opened(kind, f"{A[:-1]}{number}") for number in range(3)]
    real.deliver(sent[0])
    real.settle()
    clock.sleep(25)
    real.deliver(*sent[1:])
    real.settle()
    assert len(sandbox.tickets()) == 3
    for name, marks in (("first.db", False), ("second.db", True)):
        shutil.copy(sqlite_template, tmp_path / name)
        store = open_store(f"sqlite:///{tmp_path / name}")
        world = World(store, real.tracker, clock, tmp_path / "rules")
        if marks:
            adoption = Adoption(store, world.tracker, world.rules(), clock, "coalesce", apply=True)
            assert [pair.fate.value for pair in adoption.marked()] == ["adopt"] * 3
        world.deliver(*sent)
        world.settle()
        assert len(sandbox.tickets()) == 3
        assert {row.jira_id for row in world.rows()} == {str(t.id) for t in sandbox.tickets()}
        world.close()
        store.close()


def _opened(kind: str, id_: str) -> dict[str, Any]:
    if kind == "issue":
        return issue_event("issue_created", id_, at=1, title=f"late {id_[-1]}")
    body = issue_event("incident_open", id_, at=1)
    message = {"incident_id": id_, "title": f"late {id_[-1]}"}
    return {**body, "incident_open": {"incident": message}}
