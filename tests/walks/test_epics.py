"""Epics that rules name for their tickets: found, or made once and never twice, on both dialects."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from sync.domain.errors import Unknown
from sync.operations.accounts import on_command_line
from sync.operations.errors import Refused
from sync.operations.ticket_moves import Linking, link
from sync.sandbox.jira import Effect, JiraSandbox, Ticket
from sync.sandbox.jira.ready_site import EPIC_LINK, EPIC_NAME
from sync.store.engine import open_store
from sync.store.tables import EpicRow, SiteRow
from sync.worker.adoption import Adoption
from sync.worker.ahead import Ahead
from sync.worker.foresight.forecast import forecast_all
from sync.worker.sweeps import retention
from tests.options.stage import parent_of
from tests.walks.test_jira import real, sandbox
from tests.walks.test_lifecycle import A
from tests.walks.world import RULES, SimulatedClock, World, issue_event

__all__ = ["real", "sandbox"]
DAY = 86_400.0
NAME = "Data quality: {{ issue.trigger_name }}"


def rules(epic: str = NAME, more: str = "") -> str:
    quoted = epic.replace("\\", "\\\\").replace('"', '\\"')
    body = RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\nwhen = { kind = "issue" }')
    return body.replace("[rule.fields]", f'[rule.fields]\nparent = {{ epic = "{quoted}"{more} }}')


def broken(number: int, *, at: float = 1, group: str = "orders", **more: Any) -> Any:
    return issue_event(
        "issue_created",
        f"{A[:-2]}{number:02}",
        at=at,
        trigger_name=group,
        title=f"t{number}",
        **more,
    )


def closed(number: int, *, at: float) -> Any:
    return issue_event("issue_closed", f"{A[:-2]}{number:02}", at=at, title=f"t{number}")


def epics(sandbox: JiraSandbox) -> list[Ticket]:
    return sorted((one for one in sandbox.tickets() if one.type == "Epic"), key=lambda t: int(t.id))


def children(sandbox: JiraSandbox) -> list[Ticket]:
    return sorted((one for one in sandbox.tickets() if one.type != "Epic"), key=lambda t: int(t.id))


def parents(sandbox: JiraSandbox) -> list[str]:
    return [parent_of(one) for one in children(sandbox)]


def total(sandbox: JiraSandbox) -> int:
    return sum(sandbox.calls.values())


def parked(world: World) -> list[str]:
    rows = [(row.parked or {}).get("fields", {}).values() for row in world.rows()]
    return [one["words"] for fields in rows for one in fields]


def foreseen(world: World) -> list[str]:
    """What `plan` says of all tickets together."""
    plans = forecast_all(world.store, world.rules(), {"main": world.tracker}, world.clock.time())
    return sorted(str(action) for one in plans.whole().tickets for action in one.plan.actions)


def test_each_group_gets_one_epic_and_what_did_not_change_costs_nothing(
    real: World, sandbox: JiraSandbox
) -> None:
    if sandbox.dialect.value == "datacenter":
        require_epic_name(sandbox)
    real.write_rules(rules())
    for number in range(6):
        real.deliver(broken(number, group=("orders", "customers")[number % 2]))
    real.settle()
    made = epics(sandbox)
    assert sorted(one.summary for one in made) == [
        "Data quality: customers",
        "Data quality: orders",
    ]
    by_name = {one.summary: one.key for one in made}
    for one in children(sandbox):
        group = ("orders", "customers")[int(one.summary[1:]) % 2]
        assert parent_of(one) == by_name[f"Data quality: {group}"]
    assert parked(real) == []
    calls = total(sandbox)
    real.deliver(broken(0, at=1))
    real.settle()
    assert total(sandbox) == calls
    plans = forecast_all(real.store, real.rules(), {"main": real.tracker}, real.clock.time())
    assert plans.whole().tickets == ()


def require_epic_name(sandbox: JiraSandbox) -> None:
    project = sandbox.site.projects["DATA"]
    for screens in (project.create_screens, project.edit_screens):
        for kind, screen in list(screens.items()):
            screens[kind] = tuple(
                replace(item, required=True) if item.field == EPIC_NAME else item for item in screen
            )


def test_an_open_epic_of_that_name_is_taken_the_oldest_of_several(
    real: World, sandbox: JiraSandbox, clock: SimulatedClock
) -> None:
    done = sandbox.person.create("DATA", "Epic", "Data quality: orders")
    sandbox.person.transition(done, "Done")
    names = ["Data quality: orders late", "data  Quality: ORDERS", "Data quality: orders"]
    _, first, _ = [sandbox.person.create("DATA", "Epic", name) for name in names]
    clock.sleep(60)
    real.write_rules(rules())
    real.deliver(broken(1), broken(2))
    real.settle()
    assert parents(sandbox) == [first, first]
    assert len(epics(sandbox)) == 4


def test_the_epic_of_a_group_is_not_linked_as_the_ticket_of_an_issue(
    real: World, sandbox: JiraSandbox
) -> None:
    real.write_rules(rules())
    real.deliver(broken(1))
    real.settle()
    (epic,), (child,) = epics(sandbox), children(sandbox)
    real.clock.sleep(30)
    sites = ({"main": real.tracker}, real.rules())
    wish = Linking(f"{A[:-2]}01", epic.key, instead=True)
    with pytest.raises(Refused, match=f"{epic.key} is the epic 'Data quality: orders'"):
        link(real.store, sites, on_command_line(), wish, real.clock.time())
    real.settle(within=86_400)
    assert (epics(sandbox), children(sandbox)) == ([epic], [child])


def test_an_epic_of_rules_is_not_taken_over_as_the_ticket_of_an_issue(
    real: World, sandbox: JiraSandbox, clock: SimulatedClock
) -> None:
    real.write_rules(rules())
    real.deliver(broken(1))
    real.settle()
    (epic,) = epics(sandbox)
    real.deliver(broken(2))
    while real.triage.batch():
        pass
    clock.sleep(30)
    heard, unheard = (f"{A[:-2]}{number}" for number in ("02", "03"))
    for kind in ("the epic 'Data quality: orders'", "an epic made for tickets of rules"):
        ahead = Ahead(real.store, clock, "coalesce", "main", "ada")
        adoption = Adoption(
            real.store, real.tracker, real.rules(), clock, "coalesce", apply=True, ahead=ahead
        )
        pairs = adoption.pairs([(heard, epic.key), (unheard, epic.key)])
        assert [pair.fate.value for pair in pairs] == ["conflict", "conflict"]
        assert all(pair.words.startswith(f"it is {kind}") for pair in pairs)
        # Its label tells of it as well where the store was lost.
        with real.store.write() as session:
            session.execute(delete(EpicRow))
    real.settle()
    assert (epics(sandbox), len(children(sandbox))) == ([epic], 2)


def test_a_ticket_that_was_recorded_ahead_stays_under_the_epic_of_a_person_and_none_is_made(
    real: World, sandbox: JiraSandbox, clock: SimulatedClock
) -> None:
    theirs = sandbox.person.create("DATA", "Epic", "A person's")
    under = {"parent": {"key": theirs}} if sandbox.site.cloud else {EPIC_LINK: theirs}
    key = sandbox.person.create("DATA", "Bug", "words", **under)
    real.write_rules(rules())
    clock.sleep(30)
    ahead = Ahead(real.store, clock, "coalesce", "main", "ada")
    adoption = Adoption(
        real.store, real.tracker, real.rules(), clock, "coalesce", apply=True, ahead=ahead
    )
    adoption.pairs([(f"{A[:-2]}01", key)])
    real.deliver(broken(1))
    real.settle()
    assert [one.key for one in epics(sandbox)] == [theirs]
    assert parents(sandbox) == [theirs]
    assert foreseen(real) == []


def test_an_epic_that_is_only_to_be_found_parks_the_field_alone_until_it_is_there(
    real: World, sandbox: JiraSandbox, clock: SimulatedClock
) -> None:
    real.write_rules(rules(more=", make = false"))
    real.deliver(broken(1))
    real.settle()
    assert (parents(sandbox), epics(sandbox)) == ([""], [])
    (words,) = parked(real)
    assert "project DATA has no open epic 'Data quality: orders'" in words
    epic = sandbox.person.create("DATA", "Epic", "Data quality: orders")
    clock.sleep(120)
    real.deliver(issue_event("issue_updated", f"{A[:-2]}01", at=130, trigger_name="orders"))
    real.settle()
    assert (parents(sandbox), parked(real)) == ([epic], [])


@pytest.mark.parametrize("reply", ["lost before", "lost after"])
def test_a_lost_reply_makes_one_epic(real: World, sandbox: JiraSandbox, reply: str) -> None:
    after = reply == "lost after"
    sandbox.faults.add(Effect.DROP, method="POST", path=r"/issue$", count=1, after=after)
    real.write_rules(rules())
    real.deliver(*(broken(number) for number in range(4)))
    real.settle()
    (epic,) = epics(sandbox)
    assert parents(sandbox) == [epic.key] * 4


class Killed(BaseException):
    """The process ends."""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_ends_at_the_call_leaves_one_epic_to_the_next(
    real: World, sandbox: JiraSandbox, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    make = real.tracker.epics.make  # type: ignore[union-attr]

    def killed(*args: Any, **how: Any) -> Any:
        if moment == "after":
            make(*args, **how)
        raise Killed

    real.write_rules(rules())
    real.deliver(broken(1), broken(2))
    with monkeypatch.context() as patch:
        patch.setattr(real.tracker.epics, "make", killed)
        with pytest.raises(Killed):
            real.settle()
    other = World(real.store, real.tracker, real.clock, real.folder, rules())
    other.clock.sleep(3600)
    other.settle()
    (epic,) = epics(sandbox)
    assert parents(sandbox) == [epic.key] * 2


def test_a_daemon_that_was_about_to_make_it_finds_that_another_has(
    real: World, sandbox: JiraSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have looked, and found none; Jira's index shows neither what the other made."""
    other = World(real.store, real.tracker, real.clock, real.folder, rules())
    real.write_rules(rules())
    real.deliver(broken(1))
    find = real.tracker.epics.find  # type: ignore[union-attr]

    def while_the_other_goes_on(*args: Any, **how: Any) -> Any:
        found = find(*args, **how)
        patch.undo()
        other.deliver(broken(2))
        while other.step():
            pass
        assert len(epics(sandbox)) == 1
        return found

    with monkeypatch.context() as patch:
        patch.setattr(real.tracker.epics, "find", while_the_other_goes_on)
        real.settle()
    (epic,) = epics(sandbox)
    assert parents(sandbox) == [epic.key] * 2


