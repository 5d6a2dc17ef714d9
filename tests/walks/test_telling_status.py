"""What a person does with a ticket's status is told once, and what comes back of it does nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.domain.errors import Unknown
from sync.domain.history import Person
from sync.sandbox.memory_ticket import DONE, IN_PROGRESS, TO_DO, US
from sync.store.engine import Store
from tests.walks.both_ways import ANNA, IN_REVIEW, BothWays, both_ways, quiet

ROBOT = Person("robot", "Automation for Jira")
BEN = Person("ben", "Ben", "ben@example.com")


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules") as made:
        yield made


@pytest.fixture
def other(sqlite_store: Store, tmp_path: Path) -> Iterator[Callable[[str], BothWays]]:
    """A world whose rule has further lines."""
    opened = []

    def make(more: str) -> BothWays:
        opened.append(both_ways(sqlite_store, tmp_path / "rules", more))
        return opened[-1].__enter__()

    yield make
    for one in opened:
        one.__exit__(None, None, None)


def marks(world: BothWays) -> int:
    """How often an issue was marked, by anybody."""
    return [event["type"] for event in world.sandbox.events].count("issue_status_updated")


def test_a_second_status_for_the_same_mark_tells_nothing_and_is_kept(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, IN_PROGRESS)
    world.settle()
    world.clock.sleep(60)
    world.act(ticket, IN_REVIEW)
    world.settle()
    for _ in range(3):
        world.sandbox.update_issue(issue.id)
        world.settle()
    assert (issue.status, marks(world), ticket.status) == ("investigating", 1, IN_REVIEW)
    quiet(world)


def test_the_echo_of_a_mark_costs_one_read_and_no_word(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, DONE, resolution="Done")
    world.clock.sleep(16)
    world.step()
    assert issue.status == "fixed"
    before = dict(world.jira.calls)
    world.settle()
    made = {name: n - before.get(name, 0) for name, n in world.jira.calls.items()}
    assert {name: n for name, n in made.items() if n} in ({}, {"read": 1})
    assert (ticket.status, ticket.talk) == (DONE, {})


def test_an_echo_that_is_there_before_the_reply_does_nothing(world: BothWays) -> None:
    issue, ticket = world.opened()
    at_once = [lambda _: (world.send(), world.triage.batch(), world.look())]
    world.sandbox.listen(lambda event: [one(event) for one in at_once])
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    at_once.clear()
    assert (issue.status, marks(world), ticket.status, ticket.talk) == ("fixed", 1, DONE, {})
    quiet(world)


def test_webhooks_that_arrive_in_reverse_tell_where_the_ticket_stands(world: BothWays) -> None:
    issue, ticket = world.opened()
    ticket.move(IN_PROGRESS, world.clock.time(), ANNA)
    world.clock.sleep(5)
    ticket.move(DONE, world.clock.time(), ANNA, "Done")
    for _ in range(2):
        world.look()
        world.step()
        world.clock.sleep(1)
    world.settle()
    assert (issue.status, marks(world)) == ("fixed", 1)
    quiet(world)


def test_a_resolution_that_is_edited_at_once_is_one_act(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, DONE, resolution="Done")
    world.step()
    world.clock.sleep(10)
    ticket.resolve("Won't Do", world.clock.time(), ANNA)
    world.look()
    world.settle()
    assert (issue.status, marks(world)) == ("no_action_needed", 1)
    quiet(world)


@pytest.mark.parametrize("who", ["us", "a person"])
def test_a_closed_ticket_does_not_overwrite_expected(world: BothWays, who: str) -> None:
    issue, ticket = world.opened()
    if who == "a person":
        world.act(ticket, DONE, resolution="Done")
        world.clock.sleep(1)
    world.sandbox.mark(issue.id, "expected")
    world.settle()
    assert (issue.status, ticket.status, marks(world)) == ("expected", DONE, 1)
    quiet(world)


def test_the_status_decides_where_a_workflow_keeps_an_old_resolution(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, DONE)
    world.settle()
    assert issue.status == "fixed"
    ticket.resolve("Won't Do", world.clock.time(), ANNA)
    world.act(ticket, TO_DO)
    world.settle()
    assert (issue.status, ticket.status) == ("", TO_DO)
    quiet(world)


def test_after_the_end_of_its_issue_nothing_is_told_of_our_close_or_a_persons_edit(
    world: BothWays,
) -> None:
    issue, ticket = world.opened()
    world.sandbox.close_issue(issue.id)
    world.settle()
    assert ticket.status == DONE
    world.clock.sleep(60)
    ticket.resolve("Won't Do", world.clock.time(), ANNA)
    world.look()
    world.settle()
    assert (issue.status, marks(world)) == ("", 0)
    assert "the subject is over: nothing is told of it" in "\n".join(world.journal())
    quiet(world)


def test_a_check_that_goes_on_failing_does_not_reopen_and_a_recurrence_is_not_marked(
    world: BothWays,
) -> None:
    issue, ticket = world.opened()
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    for _ in range(20):
        world.clock.sleep(60)
        world.sandbox.update_issue(issue.id)
        world.settle()
    assert (ticket.status, marks(world)) == (DONE, 1)
    world.sandbox.close_issue(issue.id)
    world.settle()
    assert ticket.status == DONE
    world.clock.sleep(3600)
    world.sandbox.reopen_issue(issue.id)
    world.settle()
    assert (issue.status, marks(world)) == ("", 1)
    assert (ticket.status, len(world.jira.alive)) == (TO_DO, 1)
    quiet(world)


def test_what_a_person_does_with_our_own_account_is_told(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, DONE, who=US, resolution="Done")
    world.settle()
    assert issue.status == "fixed"
    world.clock.sleep(60)
    world.sandbox.mark(issue.id, "investigating")
    world.settle()
    assert (issue.status, ticket.status, marks(world)) == ("investigating", IN_PROGRESS, 2)
    world.clock.sleep(60)
    world.act(ticket, DONE, who=US, resolution="Done")
    world.settle()
    assert (issue.status, marks(world)) == ("fixed", 3)
    quiet(world)


def test_what_automation_does_is_told_in_its_name_unless_the_rule_ignores_it(
    other: Callable[[str], BothWays],
) -> None:
    world = other("")
    issue, ticket = world.opened()
    world.act(ticket, DONE, who=ROBOT, resolution="Done")
    world.settle()
    assert issue.status == "fixed"
    assert issue.actor is not None
    assert issue.actor["name"] == "Automation for Jira"
    world.edit('ignore = ["Automation for Jira"]')
    world.settle()
    world.clock.sleep(60)
    world.act(ticket, TO_DO, who=ROBOT, resolution="")
    world.settle()
    assert (issue.status, marks(world), ticket.status) == ("fixed", 1, TO_DO)
    quiet(world)


def test_a_persons_close_to_which_an_ignored_account_adds_a_resolution_is_told(
    other: Callable[[str], BothWays],
) -> None:
    world = other('ignore = ["Automation for Jira"]')
    issue, ticket = world.opened()
    world.act(ticket, DONE)
    world.clock.sleep(2)
    ticket.resolve("Done", world.clock.time(), ROBOT)
    world.look()
    world.settle()
    assert issue.status == "fixed"
    assert issue.actor is not None
    assert issue.actor["name"] == "Anna"
    world.clock.sleep(60)
    ticket.resolve("Won't Do", world.clock.time(), ROBOT)
    world.look()
    world.settle()
    assert (issue.status, marks(world)) == ("fixed", 1)
    quiet(world)


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "reply lost"])
def test_our_own_move_is_told_to_nobody_although_its_webhook_comes_first(
    world: BothWays, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    issue, ticket = world.opened()
    move = world.jira.transition

    def moved(*args: Any, **more: Any) -> None:
        monkeypatch.setattr(world.jira, "transition", move)
        move(*args, **more)
        world.look()
        if lost:
            raise Unknown("the reply was lost")

    monkeypatch.setattr(world.jira, "transition", moved)
    world.sandbox.mark(issue.id, "investigating")
    world.settle(within=3600)
    assert (issue.status, marks(world), ticket.status) == ("investigating", 1, IN_PROGRESS)
    assert "upstream" not in "".join(line for line in world.journal() if "mark" in line)
    quiet(world)


@pytest.mark.parametrize("back", [False, True])
def test_a_close_that_the_rule_puts_off_closes_the_ticket_in_the_end(
    world: BothWays, back: bool
) -> None:
    rules = (world.folder / "rules.toml").read_text()
    world.write_rules(
        rules.replace('issue_type = "Bug"', 'issue_type = "Bug"\nclose_after = "10m"', 1)
    )
    issue, ticket = world.opened()
    world.act(ticket, IN_PROGRESS)
    world.settle()
    world.sandbox.close_issue(issue.id)
    world.settle()
    assert ticket.status == IN_PROGRESS
    world.clock.sleep(300)
    if back:
        world.sandbox.reopen_issue(issue.id)
    world.settle(within=900)
    assert ticket.status == (TO_DO if back else DONE)
    assert marks(world) == 1
    quiet(world)


# Acknowledging.


def test_a_person_who_takes_a_ticket_on_acknowledges_it_once(
    other: Callable[[str], BothWays],
) -> None:
    world = other('acknowledge = "assigned"')
    issue, ticket = world.opened()
    ticket.assign("anna", world.clock.time(), ANNA)
    world.look()
    world.settle()
    assert issue.status == "investigating"
    assert issue.actor is not None
    assert issue.actor["name"] == "Anna"
    assert (ticket.status, ticket.talk) == (TO_DO, {})
    world.sandbox.mark(issue.id, "")
    world.settle()
    for to in ("ben", "", "anna"):
        world.clock.sleep(60)
        ticket.assign(to, world.clock.time(), BEN)
        world.look()
        world.settle()
    assert (issue.status, marks(world)) == ("", 2)
    quiet(world)


@pytest.mark.parametrize("first", ["the rule", "the project", "an edit of the rule"])
def test_who_is_assigned_by_the_rule_or_the_project_acknowledges_nothing(
    other: Callable[[str], BothWays], first: str
) -> None:
    world = other('acknowledge = "assigned"')
    rules = (world.folder / "rules.toml").read_text()
    assigned = rules.replace("[rule.fields]", '[rule.fields]\nassignee = "oncall"')
    if first != "an edit of the rule":
        world.write_rules(assigned)
    issue, ticket = world.opened()
    if first == "an edit of the rule":
        world.write_rules(assigned)
        world.look()
        world.settle()
        assert ticket.fields["assignee"] == "oncall"
    if first == "the project":
        world.write_rules(rules)
    world.clock.sleep(60)
    ticket.assign("anna", world.clock.time(), ANNA)
    world.look()
    world.settle()
    assert (issue.status, marks(world)) == ("", 0)
    quiet(world)


@pytest.mark.parametrize("name", ["API", "", "Anna"])
def test_where_we_acknowledge_the_ticket_stays_where_it_is(
    other: Callable[[str], BothWays], name: str
) -> None:
    world = other('acknowledge = "assigned"')
    issue, ticket = world.opened()
    ticket.assign("anna", world.clock.time(), Person("anna", name))
    world.look()
    world.settle()
    assert (issue.status, ticket.status, ticket.talk) == ("investigating", TO_DO, {})
    quiet(world)


def test_expected_a_second_before_an_acknowledgement_stands_and_is_not_taken_off(
    other: Callable[[str], BothWays],
) -> None:
    world = other('acknowledge = "assigned"')
    issue, ticket = world.opened()
    ticket.assign("anna", world.clock.time(), ANNA)
    world.look()
    world.sandbox.mark(issue.id, "expected")
    world.clock.sleep(1)
    world.step()
    assert issue.status == "expected"
    world.settle()
    assert (issue.status, ticket.status) == ("expected", DONE)
    world.clock.sleep(60)
    world.act(ticket, TO_DO, resolution="")
    world.settle()
    assert issue.status == "expected"
    quiet(world)
