"""A subject that comes back too late for its old ticket, and what becomes of that one."""

from __future__ import annotations

import pytest

from sync.sandbox.memory import DONE, TO_DO, MemoryTicket, MemoryTracker
from sync.store import tickets
from tests.walks.world import RULES, World, issue_event


def ruled(*lines: str) -> str:
    return RULES.replace('issue_type = "Bug"', "\n".join(('issue_type = "Bug"', *lines)))


def read(world: World) -> None:
    """Triage what was delivered, while nobody walks: Jira is away."""
    while world.triage.batch():
        pass


def look_again(world: World, name: str) -> None:
    with world.store.write() as session:
        row = tickets.find(session, name)
        assert row is not None
        tickets.make_due(row, world.clock.time(), "a sweep saw an edit", look=True)


def in_order(jira: MemoryTracker) -> list[MemoryTicket]:
    return sorted(jira.alive, key=lambda ticket: int(ticket.ref.id))


def test_a_ticket_that_its_subject_left_before_it_was_closed_is_closed_all_the_same(
    world_on_each_store: World, jira: MemoryTracker
) -> None:
    world = world_on_each_store
    world.write_rules(ruled('reopen_within = "1m"'))
    world.deliver(issue_event("issue_created", "i1", at=1, title="first"))
    world.settle()
    world.deliver(issue_event("issue_closed", "i1", at=10, title="first"))
    read(world)
    world.deliver(issue_event("issue_updated", "i1", at=600, title="again"))
    world.settle()
    old, new = in_order(jira)
    assert (old.status, old.fields["summary"]) == (DONE, "first")
    assert [text for _, text in old.comments.values()] == ["Closed upstream."]
    assert (new.status, new.fields["summary"]) == (TO_DO, "again")
    calls = sum(jira.calls.values())
    world.settle(within=86_400)
    assert sum(jira.calls.values()) == calls


