"""Incidents and groups: what a person does with one ticket is told of each of its subjects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.sandbox.coalesce.subjects import Issue
from sync.sandbox.memory_ticket import DONE, IN_PROGRESS, TO_DO, MemoryTicket
from sync.store.engine import Store
from tests.walks.both_ways import ANNA, IN_REVIEW, BothWays, both_ways, quiet, telling

REOPENED = telling().replace('issue_type = "Bug"', 'issue_type = "Bug"\nreopen_within = "10m"', 1)
ON_TICKET = telling() + "\n[rule.issues]\non_ticket = true\n"
GROUPED = telling().replace('issue_type = "Bug"', 'issue_type = "Bug"\ngroup_by = "workspace"', 1)


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules") as made:
        yield made


@pytest.fixture
def grouped(world: BothWays) -> BothWays:
    world.write_rules(GROUPED)
    return world


def three(world: BothWays) -> tuple[list[Issue], MemoryTicket]:
    issues = [world.sandbox.open_issue() for _ in range(3)]
    world.settle()
    (ticket,) = world.jira.alive
    return issues, ticket


def events(world: BothWays, type_: str = "issue_status_updated") -> int:
    return [event["type"] for event in world.sandbox.events].count(type_)


def test_an_incident_is_cancelled_as_what_nobody_will_do(world: BothWays) -> None:
    incident = world.sandbox.open_incident([])
    world.settle()
    ticket = world.jira.alive[-1]
    world.act(ticket, DONE, resolution="Won't Do")
    world.settle()
    assert (incident.state, ticket.status) == ("cancelled", DONE)
    quiet(world)


def test_an_incident_that_its_ticket_opens_again_much_later_gets_no_second_ticket(
    world: BothWays,
) -> None:
    world.write_rules(REOPENED)
    incident = world.sandbox.open_incident([])
    world.settle()
    (ticket,) = world.jira.alive
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    assert incident.state == "closed"
    world.clock.sleep(7200)
    world.act(ticket, IN_PROGRESS, resolution="")
    world.settle()
    assert incident.state == "open"
    assert (world.jira.alive, ticket.status) == ([ticket], IN_PROGRESS)
    quiet(world)
    # Opened again by somebody upstream, it does.
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    world.clock.sleep(7200)
    world.sandbox.reopen_incident(incident.id)
    world.settle()
    assert (len(world.jira.alive), ticket.status) == (2, DONE)


def test_an_incident_that_was_closed_a_second_before_counts_as_done(world: BothWays) -> None:
    incident = world.sandbox.open_incident([])
    world.settle()
    ticket = world.jira.alive[-1]
    world.act(ticket, DONE, resolution="Done")
    world.clock.sleep(14)
    world.step()
    world.sandbox.close_incident(incident.id)
    world.clock.sleep(1)
    world.step()
    world.settle()
    assert (incident.state, ticket.status, events(world, "incident_closed")) == ("closed", DONE, 1)
    assert not [row for row in world.rows() if row.parked]
    quiet(world)


@pytest.mark.parametrize("fault", [{"status": 429, "retry_after": 7.0}, {"status": 403}])
def test_the_ticket_of_an_incident_ends_it_and_marks_each_of_its_open_issues_once(
    world: BothWays, fault: dict[str, float]
) -> None:
    world.write_rules(ON_TICKET)
    issues = [world.sandbox.open_issue() for _ in range(4)]
    incident = world.sandbox.open_incident([one.id for one in issues])
    world.settle()
    (ticket,) = world.jira.alive
    world.sandbox.close_issue(issues[3].id)
    world.settle()
    world.upstream.rest.faults.add(path="close", count=1, **fault)
    world.act(ticket, DONE, resolution="Done")
    places = []
    for _ in range(6):
        world.clock.sleep(10)
        world.step()
        world.send()
        places.append(ticket.status)
    world.settle()
    assert incident.state == ("closed" if fault["status"] == 429 else "open")
    assert [one.status for one in issues] == ["fixed", "fixed", "fixed", ""]
    assert (set(places), events(world)) == ({DONE}, 3)
    quiet(world)


def test_a_group_is_marked_whole_through_faults_and_who_joins_is_marked_by_the_next_close(
    grouped: BothWays,
) -> None:
    issues, ticket = three(grouped)
    faults = grouped.upstream.rest.faults
    faults.add(path=issues[1].id, count=1, status=429, retry_after=7.0)
    faults.add(path=issues[1].id, count=1, status=0, after=True)
    grouped.act(ticket, DONE, resolution="Done")
    places = []
    for number in range(12):
        grouped.clock.sleep(5)
        grouped.step()
        grouped.send()
        if number == 3:
            late = grouped.sandbox.open_issue()
        places.append(ticket.status)
    grouped.settle(within=3600)
    assert [one.status for one in issues] == ["fixed"] * 3
    assert (set(places), events(grouped), late.status) == ({DONE}, 3, "")
    assert len(grouped.jira.alive) == 1
    quiet(grouped)
    grouped.act(ticket, IN_PROGRESS, resolution="")
    grouped.settle()
    grouped.act(ticket, DONE, resolution="Done")
    grouped.settle()
    assert [one.status for one in (*issues, late)] == ["fixed"] * 4
    quiet(grouped)


def test_reopening_a_group_takes_off_only_what_its_ticket_had_marked(grouped: BothWays) -> None:
    issues, ticket = three(grouped)
    grouped.sandbox.mark(issues[0].id, "expected")
    grouped.sandbox.close_issue(issues[1].id)
    grouped.settle()
    grouped.act(ticket, DONE, resolution="Done")
    grouped.settle()
    assert [one.status for one in issues] == ["expected", "", "fixed"]
    grouped.clock.sleep(60)
    grouped.act(ticket, TO_DO, resolution="")
    grouped.settle()
    assert [one.status for one in issues] == ["expected", "", ""]
    assert ticket.status == TO_DO
    quiet(grouped)


def test_a_mark_of_one_issue_that_brings_its_group_nowhere_moves_nothing(world: BothWays) -> None:
    named = GROUPED.replace('{ category = "indeterminate" }', '"In Progress"', 1)
    world.write_rules(named)
    issues, ticket = three(world)
    world.act(ticket, IN_REVIEW)
    world.settle()
    assert [one.status for one in issues] == ["investigating"] * 3
    world.clock.sleep(60)
    world.sandbox.mark(issues[0].id, "expected")
    world.settle()
    assert (ticket.status, issues[0].status, issues[1].status) == (
        IN_REVIEW,
        "expected",
        "investigating",
    )
    quiet(world)


def test_a_ticket_that_closes_with_the_incident_of_its_issue_marks_nothing(world: BothWays) -> None:
    world.write_rules(telling() + "\n[rule.issues]\nclose = true\n")
    issue, ticket = world.opened()
    world.act(ticket, IN_PROGRESS)
    world.settle()
    incident = world.sandbox.open_incident([issue.id])
    world.settle()
    own = world.jira.alive[-1]
    assert own is not ticket
    world.clock.sleep(60)
    world.act(own, DONE, resolution="Done")
    world.settle()
    assert (incident.state, own.status, ticket.status) == ("closed", DONE, DONE)
    assert (issue.status, events(world)) == ("investigating", 1)
    quiet(world)
    world.clock.sleep(60)
    ticket.resolve("Won't Do", world.clock.time(), ANNA)
    world.look()
    world.settle()
    assert issue.status == "no_action_needed"
    quiet(world)
