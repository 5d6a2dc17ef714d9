"""A subject of which it is undecided which rule matches: it waits, and nothing is concluded."""

from __future__ import annotations

import pytest

from sync.rules import patterns
from sync.sandbox.memory import MemoryTracker
from tests.walks.world import RULES, World, issue_event

SLOW = RULES.replace('"everything"', '"slow"\nwhen = { title = "/(a|aa)+b/" }')
TITLE = "a" * 3_000


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SECOND_TRY", 0.1)


def created(world: World, name: str = "i1", **fields: str) -> None:
    world.deliver(issue_event("issue_created", name, at=1, **{"title": TITLE, **fields}))
    world.settle()


def test_it_waits_and_says_which_pattern_in_which_line(
    world_on_each_store: World, jira: MemoryTracker
) -> None:
    world = world_on_each_store
    world.write_rules(SLOW + RULES)
    created(world)
    (row,) = world.rows()
    assert row.parked is not None
    assert "/(a|aa)+b/ (rules.toml:4)" in row.parked["words"]
    assert row.due_at is not None, "it is tried again"
    (delivery,) = world.deliveries()
    assert (delivery.state, "rules.toml:4" in delivery.outcome) == ("triaged", True)
    assert not jira.alive, "no other rule makes a ticket of it"


def test_others_of_the_same_batch_get_their_tickets(world: World, jira: MemoryTracker) -> None:
    world.write_rules(SLOW + RULES)
    bodies = [issue_event("issue_created", f"s{n}", at=1, title=TITLE + str(n)) for n in range(40)]
    world.deliver(*bodies, issue_event("issue_created", "i2", at=1, title="aab"))
    world.settle()
    assert [ticket.fields["summary"] for ticket in jira.alive] == ["aab"]
    assert sum(row.parked_at is not None for row in world.rows()) == 40


def test_it_gets_its_ticket_once_its_text_is_another(world: World, jira: MemoryTracker) -> None:
    world.write_rules(SLOW + RULES)
    created(world)
    world.deliver(issue_event("issue_updated", "i1", at=2, title="orders"))
    world.settle()
    (ticket,) = jira.alive
    assert ticket.fields["summary"] == "orders"
    assert [row.state for row in world.rows()] == ["spared", "linked"]


def test_it_gets_its_ticket_once_the_rule_is_mended(world: World, jira: MemoryTracker) -> None:
    world.write_rules(SLOW + RULES)
    created(world)
    world.write_rules(SLOW.replace("(a|aa)+b", "a+b") + RULES)
    world.clock.sleep(86_400)
    world.settle()
    assert [row.rule for row in world.rows()] == ["", "everything"]
    assert len(jira.alive) == 1


def test_it_is_let_go_once_no_rule_matches_it(world: World, jira: MemoryTracker) -> None:
    world.write_rules(SLOW)
    created(world)
    world.write_rules(SLOW.replace("(a|aa)+b", "a+b"))
    world.clock.sleep(86_400)
    world.settle()
    (row,) = world.rows()
    assert (row.state, row.parked_at, row.due_at) == ("spared", None, None)
    assert not jira.alive
    world.write_rules(RULES)
    world.deliver(issue_event("issue_updated", "i1", at=2))
    world.settle()
    assert len(jira.alive) == 1


def test_a_ticket_that_is_there_is_not_closed_while_its_rule_is_undecided(
    world: World, jira: MemoryTracker
) -> None:
    created(world)
    (ticket,) = jira.alive
    world.write_rules(SLOW.replace('"slow"', '"another"'))
    world.deliver(issue_event("issue_closed", "i1", at=2, title=TITLE))
    world.settle()
    (row,) = world.rows()
    assert (row.state, row.parked_at is not None) == ("linked", True)
    assert jira.alive == [ticket]
    assert "rules.toml:4" in (row.parked or {})["words"]


def test_a_ticket_that_waits_to_be_made_is_not_made_once_its_rule_is_undecided(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(SLOW + RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\nhold = "1h"'))
    created(world, title="orders")
    world.deliver(issue_event("issue_updated", "i1", at=2, title=TITLE))
    world.clock.sleep(7_200)
    world.settle()
    assert not jira.alive
    assert [(row.state, row.parked_at is not None) for row in world.rows()] == [
        ("spared", False),
        ("unplaced", True),
    ]


def test_a_search_that_a_walk_can_end_holds_nothing_up(
    world: World, jira: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "FIRST_TRY", 1e-9)
    monkeypatch.setattr("sync.worker.triage.routing.SEARCHES", 0.0)
    monkeypatch.setattr("sync.worker.triage.batch.SEARCHES", 0.0)
    world.write_rules(SLOW + RULES)
    created(world, title="baab")
    assert [ticket.fields["summary"] for ticket in jira.alive] == ["baab"]
    assert [row.rule for row in world.rows()] == ["", "slow"]
