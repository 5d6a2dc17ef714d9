"""What people decide about the tickets of incidents and their issues."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.operations.accounts import on_command_line
from sync.operations.errors import Refused
from sync.operations.ticket_moves import Merging, Splitting, merge, split
from sync.store.engine import Store
from tests.worker.sweeps.build import Scene, incident, issue
from tests.worker.test_incidents import ticket, told

ME = on_command_line()
INCIDENT = "coalesce:incident:9"


@pytest.fixture
def scene(sqlite_store: Store, tmp_path: Path) -> Scene:
    """An incident's ticket with an issue on it, and the ticket of another issue."""
    made = Scene(sqlite_store, tmp_path / "rules", issues="issues = { on_ticket = true }")
    told(made, incident(9, [1]))
    made.absorb(issue(1), issue(2))
    made.settle()
    return made


def key(scene: Scene, ref: str) -> str:
    return ticket(scene, ref).ref.key


def test_an_issue_split_off_its_incidents_ticket_is_not_taken_back(scene: Scene) -> None:
    wish = Splitting(key(scene, INCIDENT), ["coalesce:issue:1"])
    split(scene.store, scene.rules(), ME, wish, scene.clock.time())
    scene.settle()
    told(scene, incident(9, []))
    told(scene, incident(9, [1, 3]))
    scene.absorb(issue(1, at=50, title="more of it"))
    scene.settle()
    own = ticket(scene, "coalesce:issue:1")
    assert own is not ticket(scene, INCIDENT)
    assert (own.project, own.fields["summary"]) == ("DATA", "more of it")
    assert len(scene.jira.alive) == 3


def test_an_issue_merged_onto_an_incidents_ticket_stays_there(scene: Scene) -> None:
    wish = Merging(key(scene, "coalesce:issue:2"), key(scene, INCIDENT))
    merge(scene.store, ME, wish, scene.clock.time())
    scene.settle()
    told(scene, incident(9, [1, 2]))
    told(scene, incident(9, []))
    assert ticket(scene, "coalesce:issue:2") is ticket(scene, INCIDENT)


def test_an_incident_is_not_put_among_issues_nor_taken_from_its_own(scene: Scene) -> None:
    wish = Merging(key(scene, INCIDENT), key(scene, "coalesce:issue:2"))
    with pytest.raises(Refused, match="An incident speaks for all that is on its ticket"):
        merge(scene.store, ME, wish, scene.clock.time())
    apart = Splitting(key(scene, INCIDENT), [INCIDENT])
    with pytest.raises(Refused, match="is the incident's own ticket"):
        split(scene.store, scene.rules(), ME, apart, scene.clock.time())
