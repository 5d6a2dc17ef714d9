"""A subject whose rule fails to say which ticket it belongs on: set aside, and placed once it can."""

from __future__ import annotations

from sync.sandbox.memory import MemoryTracker
from sync.store import parking
from tests.walks.test_generations import ruled
from tests.walks.world import World, issue_event

# Fails for a title of four letters.
FAILING = ruled('group_by = "{{ 1 // (subject.title | length - 4) }}"')
MENDED = ruled('group_by = "trigger"')


def unplaced(world: World, name: str = "i1", **fields: str) -> None:
    body = issue_event("issue_created", name, at=1, title="four", trigger_name="t", **fields)
    world.deliver(body)
    world.settle()


def test_it_is_set_aside_in_words_and_tried_again_by_itself(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(FAILING)
    unplaced(world)
    (row,) = world.rows()
    assert row.parked is not None
    assert (row.parked["rule"], row.parked["where"]) == ("everything", "rules.toml:6")
    assert "group_by" in row.parked["words"]
    assert row.due_at is not None
    assert row.due_at > world.clock.time()
    world.clock.sleep(86_400)
    assert world.step() == 1
    assert not jira.alive


def test_what_happens_to_it_meanwhile_makes_no_ticket(world: World, jira: MemoryTracker) -> None:
    world.write_rules(FAILING)
    unplaced(world)
    for type_, at in (("issue_updated", 2), ("issue_closed", 3), ("issue_updated", 4)):
        world.deliver(issue_event(type_, "i1", at=at, title="four", description=f"{at}"))
        world.settle()
    (row,) = world.rows()
    assert (row.state, row.parked_at is not None) == ("unplaced", True)
    assert not jira.alive


def test_it_joins_its_group_once_the_rule_is_mended(
    world_on_each_store: World, jira: MemoryTracker
) -> None:
    world = world_on_each_store
    world.write_rules(FAILING)
    unplaced(world)
    world.write_rules(MENDED)
    parking.retry_parked(world.store, world.clock.time(), "the rules changed")
    world.settle()
    (ticket,) = jira.alive
    world.deliver(issue_event("issue_created", "i2", at=2, trigger_name="t"))
    world.settle()
    assert jira.alive == [ticket]
    assert len(ticket.remote_links) == 2
    states = {row.key: (row.state, row.parked_at, row.due_at) for row in world.rows()}
    assert states["unplaced:coalesce:issue:i1"] == ("spared", None, None)


def test_it_is_placed_at_once_by_an_event_that_lets_the_rule_say_so(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(FAILING)
    unplaced(world)
    world.deliver(issue_event("issue_updated", "i1", at=2, title="longer"))
    world.settle()
    (ticket,) = jira.alive
    assert ticket.fields["summary"] == "longer"
    world.deliver(issue_event("issue_updated", "i1", at=3, title="four"))
    world.settle()
    assert (jira.alive, ticket.fields["summary"]) == ([ticket], "four"), "it stays where it is"


def test_another_rule_may_place_it(world: World, jira: MemoryTracker) -> None:
    world.write_rules(FAILING)
    unplaced(world)
    other = MENDED.replace('"everything"', '"fours"\nwhen = { title = "four" }')
    world.write_rules(other + FAILING)
    parking.retry_parked(world.store, world.clock.time(), "the rules changed")
    world.settle()
    assert len(jira.alive) == 1