def test_a_ticket_that_was_left_behind_can_be_looked_at_again(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(ruled('reopen_within = "1m"'))
    for type_, at in (("issue_created", 1), ("issue_closed", 10), ("issue_updated", 600)):
        world.deliver(issue_event(type_, "i1", at=at))
        world.settle()
    old, _ = in_order(jira)
    writes = {name: count for name, count in jira.calls.items() if name != "read"}
    look_again(world, old.ref.key)
    world.settle()
    row = world.rows()[0]
    assert (row.due_at, row.error, row.parked_at) == (None, "", None)
    assert {name: count for name, count in jira.calls.items() if name != "read"} == writes


def test_a_ticket_for_which_no_subject_speaks_rests_and_is_not_parked(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(ruled('reopen_within = "1m"'))
    for type_, at in (("issue_created", 1), ("issue_closed", 10), ("issue_updated", 600)):
        world.deliver(issue_event(type_, "i1", at=at))
        world.settle()
    old, _ = in_order(jira)
    with world.store.write() as session:
        row = tickets.find(session, old.ref.key)
        assert row is not None
        # As a store of before they were kept has it.
        row.departed, row.parked_at, row.parked = [], 1.0, {"words": "a defect"}
    calls = dict(jira.calls)
    look_again(world, old.ref.key)
    world.settle()
    row = world.rows()[0]
    assert (row.state, row.due_at, row.parked_at, row.parked) == ("linked", None, None, None)
    assert dict(jira.calls) == calls


@pytest.mark.parametrize("other", ["is open", "has only just ended"])
def test_who_comes_back_late_goes_to_its_groups_ticket_while_that_may_be_open(
    world: World, jira: MemoryTracker, other: str
) -> None:
    world.write_rules(ruled('group_by = "trigger"', 'reopen_within = "1m"'))
    for name in ("i1", "i2"):
        world.deliver(issue_event("issue_created", name, at=1, trigger_name="t"))
    world.deliver(issue_event("issue_closed", "i1", at=10, trigger_name="t"))
    world.settle()
    if other != "is open":
        world.deliver(issue_event("issue_closed", "i2", at=590, trigger_name="t"))
        world.settle()
    world.deliver(issue_event("issue_updated", "i1", at=600, trigger_name="t"))
    world.settle()
    (ticket,) = jira.alive
    assert ticket.status == TO_DO


def test_a_groups_old_ticket_goes_on_telling_of_who_left_it(
    world: World, jira: MemoryTracker
) -> None:
    rules = ruled('group_by = "trigger"', 'reopen_within = "1m"').replace(
        'description = "{{ subject.description }}"',
        "description = \"{{ subjects | map(attribute='title') | join(', ') }}\"",
    )
    world.write_rules(rules)
    for name in ("i1", "i2"):
        world.deliver(issue_event("issue_created", name, at=1, title=name, trigger_name="t"))
    world.settle()
    for name in ("i1", "i2"):
        world.deliver(issue_event("issue_closed", name, at=10, title=name, trigger_name="t"))
    world.settle()
    world.deliver(issue_event("issue_updated", "i1", at=600, title="again", trigger_name="t"))
    world.settle()
    old, new = in_order(jira)
    look_again(world, old.ref.key)
    world.settle()
    told = [block.identity for block in old.fields["description"].blocks]
    assert (told, old.status) == (["i1, i2"], DONE)
    assert [block.identity for block in new.fields["description"].blocks] == ["again"]


def test_a_deleted_ticket_is_made_anew_for_what_comes_back_where_the_rule_recreates(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(ruled('on_deleted = "recreate"'))
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()
    jira.alive[0].deleted = True
    world.deliver(issue_event("issue_closed", "i1", at=2))
    world.settle()
    assert not jira.alive, "what is over needs no other ticket"
    world.deliver(issue_event("issue_updated", "i1", at=3, title="it is back"))
    world.settle()
    (ticket,) = jira.alive
    assert (ticket.fields["summary"], ticket.status) == ("it is back", TO_DO)


def test_a_deleted_ticket_stays_so_for_what_comes_back_where_the_rule_ignores(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(ruled('on_deleted = "ignore"'))
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()
    jira.alive[0].deleted = True
    for type_, at in (("issue_closed", 2), ("issue_updated", 3)):
        world.deliver(issue_event(type_, "i1", at=at))
        world.settle()
    assert not jira.alive
    world.write_rules(ruled('on_deleted = "recreate"'))
    world.deliver(issue_event("issue_updated", "i1", at=4))
    world.settle()
    assert len(jira.alive) == 1


@pytest.mark.parametrize("policy", ["recreate", "ignore"])
def test_later_issues_of_a_group_whose_ticket_was_deleted_share_one_ticket(
    world: World, jira: MemoryTracker, policy: str
) -> None:
    world.write_rules(ruled('group_by = "trigger"', f'on_deleted = "{policy}"'))
    world.deliver(issue_event("issue_created", "i1", at=1, trigger_name="t"))
    world.settle()
    jira.alive[0].deleted = True
    world.deliver(issue_event("issue_closed", "i1", at=2, trigger_name="t"))
    world.settle()
    for name in ("i2", "i3"):
        world.deliver(issue_event("issue_created", name, at=3, trigger_name="t"))
        world.settle()
    (ticket,) = jira.alive
    assert ticket.status == TO_DO
    # Under recreate it is the ticket of the whole group again.
    world.deliver(issue_event("issue_updated", "i1", at=4, trigger_name="t"))
    world.settle()
    assert jira.alive == [ticket]


def test_a_storm_whose_ticket_was_deleted_goes_on_another(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(ruled('on_deleted = "ignore"', 'storm = { limit = 1, window = "10m" }'))
    for number in (1, 2):
        world.deliver(issue_event("issue_created", f"i{number}", at=number))
        world.settle()
    umbrella = in_order(jira)[-1]
    umbrella.deleted = True
    world.deliver(issue_event("issue_updated", "i2", at=3, title="other"))
    world.settle()
    assert [row.state for row in world.rows()] == ["linked", "gone"]
    for number in (3, 4):
        world.deliver(issue_event("issue_created", f"i{number}", at=number + 1))
        world.settle()
    assert [row.state for row in world.rows()] == ["linked", "gone", "linked"]
    assert len(jira.alive) == 2


def test_a_storm_that_comes_in_one_batch_is_counted_ticket_by_ticket(
    world_on_each_store: World, jira: MemoryTracker
) -> None:
    world = world_on_each_store
    world.write_rules(ruled('storm = { limit = 3, window = "10m" }'))
    world.deliver(issue_event("issue_created", "i0", at=1))
    world.settle()
    world.deliver(*(issue_event("issue_created", f"i{n}", at=1 + n) for n in range(1, 6)))
    world.settle()
    assert len(jira.alive) == 4
    assert max(len(ticket.remote_links) for ticket in jira.alive) == 3, "the rest is on one"
