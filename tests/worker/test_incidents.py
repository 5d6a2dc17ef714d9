"""Incidents and their issues: links kept right, issues on the incident's ticket, closing together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from sync.domain.errors import Refused, Unknown
from sync.domain.rule import Desired, TicketLink
from sync.domain.subject import Snapshot, Status, merge_from_api
from sync.domain.ticket import Base, Draft
from sync.sandbox.memory import MemoryTicket, MemoryTracker
from sync.store.engine import Store
from tests.contracts.trackers import links_of
from tests.worker.sweeps.build import Scene, SimulatedClock, incident, issue

Make = Callable[[str], Scene]


@pytest.fixture
def make(sqlite_store: Store, tmp_path: Path) -> Make:
    return lambda issues: Scene(sqlite_store, tmp_path / "rules", issues=issues)


def told(scene: Scene, *snapshots: Snapshot) -> None:
    """Let the API have told of these."""
    with scene.store.write() as session:
        scene.triage.merge_snapshots(session, list(snapshots), merge=merge_from_api)
    scene.settle()


def ticket(scene: Scene, ref: str) -> MemoryTicket:
    jira_id = scene.row(ref).jira_id
    assert jira_id is not None
    return scene.jira.tickets[jira_id]


def linked(scene: Scene, ref: str) -> set[TicketLink]:
    return set(links_of(scene.jira, ticket(scene, ref).ref.id))


LINK = 'issues = { link = "Relates" }'


def test_an_incidents_ticket_is_linked_with_those_of_its_issues(make: Make) -> None:
    scene = make(LINK)
    scene.absorb(issue(1), issue(2), issue(3), incident(9))
    scene.settle()
    assert linked(scene, "coalesce:incident:9") == set(), "webhooks do not tell who belongs to it"
    told(scene, incident(9, [1, 2]))
    keys = [ticket(scene, f"coalesce:issue:{n}").ref.key for n in (1, 2)]
    assert linked(scene, "coalesce:incident:9") == {TicketLink("Relates", key) for key in keys}


def test_the_direction_is_the_rules(make: Make) -> None:
    scene = make('issues = { link = "Blocks", direction = "inward" }')
    told(scene, issue(1), incident(9, [1]))
    key = ticket(scene, "coalesce:issue:1").ref.key
    assert linked(scene, "coalesce:incident:9") == {TicketLink("Blocks", key, outward=False)}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_link_whose_reply_was_lost_is_there_once(
    make: Make, moment: Literal["before", "after"]
) -> None:
    scene = make(LINK)
    told(scene, issue(1), issue(2), incident(9, []))
    for _ in range(2):
        scene.jira.fail("link_tickets", lambda: Unknown("the reply was lost"), moment)
    told(scene, incident(9, [1, 2]))
    keys = {ticket(scene, f"coalesce:issue:{n}").ref.key for n in (1, 2)}
    assert {link.other for link in linked(scene, "coalesce:incident:9")} == keys


def test_a_link_whose_reply_was_lost_and_that_is_then_refused_is_there_once(make: Make) -> None:
    scene = make(LINK)
    told(scene, issue(1), incident(9, []))
    scene.jira.fail("link_tickets", lambda: Unknown("the reply was lost"), "after")
    scene.jira.fail("link_tickets", lambda: Refused("not now"))
    told(scene, incident(9, [1]))
    assert scene.jira.calls["link_tickets"] == 3
    assert len(linked(scene, "coalesce:incident:9")) == 1


def test_issues_that_join_and_leave_are_linked_and_unlinked(make: Make) -> None:
    scene = make(LINK)
    told(scene, issue(1), issue(2), issue(3), incident(9, [1, 2]))
    told(scene, incident(9, [2, 3]))
    keys = [ticket(scene, f"coalesce:issue:{n}").ref.key for n in (2, 3)]
    assert {link.other for link in linked(scene, "coalesce:incident:9")} == set(keys)
    told(scene, incident(9, []))
    assert linked(scene, "coalesce:incident:9") == set()


def test_an_issue_that_moves_from_one_incident_to_another_moves_its_link(make: Make) -> None:
    scene = make(LINK)
    told(scene, issue(1), issue(2), incident(8, [1, 2]), incident(9, []))
    told(scene, incident(8, [1]), incident(9, [2]))
    one, two = (ticket(scene, f"coalesce:issue:{n}").ref.key for n in (1, 2))
    assert {link.other for link in linked(scene, "coalesce:incident:8")} == {one}
    assert {link.other for link in linked(scene, "coalesce:incident:9")} == {two}


def test_the_link_comes_once_the_issues_ticket_has_its_key(make: Make) -> None:
    scene = make(LINK)
    told(scene, incident(9, [1]))
    assert linked(scene, "coalesce:incident:9") == set()
    scene.absorb(issue(1))
    scene.settle()
    assert {link.other for link in linked(scene, "coalesce:incident:9")} == {
        ticket(scene, "coalesce:issue:1").ref.key
    }


def test_once_linked_nothing_more_is_written(make: Make) -> None:
    scene = make(LINK)
    told(scene, issue(1), incident(9, [1]))
    writes = dict(scene.writes())
    told(scene, incident(9, [1]), issue(1))
    scene.absorb(incident(9, at=5))
    scene.settle()
    assert scene.writes() == writes


def test_issues_go_on_the_incidents_ticket_where_the_rule_says_so(make: Make) -> None:
    scene = make("issues = { on_ticket = true }")
    told(scene, incident(9, [1, 2]))
    scene.absorb(issue(1), issue(2), issue(3))
    scene.settle()
    assert len(scene.jira.alive) == 2
    assert scene.row("coalesce:issue:1").id == scene.row("coalesce:incident:9").id
    assert scene.row("coalesce:issue:3").id != scene.row("coalesce:incident:9").id
    assert ticket(scene, "coalesce:incident:9").fields["summary"] == "a big one"


def test_an_issue_whose_ticket_is_not_made_yet_is_taken_onto_the_incidents(make: Make) -> None:
    scene = make("issues = { on_ticket = true }")
    scene.absorb(issue(1))
    told(scene, incident(9, [1]))
    assert [t.fields["summary"] for t in scene.jira.alive] == ["a big one"]
    assert scene.row("coalesce:issue:1").state == "spared"


def test_an_issue_taken_onto_the_incidents_ticket_while_its_own_is_about_to_be_made_has_no_other(
    sqlite_store: Store, tmp_path: Path
) -> None:
    def its_incident_is_told_of() -> None:
        with sqlite_store.write() as session:
            told_now = [incident(9, [1], at=5)]
            scene.triage.merge_snapshots(session, told_now, merge=merge_from_api)

    class Drafting(MemoryTracker):
        """Something happens while Jira is asked what its fields are."""

        meanwhile: Callable[[], None] | None = None

        def draft(self, desired: Desired, *, base: Base | None = None, anew: bool = False) -> Draft:
            if self.meanwhile is not None:
                meanwhile, self.meanwhile = self.meanwhile, None
                meanwhile()
            return super().draft(desired, base=base, anew=anew)

    jira = Drafting(SimulatedClock())
    rules = "issues = { on_ticket = true }"
    scene = Scene(sqlite_store, tmp_path / "rules", issues=rules, tracker=jira)
    scene.absorb(incident(9))
    scene.settle()
    scene.absorb(issue(1))
    jira.meanwhile = its_incident_is_told_of
    scene.settle()
    assert [t.project for t in jira.alive] == ["INC"]
    own = next(row for row in scene.rows() if row.key == "coalesce:issue:1")
    assert (own.state, own.due_at, own.lease_owner) == ("spared", None, None)


@pytest.mark.parametrize("walked", [True, False], ids=["walked", "due"])
@pytest.mark.parametrize("call", ["create", "link_remote"])
def test_an_issue_that_joins_an_incident_while_its_ticket_is_made_is_linked_with_it(
    sqlite_store: Store, tmp_path: Path, call: str, walked: bool
) -> None:
    """Also where the incident's ticket is walked at once, and finds no ticket of the issue yet."""

    class Calling(MemoryTracker):
        """Something happens while a call is under way."""

        meanwhile: Callable[[], None] | None = None

        @contextmanager
        def _call(self, name: str) -> Iterator[None]:
            with super()._call(name):
                yield
            if name == call and self.meanwhile is not None:
                meanwhile, self.meanwhile = self.meanwhile, None
                meanwhile()

    def it_joins() -> None:
        with sqlite_store.write() as session:
            told_now = [incident(9, [1], at=5)]
            scene.triage.merge_snapshots(session, told_now, merge=merge_from_api)
        if walked:
            scene.settle()

    jira = Calling(SimulatedClock())
    scene = Scene(sqlite_store, tmp_path / "rules", issues=LINK, tracker=jira)
    scene.absorb(incident(9))
    scene.settle()
    one = issue(1)
    scene.absorb(replace(one, payload={**one.payload, "issue_url": "https://example.com/1"}))
    jira.meanwhile = it_joins
    scene.settle()
    key = ticket(scene, "coalesce:issue:1").ref.key
    assert linked(scene, "coalesce:incident:9") == {TicketLink("Relates", key)}
    assert (jira.calls["create"], jira.meanwhile) == (2, None)


