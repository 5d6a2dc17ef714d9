"""From the first delivery to the last: what a subject's life makes of its ticket."""

from __future__ import annotations

import random

from sync.sandbox.memory import MemoryTracker
from tests.walks.world import World, issue_event

A = "0b9f9a52-3f57-4c58-8a0b-6f1f6e3a7d10"


def test_a_created_issue_becomes_a_ticket_with_one_create_call(
    world_on_each_store: World, jira: MemoryTracker
) -> None:
    event = issue_event("issue_created", A, at=1, title="orders  is\nstale")
    # Younger than the store, which need not ask Jira for a ticket from before.
    world_on_each_store.deliver({**event, "event_time": "2026-09-21T15:00:00Z"})
    world_on_each_store.settle()
    (ticket,) = jira.alive
    assert ticket.fields["summary"] == "orders is stale"
    assert "data-quality" in ticket.fields["labels"]
    assert ticket.status.name == "To Do"
    assert [link.url for link in ticket.remote_links.values()] == [
        f"https://app.example.com/issues/{A}"
    ]
    assert jira.calls == {"create": 1, "link_remote": 1}


def test_an_issue_is_followed_updated_commented_and_closed(
    world: World, jira: MemoryTracker
) -> None:
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    world.deliver(issue_event("issue_updated", A, at=2, title="orders is very stale"))
    world.settle()
    world.deliver(
        issue_event(
            "issue_status_updated",
            A,
            at=3,
            title="orders is very stale",
            status="ISSUE_STATUS_INVESTIGATING",
        )
    )
    world.settle()
    (ticket,) = jira.alive
    assert ticket.fields["summary"] == "orders is very stale"
    assert ticket.status.name == "In Progress"
    world.deliver(issue_event("issue_closed", A, at=4, title="orders is very stale"))
    world.settle()
    assert ticket.status.name == "Done"
    assert [text for _, text in ticket.comments.values()] == [
        "Being investigated.",
        "Closed upstream.",
    ]


def test_a_settled_ticket_is_not_called_about_again(world: World, jira: MemoryTracker) -> None:
    events = [issue_event("issue_created", A, at=1), issue_event("issue_closed", A, at=2)]
    world.deliver(*events)
    world.settle()
    before = dict(jira.calls)
    world.deliver(*events)
    world.clock.sleep(86_400)
    world.settle()
    assert dict(jira.calls) == before


def test_an_issue_that_comes_back_reopens_its_ticket(world: World, jira: MemoryTracker) -> None:
    world.deliver(issue_event("issue_created", A, at=1), issue_event("issue_closed", A, at=2))
    world.settle()
    world.deliver(issue_event("issue_updated", A, at=3))
    world.settle()
    (ticket,) = jira.alive
    assert ticket.status.name == "To Do"


def test_a_created_that_comes_after_its_closed_makes_no_zombie(
    world: World, jira: MemoryTracker
) -> None:
    world.deliver(issue_event("issue_closed", A, at=2))
    world.settle()
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    (ticket,) = jira.alive
    assert ticket.status.name == "Done"


def test_a_burst_is_one_walk(world: World, jira: MemoryTracker) -> None:
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    world.deliver(*(issue_event("issue_updated", A, at=2 + n, title=f"t{n}") for n in range(10)))
    world.settle()
    (ticket,) = jira.alive
    assert ticket.fields["summary"] == "t9"
    assert jira.calls["update"] == 1
    assert jira.calls["read"] == 1


def test_shuffled_and_doubled_deliveries_end_with_one_ticket_each_in_its_last_state(
    world_on_each_store: World, jira: MemoryTracker
) -> None:
    world = world_on_each_store
    dice = random.Random(7)
    bodies = []
    for n in range(40):
        bodies.append(issue_event("issue_created", f"i{n}", at=1))
        bodies.append(issue_event("issue_updated", f"i{n}", at=2, title=f"last {n}"))
        if n % 2:
            bodies.append(issue_event("issue_closed", f"i{n}", at=3, title=f"last {n}"))
    bodies += dice.choices(bodies, k=len(bodies) // 5)
    dice.shuffle(bodies)
    for start in range(0, len(bodies), 7):
        world.deliver(*bodies[start : start + 7])
        world.step()
    world.settle()
    assert len(jira.alive) == 40
    ends = {t.fields["summary"]: t.status.name for t in jira.alive}
    assert ends == {f"last {n}": "Done" if n % 2 else "To Do" for n in range(40)}
    calls = sum(jira.calls.values())
    world.settle(within=86_400)
    assert sum(jira.calls.values()) == calls