def test_a_store_that_was_put_back_finds_the_epics_that_it_does_not_know(
    real: World, sandbox: JiraSandbox, tmp_path: Path, sqlite_template: Path, clock: SimulatedClock
) -> None:
    real.write_rules(rules())
    real.deliver(broken(1))
    real.settle()
    (epic,) = epics(sandbox)
    sandbox.person.edit(epic.key, summary="Orders, for ever")
    shutil.copy(sqlite_template, tmp_path / "empty.db")
    clock.sleep(60)
    store = open_store(f"sqlite:///{tmp_path / 'empty.db'}")
    world = World(store, real.tracker, clock, real.folder, rules())
    world.deliver(broken(2, at=100))
    world.settle()
    world.close()
    assert [one.key for one in epics(sandbox)] == [epic.key]
    assert parents(sandbox) == [epic.key] * 2


def test_a_copy_of_the_store_that_was_put_back_waits_until_the_search_shows_what_was_made(
    real: World, sandbox: JiraSandbox, clock: SimulatedClock
) -> None:
    real.write_rules(rules())
    real.deliver(broken(1))
    real.settle()
    with real.store.write() as session:
        session.connection().exec_driver_sql("DELETE FROM epics")
        row = session.get_one(SiteRow, "main")
        row.older, row.whole_since, row.surveyed_at = True, clock.time(), None
    other = World(real.store, real.tracker, real.clock, real.folder, rules())
    other.deliver(broken(2, at=2))
    other.settle()
    (epic,) = epics(sandbox)
    assert parents(sandbox) == [epic.key] * 2