def test_an_issue_that_has_a_ticket_in_jira_keeps_it(make: Make) -> None:
    scene = make('issues = { on_ticket = true, link = "Relates" }')
    scene.absorb(issue(1))
    scene.settle()
    told(scene, incident(9, [1]))
    assert len(scene.jira.alive) == 2
    assert len(linked(scene, "coalesce:incident:9")) == 1


def test_an_issue_that_leaves_gets_a_ticket_of_its_own(make: Make) -> None:
    scene = make("issues = { on_ticket = true }")
    told(scene, incident(9, [1]))
    scene.absorb(issue(1))
    scene.settle()
    told(scene, incident(9, []))
    assert len(scene.jira.alive) == 2
    assert ticket(scene, "coalesce:issue:1").project == "DATA"


def test_the_incident_alone_decides_when_its_ticket_closes(make: Make) -> None:
    scene = make("issues = { on_ticket = true }")
    told(scene, incident(9, [1]))
    scene.absorb(issue(1), issue(1, at=5, status=Status.CLOSED))
    scene.settle()
    assert ticket(scene, "coalesce:incident:9").status.name == "To Do"
    scene.absorb(incident(9, at=9, status=Status.CLOSED))
    scene.settle()
    assert ticket(scene, "coalesce:incident:9").status.name == "Done"


