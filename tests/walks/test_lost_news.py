"""What people do on either side is dealt with although no webhook says so: the sweeps find it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.adapters.coalesce import CoalesceSource
from sync.domain.actions import Comment
from sync.domain.errors import Unknown
from sync.domain.notice import Notice
from sync.sandbox.coalesce.subjects import Issue
from sync.sandbox.coalesce.webhook_body import render
from sync.sandbox.memory_ticket import DONE, IN_PROGRESS, TO_DO
from sync.store.engine import Store
from sync.store.notices import Notices
from sync.worker.sweeps.deliveries import DeliveriesSweep
from sync.worker.sweeps.groups import Parts, sweep_groups
from sync.worker.sweeps.run import Report
from sync.worker.sweeps.runner import Runner
from tests.walks.both_ways import ANNA, BothWays, both_ways

pytestmark = pytest.mark.proof

TALKING = 'comments = "all"\ncopy_comments = true'
BEN = {"name": "Ben", "email": {"user_email": "ben@example.com"}}
HOURS = 3600.0


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules", TALKING) as made:
        made.sandbox.comments_update = False
        yield made


@pytest.fixture
def silent(store: Store, tmp_path: Path) -> Iterator[BothWays]:
    """As ``world``, on each kind of store."""
    with both_ways(store, tmp_path / "rules", TALKING) as made:
        yield made


def sweep(world: BothWays, *groups: str, within: float = 60) -> list[Report]:
    """Run the sweeps of these groups, as the daemon does, and walk what is due within seconds."""
    parts = Parts(
        store=world.store,
        triage=world.triage,
        sources={"coalesce": CoalesceSource()},
        apis={"coalesce": world.upstream.api},
        trackers={"main": world.tracker},
        rules=world.rules,
        clock=world.clock,
        overlaps=dict.fromkeys(("upstream", "deliveries", "jira"), 600.0),
    )
    there, runner = sweep_groups(parts), Runner(world.store, world.clock, "test")
    reports = [runner.run(one) for group in groups for one in there[group]]
    assert all(one is not None and not one.words for one in reports), reports
    super(BothWays, world).settle(within)
    return [one for one in reports if one is not None]


def recover(world: BothWays) -> None:
    """Fetch the deliveries that failed, as walks of the daemon do."""
    api, source = world.upstream.api, CoalesceSource()
    sweep = DeliveriesSweep(world.store, source, api, world.clock)
    assert Runner(world.store, world.clock, "test").run(sweep) is not None
    world.triage.batch()


def lose(world: BothWays) -> None:
    """No delivery of what happened upstream until now arrives."""
    world._sent = len(world.sandbox.events)


def copied(ticket: Any) -> list[str]:
    """What was said upstream and is on the ticket, oldest first."""
    return [one.text.split("\n\n")[1] for one in ticket.talk.values() if one.marker]


# Comments from upstream.


def test_a_comment_that_changes_nothing_else_is_found_by_reading_in_turn(world: BothWays) -> None:
    issue, ticket = world.opened()
    updated = issue.updated_at
    world.sandbox.comment(issue.id, "Which table?", BEN)
    assert issue.updated_at == updated
    world.clock.sleep(2 * HOURS)
    sweep(world, "upstream")
    assert copied(ticket) == ["Which table?"]
    sweep(world, "upstream", "jira")
    assert (copied(ticket), world.remarks(issue)) == (["Which table?"], ["Which table?"])


def test_a_comment_on_an_incident_is_found_as_well(world: BothWays) -> None:
    incident = world.sandbox.open_incident([])
    world.settle()
    world.sandbox.comment_incident(incident.id, "On it.", BEN)
    sweep(world, "upstream")
    assert copied(world.jira.alive[-1]) == ["On it."]


def test_any_delivery_of_an_issue_is_an_occasion_to_read_its_comments(
    sqlite_store: Store, tmp_path: Path
) -> None:
    with both_ways(sqlite_store, tmp_path / "rules", TALKING) as world:
        issue, ticket = world.opened()
        world.sandbox.comment(issue.id, "Which table?", BEN)
        world.sandbox.update_issue(issue.id)
        world.settle()
        assert copied(ticket) == ["Which table?"]


def test_of_many_issues_each_run_reads_those_whose_turn_it_is(
    world: BothWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.worker.sweeps.comments.BULK", 2)
    monkeypatch.setattr("sync.worker.sweeps.comments.CALLS", 1)
    issues = sorted((world.opened()[0] for _ in range(5)), key=lambda one: one.id)
    world.clock.sleep(2 * HOURS)
    sweep(world, "upstream")
    world.clock.sleep(2 * HOURS)
    for one in issues:
        world.sandbox.comment(one.id, f"about {one.id}", BEN)
    found = []
    for _ in range(3):
        sweep(world, "upstream")
        found.append({text for ticket in world.jira.alive for text in copied(ticket)})
    told = [f"about {one.id}" for one in issues]
    # The run before has read the first two.
    assert found == [{*told[2:4]}, {*told[2:]}, {*told}]


def test_nothing_is_read_in_turn_where_no_rule_asks_for_comments(
    sqlite_store: Store, tmp_path: Path
) -> None:
    with both_ways(sqlite_store, tmp_path / "rules", 'comments = "all"') as world:
        world.opened()
        world.clock.sleep(2 * HOURS)
        sweep(world, "upstream")
        before = world.upstream.rest.asked.copy()
        sweep(world, "upstream")
        assert not [asked for asked in world.upstream.rest.asked - before if "by-id" in asked]


# What people do in Jira.


def test_without_any_webhook_each_act_and_comment_is_told_once_after_two_hours(
    silent: BothWays,
) -> None:
    issue, ticket = silent.opened()
    sweep(silent, "jira")
    for number in range(3):
        silent.clock.sleep(60)
        ticket.say(
            str(901 + number), Comment(f"step {number}", "", public=True), silent.clock.time(), ANNA
        )
    ticket.move(DONE, silent.clock.time(), ANNA, "Done")
    silent.clock.sleep(2 * HOURS)
    for _ in range(3):
        sweep(silent, "jira", "upstream")
        silent.clock.sleep(600)
    assert issue.status == "fixed"
    assert [text.split("\n\n")[1] for text in silent.remarks(issue)] == [
        "step 0",
        "step 1",
        "step 2",
    ]
    assert [one["type"] for one in silent.sandbox.events].count("issue_status_updated") == 1
    assert ticket.status == DONE


def test_a_ticket_that_is_right_is_looked_at_once_after_it_changed(world: BothWays) -> None:
    _, ticket = world.opened()
    sweep(world, "jira")
    ticket.say("901", Comment("+1", "", public=True), world.clock.time(), ANNA)
    sweep(world, "jira")
    reads = world.jira.calls["read"]
    sweep(world, "jira")
    sweep(world, "jira")
    assert world.jira.calls["read"] == reads


def test_a_ticket_whose_subject_is_over_is_not_looked_at_for_each_change(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.sandbox.close_issue(issue.id)
    world.settle()
    sweep(world, "jira")
    ticket.say("901", Comment("+1", "", public=True), world.clock.time(), ANNA)
    reads = world.jira.calls["read"]
    sweep(world, "jira")
    assert (world.jira.calls["read"], world.remarks(issue)) == (reads, [])


def test_a_ticket_in_a_project_that_we_may_not_see_is_held_and_told_nothing_of(
    world: BothWays,
) -> None:
    issue, ticket = world.opened()
    ticket.move(DONE, world.clock.time(), ANNA, "Done")
    ticket.project = "HIDDEN"
    world.jira.hidden.add("HIDDEN")
    world.clock.sleep(2 * HOURS)
    sweep(world, "jira")
    [row] = world.rows()
    assert (row.parked_at is not None, row.state) == (True, "linked")
    assert (issue.status, len(world.jira.tickets)) == ("", 1)
    world.jira.hidden.clear()
    world.clock.sleep(HOURS)
    super(BothWays, world).settle(HOURS)
    assert issue.status == "fixed"


def test_what_is_done_before_the_new_tickets_id_is_on_record_is_told(
    world: BothWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, heard = world.jira.create, []

    def made(*given: Any, **how: Any) -> Any:
        ref = create(*given, **how)
        ticket = world.jira.tickets[ref.id]
        ticket.move(IN_PROGRESS, world.clock.time(), ANNA)
        ticket.say("901", Comment("mine", "", public=True), world.clock.time(), ANNA)
        notices = Notices(world.store, world.clock.time)
        heard.append(notices.write([("main", Notice(ref.id, "jira:issue_updated"))]))
        return ref

    monkeypatch.setattr(world.jira, "create", made)
    issue, ticket = world.opened()
    assert heard == [set()]
    assert (issue.status, ticket.status) == ("investigating", IN_PROGRESS)
    assert [text.split("\n\n")[1] for text in world.remarks(issue)] == ["mine"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_is_done_while_the_reply_to_a_create_is_lost_is_told(
    world: BothWays, moment: Any
) -> None:
    world.jira.fail("create", lambda: Unknown("no answer came"), moment)
    issue = world.sandbox.open_issue()
    world.send()
    world.step()
    for ticket in world.jira.alive:
        ticket.move(DONE, world.clock.time(), ANNA, "Done")
    world.settle(600)
    [ticket] = world.jira.alive
    assert (ticket.status, issue.status) == ((DONE, "fixed") if moment == "after" else (TO_DO, ""))


# Who was later.


def both_act(world: BothWays, *, jira: float, upstream: float) -> tuple[Issue, Any]:
    """A person closes the ticket and another marks the issue as investigated, so many seconds after the
    issue was opened; nobody has told us yet."""
    issue, ticket = world.opened()
    sweep(world, "jira", "upstream")
    began = world.clock.time()
    for at, act in sorted([(jira, "jira"), (upstream, "upstream")]):
        world.clock.sleep(began + at - world.clock.time())
        if act == "jira":
            ticket.move(DONE, world.clock.time(), ANNA, "Done")
        else:
            world.sandbox.mark(issue.id, "investigating", actor=BEN)
    return issue, ticket


JIRA_LATER = {"upstream": 60.0, "jira": 120.0}
UPSTREAM_LATER = {"jira": 60.0, "upstream": 120.0}
ENDS = {"jira": (DONE, "fixed"), "upstream": (IN_PROGRESS, "investigating")}


@pytest.mark.parametrize(
    ("acts", "end"), [(JIRA_LATER, "jira"), (UPSTREAM_LATER, "upstream")], ids=["jira", "upstream"]
)
@pytest.mark.parametrize("way", ["delivery", "late delivery", "recovered"])
def test_the_later_act_stands_also_where_updates_raised_the_issues_time(
    world: BothWays, acts: dict[str, float], end: str, way: str
) -> None:
    if way == "recovered":
        # Of the issue's creation, and of the mark.
        world.upstream.replies += [202, 400]
    issue, ticket = both_act(world, **acts)
    world.clock.sleep(300)
    if way == "recovered":
        world.upstream.sender.pump()
        lose(world)
        sweep(world, "deliveries")
    world.sandbox.update_issue(issue.id)
    if way == "late delivery":
        # The update is there before the mark.
        world._sent += 1
        world.send()
        world._sent -= 2
        while world.triage.batch():
            pass
    world.look()
    world.settle()
    sweep(world, "deliveries", "upstream", "jira")
    assert (ticket.status, issue.status) == ENDS[end]


def test_a_walk_that_finds_a_mark_fetches_its_failed_delivery_for_the_time(world: BothWays) -> None:
    world.converger.recover_by(lambda: recover(world))
    world.upstream.replies += [202, 400]
    issue, ticket = both_act(world, **JIRA_LATER)
    world.clock.sleep(1)
    world.upstream.sender.pump()
    world.sandbox.update_issue(issue.id)
    lose(world)
    world.look()
    world.settle()
    assert (ticket.status, issue.status) == ENDS["jira"]


def test_after_a_lost_delivery_jira_wins_only_where_its_act_is_surely_later(
    world: BothWays,
) -> None:
    issue, ticket = both_act(world, **JIRA_LATER)
    lose(world)
    sweep(world, "upstream", "jira")
    assert (ticket.status, issue.status) == ENDS["jira"]


def test_a_mark_of_unknown_time_wins_where_something_raised_the_issues_time_since(
    world: BothWays,
) -> None:
    issue, ticket = both_act(world, **JIRA_LATER)
    world.clock.sleep(60)
    world.sandbox.update_issue(issue.id)
    lose(world)
    sweep(world, "upstream", "jira")
    assert (ticket.status, issue.status) == ENDS["upstream"]


def test_the_time_of_a_mark_outlives_a_restart(silent: BothWays) -> None:
    issue, ticket = both_act(silent, **JIRA_LATER)
    silent.send()
    while silent.triage.batch():
        pass
    silent.clock.sleep(600)
    silent.sandbox.update_issue(issue.id)
    lose(silent)
    sweep(silent, "upstream", "jira")
    assert (ticket.status, issue.status) == ENDS["jira"]


def test_a_late_delivery_tells_the_time_of_a_mark_that_a_sweep_had_found(world: BothWays) -> None:
    issue, ticket = both_act(world, **JIRA_LATER)
    mark = world.sandbox.events[-1]
    world.clock.sleep(1)
    world.sandbox.update_issue(issue.id)
    lose(world)
    # The act in Jira is young, so that nothing is decided yet.
    sweep(world, "upstream", within=0)
    assert (ticket.status, issue.status) == (DONE, "investigating")
    world.deliver(render(mark))
    world.settle()
    assert (ticket.status, issue.status) == ENDS["jira"]


@pytest.mark.parametrize("ahead", [-90.0, 90.0])
def test_an_act_by_a_clock_that_is_wrong_is_told_in_time_and_not_in_the_future(
    world: BothWays, ahead: float
) -> None:
    issue, ticket = world.opened()
    began = world.clock.time()
    ticket.move(DONE, began + ahead, ANNA, "Done")
    ticket.say("901", Comment("+1", "", public=True), began + ahead, ANNA)
    world.look()
    world.settle()
    assert (issue.status, len(world.remarks(issue))) == ("fixed", 1)
    assert world.clock.time() - began < 20
    assert issue.remarks[0].at <= world.clock.time() * 1e9


# Deletion and moves.


def test_deleting_a_ticket_or_a_comment_tells_nothing(world: BothWays) -> None:
    issue, ticket = world.opened()
    world.say(ticket, "a slip")
    del ticket.talk["901"]
    world.settle()
    told = world.say(ticket, "the loader was down")
    world.settle()
    del ticket.talk[told]
    world.look()
    world.settle()
    assert [text.split("\n\n")[1] for text in world.remarks(issue)] == ["the loader was down"]
    ticket.deleted = True
    world.look()
    world.settle()
    sweep(world, "jira", "upstream")
    assert (issue.status, len(world.remarks(issue))) == ("", 1)


def test_a_moved_ticket_is_not_announced_again_and_its_acts_are_told(
    sqlite_store: Store, tmp_path: Path
) -> None:
    with both_ways(sqlite_store, tmp_path / "rules", "announce = true") as world:
        issue, ticket = world.opened()
        ticket.ref = type(ticket.ref)(ticket.ref.id, "OPS-7")
        ticket.project = "OPS"
        world.clock.sleep(HOURS)
        sweep(world, "jira")
        world.act(ticket, DONE, resolution="Done")
        world.settle()
        sweep(world, "jira", "upstream")
        assert len(world.remarks(issue)) == 1
        assert (issue.status, ticket.status) == ("fixed", DONE)


def test_a_ticket_that_is_made_anew_is_announced_anew(sqlite_store: Store, tmp_path: Path) -> None:
    with both_ways(sqlite_store, tmp_path / "rules", "announce = true") as world:
        rules = (world.folder / "rules.toml").read_text()
        world.write_rules(rules.replace("project =", 'on_deleted = "recreate"\nproject =', 1))
        issue, first = world.opened()
        first.deleted = True
        world.look()
        world.settle()
        [again] = world.jira.alive
        addresses = [world.jira.browse_url(one.ref.key) for one in (first, again)]
        assert [text.split("\n\n")[1] for text in world.remarks(issue)] == addresses
