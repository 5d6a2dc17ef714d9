"""``why`` has both sides on one time line: who did what, and what was not told, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.adapters.coalesce import CoalesceSource
from sync.cli.why import _print
from sync.domain.actions import Comment
from sync.domain.history import Person
from sync.domain.rule import Category
from sync.domain.ticket import JiraStatus
from sync.operations.ticket import as_data
from sync.sandbox.memory_ticket import DONE, IN_PROGRESS, TO_DO, WONT_DO, MemoryTicket
from sync.store.engine import Store
from sync.worker.foresight.story import Line
from sync.worker.foresight.why import Story, rule_of, shown_now, story_of, with_jira
from sync.worker.walk.facts import gather
from tests.walks.both_ways import BothWays, both_ways

MORE = """
comments = { mention = "#up" }
copy_comments = true
ignore = ["Automation for Jira"]
wins = "upstream"
"""
ELSA = {"name": "Elsa", "email": {"user_email": "elsa@example.com"}}
IN_REVIEW = JiraStatus("10009", "In Review", Category.INDETERMINATE)
ROBOT = Person("robot", "Automation for Jira")


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules", MORE) as made:
        yield made


def story(world: BothWays, ticket: MemoryTicket, *, asked: bool = True) -> Story:
    with world.store.read() as session:
        found = story_of(session, ticket.ref.key, {"coalesce": CoalesceSource()})
        assert found is not None
        assert found.ticket is not None
        facts = gather(session, found.ticket)
    rules = world.rules()
    now = world.clock.time()
    observed = shown_now(facts, rules, world.jira, now)[0] if asked else None
    return with_jira(found, observed, rule_of(facts, rules))


def line(found: Story, words: str) -> Line:
    (one,) = [one for one in found.lines if words in one.words]
    return one


def place(world: BothWays, words: str) -> str:
    """Where the rules have these words."""
    lines = (world.folder / "rules.toml").read_text().splitlines()
    return f"rules.toml:{next(n for n, text in enumerate(lines, 1) if words in text)}"


def test_both_sides_are_on_one_time_line_with_who(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, IN_PROGRESS)
    world.settle()
    world.clock.sleep(60)
    world.sandbox.mark(issue.id, "fixed", actor=ELSA)
    world.settle()
    world.sandbox.comment(issue.id, "thank you", ELSA)
    found = story(world, ticket)
    told = [(one.side, one.who, one.words) for one in found.lines]
    ours = [at for at, (side, _, _) in enumerate(told) if side == ""]
    moved = told.index(("jira", "Anna", "Anna moved it from To Do to In Progress"))
    (marked,) = [at for at, one in enumerate(told) if one[2].endswith("Elsa set it to fixed")]
    (mark,) = [at for at in ours if "upstream as investigating for Anna" in told[at][2]]
    assert moved < mark < marked
    assert told[marked][:2] == ("upstream", "Elsa")
    assert any("moved it from In Progress to Done" in words for _, _, words in told[marked:])


def test_comments_that_are_not_told_have_the_reason_and_the_line(world: BothWays) -> None:
    _, ticket = world.opened()
    world.say(ticket, "#up the loader was down")
    world.say(ticket, "not for you")
    world.say(ticket, "#up for the team alone", public=False)
    at = world.clock.time()
    ticket.say("990", Comment("#up by a robot", "", public=True), at, ROBOT)
    world.look()
    world.settle()
    found = story(world, ticket)
    assert line(found, "Anna commented: #up the loader was down").result == ""
    left = line(found, "not for you")
    assert left.words.endswith("(not told: it does not mention '#up')")
    assert left.where == place(world, "comments = {")
    assert (
        "(not told: not everybody who sees the ticket sees it)" in line(found, "team alone").words
    )
    robot = line(found, "by a robot")
    assert "(not told: the rule ignores that account)" in robot.words
    assert robot.where == place(world, "ignore = ")


def test_what_an_ignored_account_did_names_the_line_that_ignores_it(world: BothWays) -> None:
    _, ticket = world.opened()
    world.act(ticket, DONE, who=ROBOT, resolution="Done")
    world.settle()
    left = line(story(world, ticket), "is not told: the rule ignores that account")
    assert (left.result, left.where) == ("left", place(world, "ignore = "))


def test_a_side_that_wins_names_the_line_that_says_so(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.sandbox.mark(issue.id, "investigating", actor=ELSA)
    world.clock.sleep(30)
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    left = line(story(world, ticket), "upstream wins over Jira, as the rule says")
    assert left.where == place(world, "wins = ")


def test_a_comment_from_upstream_is_on_the_line_and_our_own_copy_is_named_so(
    world: BothWays,
) -> None:
    issue, ticket = world.opened()
    world.say(ticket, "#up what now?")
    world.settle()
    world.sandbox.comment(issue.id, "all good", ELSA)
    with world.store.write() as session:
        world.triage.merge_snapshots(session, world.upstream.api.issues([issue.id]))
    world.settle()
    found = story(world, ticket)
    assert line(found, "Elsa commented on issue").words.endswith(": all good")
    assert "a copy of a comment in Jira" in line(found, "Anna commented on issue").words


def test_an_announcement_is_not_taken_for_a_copy(sqlite_store: Store, tmp_path: Path) -> None:
    with both_ways(sqlite_store, tmp_path, "announce = true") as world:
        issue, ticket = world.opened()
        with world.store.write() as session:
            world.triage.merge_snapshots(session, world.upstream.api.issues([issue.id]))
        found = story(world, ticket)
        assert line(found, "ticket-sync commented on issue").words.endswith(
            ": the address of the ticket"
        )


def test_without_asking_jira_the_rest_is_told(world: BothWays) -> None:
    _, ticket = world.opened()
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    found = story(world, ticket, asked=False)
    assert not [one for one in found.lines if one.side == "jira"]
    assert line(found, "upstream as fixed for Anna").what == "mark_upstream"


def test_the_story_is_shown_and_given_to_machines(
    world: BothWays, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    _, ticket = world.opened()
    world.act(ticket, TO_DO)
    world.act(ticket, DONE, who=ROBOT, resolution="Done")
    world.settle()
    found = story(world, ticket)
    _print(found, [], "", "")
    shown = " ".join(capsys.readouterr().out.split())
    assert "Automation for Jira moved it from To Do to Done" in shown
    assert f"[{place(world, 'ignore = ')}]" in shown
    data = json.loads(json.dumps(as_data(found, [], ""), default=str))
    (moved,) = [one for one in data["story"] if "moved it from To Do to Done" in one["words"]]
    assert (moved["side"], moved["who"], moved["what"]) == ("jira", "Automation for Jira", "jira")


def test_a_ticket_whose_rule_tells_nothing_is_read_without_its_history(
    sqlite_store: Store, tmp_path: Path
) -> None:
    with both_ways(sqlite_store, tmp_path / "rules") as world:
        world.edit(None)
        _, ticket = world.opened()
        ticket.move(DONE, world.clock.time())
        assert not [one for one in story(world, ticket).lines if one.side == "jira"]


def test_a_place_that_no_line_names_and_one_that_says_nothing_new_are_explained(
    world: BothWays,
) -> None:
    _, ticket = world.opened()
    world.act(ticket, WONT_DO, resolution="")
    world.settle()
    left = line(story(world, ticket), 'names "Won\'t Do": nothing is told of it')
    assert left.where == place(world, "[rule.upstream.status]")
    world.clock.sleep(60)
    world.act(ticket, IN_PROGRESS)
    world.settle()
    world.clock.sleep(60)
    world.act(ticket, IN_REVIEW)
    world.settle()
    left = line(story(world, ticket), "stands for investigating, which upstream has already")
    assert left.result == "left"


def test_a_ticket_that_was_declined_names_what_keeps_it_closed(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.act(ticket, DONE, resolution="Won't Do")
    world.settle()
    world.clock.sleep(60)
    world.sandbox.mark(issue.id, "investigating", actor=ELSA)
    world.settle()
    left = line(story(world, ticket), "it is left closed")
    assert left.where == "rules.toml:2"
