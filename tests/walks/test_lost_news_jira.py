"""A whole Jira site of each dialect whose webhooks never arrive: the sweep finds what people did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.sandbox.jira.ready_site import ONCALL
from sync.store.engine import Store
from tests.walks.both_ways_jira import WithJira, both_ways_jira
from tests.walks.test_lost_news import BEN, HOURS, TALKING, lose, sweep


@pytest.fixture(params=["cloud", "datacenter"])
def world(
    request: pytest.FixtureRequest, sqlite_store: Store, tmp_path: Path
) -> Iterator[WithJira]:
    with both_ways_jira(sqlite_store, tmp_path / "rules", request.param, TALKING) as made:
        made.site.site.webhooks.clear()
        yield made


def said(world: WithJira, subject: str) -> list[str]:
    """What was said in Jira and told upstream, oldest first."""
    return [text.splitlines()[2] for text in world.remarks(world.sandbox.issues[subject])]


def test_two_hours_of_acts_and_comments_are_told_once_each_and_comments_oldest_first(
    world: WithJira,
) -> None:
    issue, key = world.made()
    world.clock.sleep(HOURS)
    sweep(world, "jira", "upstream")
    for step in ("first", "second", "third"):
        world.person(ONCALL if step == "second" else world.person.user).comment(key, step)
        world.clock.sleep(1200)
    world.person.transition(key, "In Progress")
    world.clock.sleep(1200)
    world.person.transition(key, "Done")
    world.clock.sleep(2 * HOURS)
    for _ in range(3):
        sweep(world, "jira", "upstream")
        world.clock.sleep(600)
    assert (issue.status, said(world, issue.id)) == ("fixed", ["first", "second", "third"])
    marks = [one for one in world.sandbox.events if one["type"] == "issue_status_updated"]
    assert len(marks) == 1
    assert world.ticket(key).status == "Done"
    written = world.written()
    sweep(world, "jira", "upstream")
    assert world.written() == written


def test_a_comment_alone_is_found_for_it_raises_the_time_of_the_tickets_change(
    world: WithJira,
) -> None:
    issue, key = world.made()
    world.clock.sleep(HOURS)
    sweep(world, "jira")
    world.person.comment(key, "It is the loader.")
    deleted = world.person.comment(key, "A slip.")
    world.person.delete_comment(key, deleted)
    world.clock.sleep(HOURS)
    sweep(world, "jira")
    assert said(world, issue.id) == ["It is the loader."]


def test_an_act_that_edits_have_pushed_out_of_the_changelog_is_not_surely_later(
    world: WithJira,
) -> None:
    issue, key = world.made()
    world.clock.sleep(60)
    world.sandbox.mark(issue.id, "investigating", actor=BEN)
    world.clock.sleep(60)
    world.person.transition(key, "Done")
    for number in range(110):
        world.clock.sleep(1)
        world.person.add_labels(key, f"edit-{number}")
    world.clock.sleep(HOURS)
    world.send()
    sweep(world, "jira")
    # Data Center shows the newest hundred entries alone; Cloud shows the others on further pages.
    ends = {"cloud": ("fixed", "Done"), "datacenter": ("investigating", "In Progress")}
    assert (issue.status, world.ticket(key).status) == ends[world.site.dialect.value]


def test_a_comment_upstream_reaches_the_ticket_although_nothing_tells_of_it(
    world: WithJira,
) -> None:
    world.sandbox.comments_update = False
    issue, key = world.made()
    world.sandbox.comment(issue.id, "Which table?", BEN)
    lose(world)
    world.clock.sleep(HOURS)
    for _ in range(2):
        sweep(world, "upstream", "jira")
        world.clock.sleep(HOURS)
    [comment] = world.ticket(key).comments
    assert "Which table?" in comment.text
    assert len(issue.remarks) == 1