def test_people_rename_close_and_move_an_epic_and_it_stays_the_groups(
    real: World, sandbox: JiraSandbox, clock: SimulatedClock
) -> None:
    real.write_rules(rules())
    real.deliver(broken(1))
    real.settle()
    (epic,) = epics(sandbox)
    sandbox.person.edit(epic.key, summary="Orders, for ever")
    sandbox.person.transition(epic.key, "Done")
    moved = sandbox.person.move(epic.key, "FLOW")
    clock.sleep(120)
    real.deliver(broken(2, at=130))
    real.settle()
    assert parents(sandbox) == [moved, moved]
    assert len(epics(sandbox)) == 1


def test_an_epic_is_forgotten_once_no_open_ticket_needs_it_and_found_by_the_group_that_comes_back(
    real: World, sandbox: JiraSandbox, clock: SimulatedClock
) -> None:
    real.write_rules(rules())
    real.deliver(broken(1), broken(2, group="customers"))
    real.settle()
    orders = parents(sandbox)[0]
    clock.sleep(200 * DAY)
    assert retention.prune(real.store, clock, retention.Keep())["epics"] == 0
    real.deliver(closed(1, at=10), broken(3, at=11, group="customers"))
    real.settle()
    # An issue of the same project has been open all the while.
    assert retention.prune(real.store, clock, retention.Keep())["epics"] == 0
    real.deliver(closed(2, at=12), closed(3, at=12))
    real.settle()
    calls = total(sandbox)
    assert retention.prune(real.store, clock, retention.Keep())["epics"] == 1
    assert total(sandbox) == calls
    sandbox.person.edit(orders, summary="Orders, for ever")
    sandbox.person.transition(orders, "Done")
    real.deliver(broken(4, at=20))
    real.settle()
    assert parents(sandbox)[-1] == orders
    assert len(epics(sandbox)) == 2