def test_closing_the_incident_closes_its_issues_tickets_where_the_rule_says_so(make: Make) -> None:
    scene = make("issues = { close = true }")
    told(scene, issue(1), issue(2), incident(9, [1]))
    scene.absorb(incident(9, at=9, status=Status.CLOSED))
    scene.settle()
    assert ticket(scene, "coalesce:issue:1").status.name == "Done"
    assert ticket(scene, "coalesce:issue:2").status.name == "To Do"
    told(scene, replace(incident(9, [1], at=20)))
    assert ticket(scene, "coalesce:issue:1").status.name == "To Do", "and it came back with it"


def test_an_issues_ticket_that_was_deleted_does_not_park_the_incidents(make: Make) -> None:
    scene = make(LINK)
    told(scene, issue(1))
    ticket(scene, "coalesce:issue:1").deleted = True
    told(scene, incident(9, [1]))
    assert scene.row("coalesce:incident:9").parked is None


PARENT = 'issues = { link = "parent" }'


def test_issues_tickets_become_children_where_the_rule_says_so(make: Make) -> None:
    scene = make(PARENT)
    scene.absorb(issue(1), issue(2))
    scene.settle()
    told(scene, incident(9, [1]))
    key = ticket(scene, "coalesce:incident:9").ref.key
    assert ticket(scene, "coalesce:issue:1").fields["parent"] == key
    assert "parent" not in ticket(scene, "coalesce:issue:2").fields
    assert linked(scene, "coalesce:incident:9") == set()
    told(scene, incident(9, [2]))
    assert not ticket(scene, "coalesce:issue:1").fields["parent"]
    assert ticket(scene, "coalesce:issue:2").fields["parent"] == key


def test_an_issue_that_comes_after_its_incident_is_made_a_child_at_once(make: Make) -> None:
    scene = make(PARENT)
    told(scene, incident(9, [1]))
    scene.absorb(issue(1))
    scene.settle()
    assert ticket(scene, "coalesce:issue:1").fields["parent"] == (
        ticket(scene, "coalesce:incident:9").ref.key
    )
    writes = dict(scene.writes())
    told(scene, incident(9, [1]))
    assert scene.writes() == writes


def deleted(scene: Scene, ref: str) -> None:
    """A person deletes a ticket, and a walk finds out."""
    ticket(scene, ref).deleted = True
    scene.absorb(incident(9, at=3, title="other"))
    scene.settle()
    assert scene.row(ref).state == "gone"


def test_an_issue_that_joins_an_incident_without_its_ticket_gets_one_of_its_own(make: Make) -> None:
    scene = make('on_deleted = "ignore"\nissues = { on_ticket = true }')
    told(scene, incident(9))
    deleted(scene, "coalesce:incident:9")
    told(scene, incident(9, [1], at=5))
    scene.absorb(issue(1))
    scene.settle()
    told(scene, incident(9, [1, 2], at=6))
    scene.absorb(issue(2))
    scene.settle()
    assert [t.project for t in scene.jira.alive] == ["DATA", "DATA"]


def test_an_issue_that_waits_is_not_taken_onto_a_ticket_that_was_deleted(make: Make) -> None:
    scene = make('on_deleted = "ignore"\nissues = { on_ticket = true }')
    told(scene, incident(9))
    deleted(scene, "coalesce:incident:9")
    scene.absorb(issue(1))
    told(scene, incident(9, [1], at=5))
    assert [t.project for t in scene.jira.alive] == ["DATA"]


def test_no_ticket_is_put_under_one_that_was_deleted(make: Make) -> None:
    scene = make(f'on_deleted = "ignore"\n{PARENT}')
    told(scene, incident(9))
    deleted(scene, "coalesce:incident:9")
    told(scene, issue(1), incident(9, [1], at=5))
    assert not ticket(scene, "coalesce:issue:1").fields.get("parent")
