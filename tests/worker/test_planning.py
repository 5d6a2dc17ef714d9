"""Plans: what rules would do, told without touching anything, and then done exactly so."""

from __future__ import annotations

from sync.domain.actions import Create, Transition, Update
from sync.domain.errors import Outage, SiteDown
from sync.rules import RuleSet, parse
from sync.sandbox.memory import MemoryTracker
from sync.store import tickets
from sync.store.engine import Store
from sync.worker.foresight.forecast import Forecast, forecast_all
from tests.walks.world import RULES, issue_event
from tests.worker.conftest import Make
from tests.worker.edited import DEFAULTS, EditedWorld
from tests.worker.test_rulebook import EDITED, ISSUES_ONLY, opened


def rules(text: str) -> RuleSet:
    return parse({"rules.toml": text}, DEFAULTS)


def planned(world: EditedWorld, text: str = RULES, *, live: bool = False) -> Forecast:
    return forecast_all(
        world.store, rules(text), {"main": world.tracker}, world.clock.time(), live=live
    ).whole()


def test_on_a_settled_system_there_is_nothing_to_do(make: Make) -> None:
    world = make()
    opened(world, "a", "b")
    world.deliver(issue_event("issue_closed", "b", at=2))
    world.settle()
    for live in (False, True):
        found = planned(world, live=live)
        assert not found.tickets
        assert found.looked_at == 1


def test_a_changed_field_is_shown_old_and_new(make: Make, jira: MemoryTracker) -> None:
    world = make()
    opened(world, "a")
    (ticket,) = planned(world, EDITED).tickets
    (update,) = ticket.plan.actions
    assert isinstance(update, Update)
    assert [str(change) for change in update.changes] == ["Labels: +urgent"]
    assert (ticket.ticket, ticket.rule.where) == ("DATA-1", "rules.toml:2")
    assert "urgent" not in jira.alive[0].fields["labels"]


def test_changed_text_is_compared_block_by_block_with_what_was_last_known(make: Make) -> None:
    world = make()
    opened(world, "a", description="One.\n\nTwo.")
    text = RULES.replace("{{ subject.description }}", "{{ subject.description }}\\n\\nThree.")
    (ticket,) = planned(world, text).tickets
    (change,) = ticket.plan.actions[0].changes
    assert change.before.identities == ("One.", "Two.")
    assert change.after.identities == ("One.", "Two.", "Three.")


def test_a_persons_edit_is_seen_live_and_stays(make: Make, jira: MemoryTracker) -> None:
    world = make()
    opened(world, "a")
    jira.alive[0].fields["summary"] = "mine"
    assert not planned(world, live=True).tickets
    owned = RULES + '\n[rule.ownership]\nsummary = "source"\n'
    (ticket,) = planned(world, owned, live=True).tickets
    (change,) = ticket.plan.actions[0].changes
    assert (change.before, change.after) == ("mine", "orders is stale")


def test_tickets_to_be_made_are_shown_with_where_they_will_stand(make: Make) -> None:
    world = make(ISSUES_ONLY)
    opened(world, "a", title="customers is stale")
    world.deliver(
        issue_event(
            "issue_status_updated",
            "b",
            at=1,
            title="events is stale",
            status="ISSUE_STATUS_INVESTIGATING",
        )
    )
    world.settle()
    first, second = planned(world, RULES).tickets
    assert isinstance(first.plan.actions[0], Create)
    assert not any(isinstance(action, Transition) for action in first.plan.actions)
    assert any(isinstance(action, Transition) for action in second.plan.actions)
    assert world.rows() == []


def test_subjects_that_a_rule_groups_make_one_ticket(make: Make, store: Store) -> None:
    world = make(ISSUES_ONLY, store=store)
    opened(world, "a", "b", "c", title="customers is stale", trigger_name="freshness")
    grouped = RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\ngroup_by = "trigger"')
    (ticket,) = planned(world, grouped).tickets
    assert len(ticket.subjects) == 3


def test_a_subject_that_joins_a_ticket_changes_it_and_makes_none(make: Make) -> None:
    grouped = ISSUES_ONLY.replace("{{ subject.title }}", "{{ subjects | length }} stale").replace(
        'issue_type = "Bug"', 'issue_type = "Bug"\ngroup_by = "trigger"'
    )
    world = make(grouped)
    opened(world, "a", title="orders is stale", trigger_name="freshness")
    opened(world, "b", title="customers is stale", trigger_name="freshness")
    wider = grouped.replace('when = { title = "orders*" }', "")
    (ticket,) = planned(world, wider).tickets
    assert ticket.ticket == "DATA-1"
    assert "1 stale → 2 stale" in str(ticket.plan.actions[0])


def test_a_held_ticket_says_what_it_waits_for(make: Make) -> None:
    held = RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\nhold = "10m"')
    world = make(held)
    world.deliver(issue_event("issue_created", "a", at=1))
    world.step()
    (ticket,) = planned(world, held).tickets
    assert ticket.waits.startswith("for 10m of its hold")


def test_a_rule_that_is_gone_is_shown_as_setting_its_tickets_aside(make: Make) -> None:
    world = make()
    opened(world, "a")
    other = RULES.replace('name = "everything"', 'name = "orders"\nwhen = { title = "x*" }')
    (ticket,) = planned(world, other).tickets
    assert ticket.plan.parked is not None
    assert "'everything'" in ticket.plan.parked.reason


def test_a_site_that_cannot_be_asked_is_asked_once_and_reported(
    make: Make, jira: MemoryTracker
) -> None:
    world = make()
    opened(world, "a", "b", "c")
    jira.fail("read", lambda: SiteDown("maintenance", outage=Outage.MAINTENANCE))
    before = jira.calls["read"]
    found = forecast_all(
        world.store, rules(EDITED), {"main": jira}, world.clock.time(), live=True
    ).whole()
    assert found.counts["trouble"] >= 1
    assert jira.calls["read"] - before <= 3
    assert {ticket.trouble for ticket in found.tickets if ticket.trouble} == {"maintenance"}


def test_planning_leaves_store_and_jira_as_they_were(make: Make, jira: MemoryTracker) -> None:
    world = make(ISSUES_ONLY)
    opened(world, "a", title="orders is stale")
    opened(world, "b", title="customers is stale")
    before = [row.model_dump() for row in world.rows()], world.journal(), dict(jira.calls)
    assert planned(world, EDITED).changes
    assert ([row.model_dump() for row in world.rows()], world.journal(), dict(jira.calls)) == before


def test_a_ticket_that_was_left_behind_is_still_to_be_closed(make: Make) -> None:
    text = RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\nreopen_within = "1m"')
    world = make(text)
    opened(world, "a")
    for type_, at in (("issue_closed", 10), ("issue_updated", 600)):
        world.deliver(issue_event(type_, "a", at=at))
        while world.triage.batch():
            pass
    old, new = planned(world, text).tickets
    assert old.ticket == "DATA-1"
    assert isinstance(new.plan.actions[0], Create)
    with world.store.write() as session:
        row = tickets.find(session, "DATA-1")
        assert row is not None
        row.departed = []
    assert [one.key for one in planned(world, text).tickets] == [new.key]
