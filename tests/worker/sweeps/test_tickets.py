"""Jira's side: what people did to tickets is found in bulk, said once, and respected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.domain.subject import Status
from sync.domain.ticket import FAMILY_LABEL, TicketRef, marker_label
from sync.sandbox.memory import DONE, IN_PROGRESS, TO_DO, WONT_DO, MemoryTicket
from sync.store.tables import RunResult
from sync.worker.sweeps import tickets as module
from sync.worker.sweeps.tickets import TicketsSweep
from tests.worker.sweeps.build import RULES, Scene, issue


@pytest.fixture
def sweep(scene: Scene) -> TicketsSweep:
    return TicketsSweep(scene.store, scene.jira, scene.clock)


def made(scene: Scene, count: int = 3) -> list[MemoryTicket]:
    """Tickets for issues, known to Jira's index, and looked at once since."""
    scene.absorb(*(issue(n) for n in range(1, count + 1)))
    scene.settle()
    scene.clock.now += 60
    scene.absorb(*(issue(n, at=10, title=f"orders {n}") for n in range(1, count + 1)))
    scene.settle()
    scene.absorb(*(issue(n, at=20, title=f"orders {n} again") for n in range(1, count + 1)))
    scene.settle()
    return scene.jira.alive


def test_tickets_as_we_left_them_are_no_drift_and_are_read_once(
    scene: Scene, sweep: TicketsSweep
) -> None:
    made(scene)
    writes = dict(scene.writes())
    assert scene.found(sweep) == []
    assert scene.settle() == 0
    assert scene.writes() == writes


def test_a_moved_ticket_is_followed(scene: Scene, sweep: TicketsSweep) -> None:
    ticket = made(scene)[0]
    ticket.ref, ticket.project = TicketRef(ticket.ref.id, "OPS-9"), "OPS"
    assert scene.found(sweep) == ["wrong: DATA-1: moved: DATA-1 is now OPS-9"]
    scene.settle()
    assert [row.jira_key for row in scene.rows()] == ["OPS-9", "DATA-2", "DATA-3"]
    assert scene.found(sweep) == []


def test_a_closed_ticket_that_a_move_put_at_the_start_of_a_workflow_is_closed_there(
    scene: Scene, sweep: TicketsSweep
) -> None:
    ticket = made(scene)[0]
    scene.absorb(issue(1, at=50, status=Status.CLOSED))
    scene.settle()
    ticket.ref, ticket.project, ticket.status = TicketRef(ticket.ref.id, "OPS-9"), "OPS", TO_DO
    assert "wrong: DATA-1: moved: DATA-1 is now OPS-9" in scene.found(sweep)
    scene.settle()
    assert ticket.status == DONE
    assert scene.found(sweep) == []


def test_a_ticket_that_a_person_closed_is_said_once_and_stays_closed(
    scene: Scene, sweep: TicketsSweep
) -> None:
    ticket = made(scene)[1]
    ticket.status, ticket.resolution = WONT_DO, "Won't Do"
    assert scene.found(sweep) == ["wrong: DATA-2: closed by a person: Won't Do as Won't Do"]
    writes = dict(scene.writes())
    scene.settle()
    assert ticket.status == WONT_DO
    assert scene.writes() == writes
    assert scene.found(sweep) == []


def test_a_ticket_that_we_closed_is_no_drift(scene: Scene, sweep: TicketsSweep) -> None:
    made(scene)
    scene.absorb(issue(1, at=50, status=Status.CLOSED))
    scene.settle()
    assert scene.jira.alive[0].status == DONE
    assert scene.found(sweep) == []


def test_an_edit_stays_and_a_second_edit_is_said_again(scene: Scene, sweep: TicketsSweep) -> None:
    ticket = made(scene)[0]
    ticket.fields["summary"] = "mine"
    assert scene.found(sweep) == ["wrong: DATA-1: summary was edited"]
    scene.settle()
    assert scene.found(sweep) == []
    ticket.fields["summary"] = "mine, really"
    assert scene.found(sweep) == ["wrong: DATA-1: summary was edited"]
    scene.settle()
    assert ticket.fields["summary"] == "mine, really"
    assert scene.found(sweep) == []


