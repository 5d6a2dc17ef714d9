"""What would be told upstream is seen before it is told, and what only begins to be told is counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.cli.plan import as_json_text, pictured
from sync.domain.actions import CommentUpstream, CopyComment, Create, MarkUpstream, Update
from sync.sandbox.memory import MemoryTracker
from sync.sandbox.memory_ticket import DONE, IN_PROGRESS
from sync.store.engine import Store
from sync.worker.foresight.forecast import Forecast, forecast_all
from sync.worker.rulebook.accept import accept
from sync.worker.rulebook.impact import Sites
from sync.worker.rulebook.in_force import Guard
from sync.worker.walk.facts import settled_by
from tests.walks.both_ways import ANNA, BothWays, both_ways, telling
from tests.walks.world import RULES, SimulatedClock, issue_event
from tests.worker.edited import EditedWorld

ELSA = {"name": "Elsa", "email": {"user_email": "elsa@example.com"}}
TALK = 'comments = "all"\ncopy_comments = true\nannounce = true'


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules", TALK) as made:
        yield made


def planned(world: BothWays, *, live: bool = False) -> Forecast:
    rules, trackers = world.rules(), {"main": world.jira}
    now = world.clock.time()
    return forecast_all(world.store, rules, trackers, now, live=live, known=rules).whole()


def read(world: BothWays) -> None:
    """Read the deliveries that wait, and walk no ticket."""
    while world.triage.batch():
        pass


def kinds(found: Forecast) -> list[type]:
    return [type(action) for ticket in found.tickets for action in ticket.plan.actions]


# Turning it on.


@pytest.fixture
def edited(sqlite_store: Store, tmp_path: Path) -> Iterator[EditedWorld]:
    """Three tickets by a rule that tells nothing yet. A person has closed two of them."""
    clock = SimulatedClock()
    jira = MemoryTracker(clock)
    folder = tmp_path / "rules"
    made = EditedWorld(sqlite_store, jira, clock, folder, guard=Guard(most=0))
    made.deliver(*(issue_event("issue_created", name, at=1) for name in "abc"))
    made.settle()
    for ticket in jira.alive[:2]:
        ticket.move(DONE, clock.time(), ANNA, "Done")
    yield made
    made.close()


def plan_of(world: EditedWorld, text: str) -> Forecast:
    loaded = world.files
    world.write_rules(text)
    known = world.in_force()
    assert known is not None
    rules = loaded.load().rules
    rules = rules.told_since(rules.tellings(known.telling, world.clock.time()))
    trackers, now = {"main": world.tracker}, world.clock.time()
    return forecast_all(world.store, rules, trackers, now, known=world.rules())


def test_a_plan_counts_the_tickets_whose_sides_differ_when_a_rule_begins_to_tell(
    edited: EditedWorld,
) -> None:
    before = dict(edited.tracker.calls)
    text = "\n".join(pictured(plan_of(edited, telling())))
    assert (
        "Upstream begins to be told of 3 tickets: both sides count as agreed as they stand; 2 differ."
    ) in text
    assert (
        text.count("= counts as agreed, although the sides differ: Done (Done) in Jira, open") == 2
    )
    made = {name: n - before.get(name, 0) for name, n in edited.tracker.calls.items()}
    assert {name: n for name, n in made.items() if n} == {"read_many": 1}
    data = json.loads("".join(as_json_text(plan_of(edited, telling()))))
    assert (data["counts"]["begin"], data["counts"]["differ"]) == (3, 2)
    assert [ticket["apart"] for ticket in data["tickets"]] == [
        "Done (Done) in Jira, open upstream"
    ] * 2
    assert [ticket["actions"] for ticket in data["tickets"]] == [[], []]


def test_a_rule_that_begins_to_tell_touches_no_ticket_and_soon_agrees_with_all(
    edited: EditedWorld,
) -> None:
    edited.edit(telling())
    assert edited.waiting() is None
    edited.settle()
    for row in edited.rows():
        assert "@" in row.base["agreement"]["since"]
    again = plan_of(edited, telling()).whole()
    assert (again.tickets, again.counts["begin"]) == ((), 0)


def test_a_plan_of_rules_that_tell_nothing_asks_jira_for_nothing_more(edited: EditedWorld) -> None:
    before = dict(edited.tracker.calls)
    found = plan_of(edited, RULES.replace("data-quality", "urgent")).whole()
    assert dict(edited.tracker.calls) == before
    assert "upstream" not in "\n".join(pictured(found))


def test_an_issue_that_comes_back_as_its_rule_begins_to_tell_opens_its_ticket_again(
    edited: EditedWorld,
) -> None:
    edited.deliver(issue_event("issue_closed", "c", at=2))
    edited.settle()
    edited.edit(telling())
    edited.settle()
    ticket = edited.tracker.alive[2]
    assert ticket.status == DONE
    edited.deliver(issue_event("issue_created", "c", at=3))
    edited.settle()
    assert ticket.status != DONE


# Once it tells.


def test_a_plan_shows_what_people_did_in_jira_once_it_reads_the_tickets(world: BothWays) -> None:
    _, ticket = world.opened()
    ticket.move(DONE, world.clock.time(), ANNA, "Done")
    world.say(ticket, "the loader was down")
    world.clock.sleep(60)
    found = planned(world, live=True)
    assert kinds(found) == [MarkUpstream, CommentUpstream]
    text = "\n".join(pictured(found))
    assert "  < mark issue" in text
    assert "upstream as fixed for Anna" in text
    assert "1 to mark upstream, 1 to comment on upstream" in text
    data = json.loads("".join(as_json_text(planned(world, live=True))))
    (shown,) = data["tickets"]
    assert [one["action"] for one in shown["actions"]] == ["markupstream", "commentupstream"]
    assert (shown["actions"][0]["status"], shown["actions"][0]["who"]) == ("fixed", "Anna")


def test_a_plan_changes_nothing_and_then_it_is_done_so(world: BothWays) -> None:
    issue, ticket = world.opened()
    ticket.move(DONE, world.clock.time(), ANNA, "Done")
    world.clock.sleep(60)
    before = len(world.sandbox.events)
    assert kinds(planned(world, live=True)) == [MarkUpstream]
    assert len(world.sandbox.events) == before
    world.look()
    world.settle()
    assert issue.status == "fixed"
    for live in (False, True):
        assert not planned(world, live=live).tickets


def test_without_reading_a_plan_shows_what_upstream_has_said_and_not_our_own_echo(
    world: BothWays,
) -> None:
    issue, ticket = world.opened()
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    world.sandbox.comment(issue.id, "looks good", ELSA)
    with world.store.write() as session:
        world.triage.merge_snapshots(session, world.upstream.api.issues([issue.id]))
    assert kinds(planned(world)) == [CopyComment]
    assert "* copy a comment from upstream" in "\n".join(pictured(planned(world)))


def test_a_later_mark_upstream_is_shown_as_a_move(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    world.clock.sleep(30)
    world.sandbox.mark(issue.id, "investigating")
    world.send()
    read(world)
    text = "\n".join(pictured(planned(world)))
    assert "  > move to a status of category 'indeterminate'" in text
    world.settle()
    assert ticket.status == IN_PROGRESS


def test_a_ticket_to_be_made_is_shown_with_its_announcement(world: BothWays) -> None:
    world.sandbox.open_issue()
    world.send()
    read(world)
    assert kinds(planned(world))[0] is Create
    assert CommentUpstream in kinds(planned(world))


def test_accepting_an_edit_says_how_many_tickets_count_as_agreed(edited: EditedWorld) -> None:
    edited.write_rules(telling())
    sites = Sites({"main": edited.tracker})
    words = str(accept(edited.store, edited.files, edited.clock.time(), sites=sites))
    assert "Of the open tickets, 0 will be changed" in words
    assert "both sides count as agreed as they stand; 2 differ." in words


def test_a_settled_ticket_that_is_told_of_is_left_out_without_a_look(world: BothWays) -> None:
    _, ticket = world.opened()
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    before = dict(world.jira.calls)
    found = planned(world)
    assert (found.looked_at, found.tickets, dict(world.jira.calls)) == (1, (), before)
    rules = world.rules()
    assert {row.settled_by for row in world.rows()} == {settled_by(rule) for rule in rules.rules}


def test_an_edit_of_a_field_shows_the_field_alone_on_a_ticket_that_is_told_of(
    world: BothWays,
) -> None:
    _, ticket = world.opened()
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    known = world.rules()
    world.write_rules(telling(TALK).replace("data-quality", "urgent"))
    rules, now = world.rules(), world.clock.time()
    found = forecast_all(world.store, rules, {"main": world.jira}, now, known=known).whole()
    assert kinds(found) == [Update]
    assert found.counts["begin"] == 0