def test_a_deleted_epic_is_made_anew_for_the_next_ticket(
    real: World, sandbox: JiraSandbox, clock: SimulatedClock
) -> None:
    real.write_rules(rules())
    real.deliver(broken(1))
    real.settle()
    (epic,) = epics(sandbox)
    sandbox.person.delete(epic.key)
    clock.sleep(120)
    real.deliver(broken(2, at=130))
    real.settle()
    (anew,) = epics(sandbox)
    assert anew.key != epic.key
    assert parents(sandbox)[1] == anew.key


def test_people_who_move_a_ticket_elsewhere_win_until_its_group_changes(
    real: World, sandbox: JiraSandbox, clock: SimulatedClock
) -> None:
    real.write_rules(rules())
    real.deliver(broken(1))
    real.settle()
    own = sandbox.person.create("DATA", "Epic", "Ours")
    (ticket,) = children(sandbox)
    cloud = sandbox.dialect.value == "cloud"
    by_hand = {"parent": {"key": own}} if cloud else {EPIC_LINK: own}
    sandbox.person.edit(ticket.key, **by_hand)
    real.deliver(broken(1, at=10, description="Still nothing."))
    real.settle()
    assert parents(sandbox) == [own]


HOSTILE = [
    'say "hello" \\ and [AND] OR project = X',
    "* ? ~ ! ( ) { } ^ : -- ' % _ ;",
    "注文の品質 – Größe é🙂",
    "x" * 300,
    "AND",
]


def test_any_name_is_found_again_by_another_daemon(
    real: World, sandbox: JiraSandbox, clock: SimulatedClock
) -> None:
    real.write_rules(rules("{{ issue.trigger_name }}"))
    for number, name in enumerate(HOSTILE):
        real.deliver(broken(number, group=name))
    real.settle()
    made = {one.key: one for one in epics(sandbox)}
    assert [made[key].summary[:40] for key in parents(sandbox)] == [name[:40] for name in HOSTILE]
    with real.store.write() as session:
        session.connection().exec_driver_sql("DELETE FROM epics")
    for one in made.values():
        sandbox.person.remove_labels(one.key, *one.labels)
    clock.sleep(120)
    for number, name in enumerate(HOSTILE):
        real.deliver(broken(10 + number, at=300, group=name))
    real.settle()
    assert len(epics(sandbox)) == len(HOSTILE)
    assert parents(sandbox)[: len(HOSTILE)] == parents(sandbox)[len(HOSTILE) :]