def test_a_marker_label_that_was_taken_off_is_put_back(scene: Scene, sweep: TicketsSweep) -> None:
    ticket = made(scene)[0]
    ticket.fields["labels"] = ["theirs"]
    ticket.status = IN_PROGRESS
    assert scene.found(sweep) == [
        "wrong: DATA-1: its marker label was taken off",
        "wrong: DATA-1: moved by a person to In Progress",
    ]
    scene.settle()
    marker = marker_label("coalesce:issue:1")
    assert ticket.fields["labels"] == sorted([FAMILY_LABEL, "theirs", marker])
    assert scene.found(sweep) == [], "what was said of it before is not said again"


@pytest.mark.parametrize(("word", "alive"), [("recreate", 3), ("park", 2), ("ignore", 2)])
def test_a_deleted_ticket_is_found_and_dealt_with_as_the_rule_says(
    scene: Scene, sweep: TicketsSweep, word: str, alive: int
) -> None:
    rules = RULES.replace("ISSUES", "").replace('"Bug"', f'"Bug"\non_deleted = "{word}"')
    scene.write_rules(rules)
    made(scene)[0].deleted = True
    assert scene.found(sweep) == [
        "wrong: DATA-1: it is gone from Jira, or not visible to us any more"
    ]
    scene.settle()
    assert len(scene.jira.alive) == alive
    assert scene.found(sweep) == []
    assert scene.settle() == 0


def test_a_double_of_a_marker_is_reported_once_and_left_alone(
    scene: Scene, sweep: TicketsSweep
) -> None:
    ticket = made(scene)[0]
    clone = replace(ticket, ref=TicketRef("77", "DATA-77"), fields=dict(ticket.fields))
    scene.jira.tickets["77"] = clone
    report = scene.run(sweep)
    assert [(d.what, d.repaired) for d in report.tally.findings] == [("DATA-1", False)]
    assert "DATA-77 carries the marker of DATA-1 too" in report.tally.findings[0].words
    assert scene.found(sweep) == []
    assert not clone.deleted


def test_deleted_tickets_beyond_one_rounds_readings_are_found_by_later_rounds(
    scene: Scene, sweep: TicketsSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BULK", 2)
    monkeypatch.setattr(module, "CALLS", 2)
    made(scene, 9)[8].deleted = True
    calls = []
    found: list[str] = []
    for _ in range(3):
        before = scene.jira.calls["read_many"]
        found += scene.found(sweep)
        calls.append(scene.jira.calls["read_many"] - before)
    assert found == ["wrong: DATA-9: it is gone from Jira, or not visible to us any more"]
    assert calls[1] <= 2, "a round's readings are bounded, whatever exists"


def test_a_whole_project_gone_at_once_is_a_lost_permission_not_a_clean_up(
    scene: Scene, sweep: TicketsSweep
) -> None:
    for ticket in made(scene, 12):
        ticket.deleted = True
    report = scene.run(sweep)
    assert report.tally.total == 0
    assert report.tally.failed == 1
    assert "project DATA" in scene.runs()[0].words
    assert scene.settle() == 0


def test_a_site_that_is_down_is_not_swept(
    scene: Scene, sweep: TicketsSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(scene)
    calls = dict(scene.jira.calls)
    monkeypatch.setattr(scene.jira.health, "down", lambda: "the token is not accepted")
    assert scene.run(sweep).result is RunResult.FAILED
    assert dict(scene.jira.calls) == calls


def test_a_dry_run_shows_the_drift_and_touches_nothing(scene: Scene, sweep: TicketsSweep) -> None:
    ticket = made(scene)[0]
    ticket.fields["summary"] = "mine"
    assert scene.found(sweep, dry=True) == ["wrong: DATA-1: summary was edited"]
    assert scene.row("DATA-1").due_at is None
    assert scene.row("DATA-1").seen == ""
    assert len(scene.found(sweep)) == 1