def test_an_empty_name_means_no_epic(real: World, sandbox: JiraSandbox) -> None:
    real.write_rules(rules("{{ issue.trigger_name }}"))
    real.deliver(broken(1, group="  "))
    real.settle()
    assert (parents(sandbox), epics(sandbox), parked(real)) == ([""], [], [])


def test_a_ticket_that_the_rule_does_not_make_gets_no_epic(
    real: World, sandbox: JiraSandbox
) -> None:
    real.write_rules(
        rules().replace("[rule.fields]", "create_when_ended = false\n[rule.fields]", 1)
    )
    real.deliver(broken(1), issue_event("issue_closed", f"{A[:-2]}01", at=2, trigger_name="orders"))
    real.settle()
    assert sandbox.tickets() == []


def test_where_jira_refuses_the_epic_its_tickets_are_made_without_and_say_why(
    real: World, sandbox: JiraSandbox
) -> None:
    project = sandbox.site.projects["DATA"]
    kind = next(one for one in project.types if one.name == "Epic")
    screen = project.create_screens[kind.id]
    project.create_screens[kind.id] = tuple(
        replace(item, required=True) if item.field == "environment" else item for item in screen
    )
    real.write_rules(rules())
    real.deliver(*(broken(number) for number in range(4)))
    real.settle()
    assert parents(sandbox) == [""] * 4
    assert all("the epic 'Data quality: orders' cannot be made" in words for words in parked(real))
    assert all("Environment is required" in words for words in parked(real))
    assert foreseen(real) == []
    tried = [
        n for (how, path, status), n in sandbox.calls.items() if (how, status) == ("POST", 400)
    ]
    assert sum(tried) <= 2


def test_where_jira_fails_on_the_epic_each_time_all_tickets_are_made_without(
    real: World, sandbox: JiraSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def failing(*args: Any, **how: Any) -> Any:
        tries.append(args)
        raise Unknown("creating the epic: HTTP 500", failed=True)

    monkeypatch.setattr(real.tracker.epics, "make", failing)
    real.write_rules(rules())
    real.deliver(*(broken(number) for number in range(5)))
    real.settle()
    assert parents(sandbox) == [""] * 5
    assert foreseen(real) == []
    assert all("Jira fails each time it is to make the epic" in words for words in parked(real))
    assert (len(parked(real)), len(tries)) == (5, 3)


@pytest.mark.parametrize("above", ["theirs", "none"])
def test_a_ticket_that_is_taken_over_keeps_the_epic_that_people_gave_it(
    real: World, sandbox: JiraSandbox, clock: SimulatedClock, above: str
) -> None:
    other = 'issue_type = "Bug"\nwhen = { kind = "incident" }'
    real.write_rules(RULES.replace('issue_type = "Bug"', other))
    real.deliver(broken(1))
    real.settle()
    own = sandbox.person.create("DATA", "Epic", "Ours")
    theirs = sandbox.person.create("DATA", "Bug", "t1")
    cloud = sandbox.dialect.value == "cloud"
    by_hand = {"parent": {"key": own}} if cloud else {EPIC_LINK: own}
    if above == "theirs":
        sandbox.person.edit(theirs, **by_hand)
    real.write_rules(rules())
    clock.sleep(60)
    adoption = Adoption(real.store, real.tracker, real.rules(), clock, "coalesce", apply=True)
    (pair,) = adoption.pairs([(f"{A[:-2]}01", theirs)])
    assert pair.fate.value == "adopt"
    real.settle()
    real.deliver(broken(1, at=5, description="Still nothing."))
    real.settle()
    made = [one.key for one in epics(sandbox) if one.key != own]
    assert parents(sandbox) == ([own] if above == "theirs" else made)


def test_a_plan_says_which_epic_a_ticket_will_have_and_makes_none(
    real: World, sandbox: JiraSandbox, clock: SimulatedClock
) -> None:
    there = sandbox.person.create("DATA", "Epic", "Data quality: customers")
    clock.sleep(60)
    real.write_rules(RULES)
    real.deliver(broken(1), broken(2, group="customers"))
    real.settle()
    real.write_rules(rules())
    words = foreseen(real)
    assert any("epic 'Data quality: orders', found or made by then" in one for one in words)
    assert any(there in one for one in words)
    assert [one.key for one in epics(sandbox)] == [there]
