"""Edits of the rules: picked up whole, never for worse, brought to the tickets they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.domain.errors import Rejected
from sync.domain.subject import Status, merge_from_api
from sync.rules import RuleErrors
from sync.sandbox.memory import DONE, MemoryTracker
from sync.store.engine import Store
from sync.telemetry import RULES_OK
from sync.worker.rulebook.accept import accept
from sync.worker.rulebook.files import RuleFiles
from sync.worker.rulebook.impact import follow_names, impact, reach
from sync.worker.rulebook.in_force import Guard, Rulebook
from tests.walks.world import RULES, issue_event
from tests.worker.conftest import Make
from tests.worker.edited import DEFAULTS
from tests.worker.sweeps.build import RULES as SCENE_RULES
from tests.worker.sweeps.build import Scene, incident, issue

EDITED = RULES.replace('labels = ["data-quality"]', 'labels = ["data-quality", "urgent"]')
BROKEN = RULES.replace("{{ subject.title }}", "{{ subject.titel }}").replace("labels", "lables", 0)
ISSUES_ONLY = RULES.replace(
    'name = "everything"', 'name = "everything"\nwhen = { title = "orders*" }'
)


def labels(jira: MemoryTracker) -> list[bool]:
    return ["urgent" in ticket.fields["labels"] for ticket in jira.alive]


def opened(world, *ids: str, **fields) -> None:
    world.deliver(*(issue_event("issue_created", id_, at=1, **fields) for id_ in ids))
    world.settle()


def test_an_edit_reaches_the_open_tickets_it_changes(
    make: Make, store: Store, jira: MemoryTracker
) -> None:
    world = make(store=store)
    opened(world, "a", "b")
    world.edit(EDITED)
    world.settle()
    assert labels(jira) == [True, True]
    assert any("an edit of the rules changes labels" in line for line in world.journal())


def test_a_ticket_that_is_closed_is_left_as_it_is(make: Make, jira: MemoryTracker) -> None:
    world = make()
    opened(world, "a")
    world.deliver(issue_event("issue_closed", "a", at=2))
    world.settle()
    calls = sum(jira.calls.values())
    world.edit(EDITED)
    world.settle()
    assert labels(jira) == [False]
    assert sum(jira.calls.values()) == calls


def test_an_edit_of_the_hold_reaches_the_tickets_that_are_held(
    make: Make, jira: MemoryTracker
) -> None:
    held = RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\nhold = "2h"')
    world = make(held)
    opened(world, "a")
    assert not jira.alive
    world.edit(held.replace('"2h"', '"3h"'))
    world.settle()
    assert not jira.alive
    world.edit(RULES)
    world.settle()
    assert len(jira.alive) == 1


def test_an_edit_that_says_the_same_elsewhere_in_the_file_makes_nothing_due(
    make: Make, jira: MemoryTracker
) -> None:
    world = make()
    opened(world, "a")
    before = world.in_force()
    world.edit("# a remark\n\n" + RULES)
    assert world.rules().rules[0].ref.line == 4
    assert all(row.due_at is None for row in world.rows())
    assert before is not None
    assert world.in_force().digest == before.digest
    assert world.in_force().texts["rules.toml"].startswith("# a remark")


def test_a_bad_edit_keeps_the_last_good_rules_and_says_so(make: Make, jira: MemoryTracker) -> None:
    world = make()
    world.edit(BROKEN)
    assert "rules.toml:8" in world.book.detail()
    assert "titel" in world.book.detail()
    assert RULES_OK._value.get() == 0
    assert "titel" in world.problem().words[0]
    opened(world, "a")
    assert len(jira.alive) == 1
    world.edit(EDITED)
    assert world.book.detail() == ""
    assert RULES_OK._value.get() == 1
    assert world.problem() is None


def test_a_file_that_vanishes_keeps_the_last_good_rules(make: Make) -> None:
    world = make()
    (world.folder / "rules.toml").unlink()
    world.notice()
    assert "has no rule files" in world.book.detail()
    assert len(world.rules().rules) == 1


def test_a_daemon_that_starts_with_broken_rules_works_by_those_in_force(make: Make) -> None:
    make()
    again = make(BROKEN)
    assert [rule.ref.name for rule in again.rules().rules] == ["everything"]
    assert "titel" in again.book.detail()


def test_the_first_start_with_broken_rules_does_not_start(make: Make) -> None:
    with pytest.raises(RuleErrors, match="titel"):
        make(BROKEN)


def test_files_that_are_still_being_copied_are_not_taken_for_an_edit(make: Make) -> None:
    world = make()
    world.write_rules(EDITED)
    world.book.poll()
    (world.folder / "more.toml").write_text('[[rule]]\nname = "more"\n')
    world.book.poll()
    assert len(world.rules().rules) == 1
    world.book.poll()
    assert len(world.rules().rules) == 2


def test_an_edit_that_touches_many_tickets_waits_until_it_is_accepted(
    make: Make, jira: MemoryTracker, store: Store
) -> None:
    world = make(guard=Guard(most=2), store=store)
    opened(world, "a", "b", "c")
    world.edit(EDITED)
    world.settle()
    assert labels(jira) == [False, False, False]
    assert "would change 3 and make 0 tickets" in world.book.detail()
    assert (world.waiting().changed, world.waiting().made) == (3, 0)
    done = accept(store, world.files, world.clock.time())
    assert (done.new, done.changed) == (True, 3)
    world.notice()
    world.settle()
    assert labels(jira) == [True, True, True]
    assert world.book.detail() == ""
    assert world.waiting() is None


def test_read_again_takes_an_edit_up_at_once_and_a_large_one_waits_all_the_same(
    make: Make, jira: MemoryTracker
) -> None:
    world = make(guard=Guard(most=1))
    opened(world, "a")
    world.write_rules(EDITED)
    world.book.read_again()
    world.settle()
    assert labels(jira) == [True]
    opened(world, "b")
    world.write_rules(RULES)
    world.book.read_again()
    assert "would change 2 and make 0 tickets" in world.book.detail()
    assert world.waiting() is not None


def test_taking_the_edit_back_ends_the_waiting(make: Make) -> None:
    world = make(guard=Guard(most=0))
    opened(world, "a")
    world.edit(EDITED)
    assert world.waiting() is not None
    world.edit(RULES)
    assert world.waiting() is None
    assert world.book.detail() == ""


def test_a_large_edit_may_hold_for_new_tickets_only(make: Make, jira: MemoryTracker) -> None:
    world = make(guard=Guard(most=1, wait=False))
    opened(world, "a", "b")
    world.edit(EDITED)
    world.settle()
    opened(world, "c")
    assert labels(jira) == [False, False, True]


def test_a_rule_that_comes_later_makes_tickets_of_open_issues_that_had_none(
    make: Make, jira: MemoryTracker
) -> None:
    world = make(ISSUES_ONLY)
    opened(world, "a", title="customers is stale")
    world.deliver(issue_event("issue_closed", "b", at=1, title="customers was stale"))
    world.settle()
    assert jira.alive == []
    world.edit(RULES)
    world.settle()
    assert [ticket.fields["summary"] for ticket in jira.alive] == ["customers is stale"]


def test_tickets_parked_by_a_rule_are_tried_again_after_its_edit(
    make: Make, jira: MemoryTracker
) -> None:
    world = make()
    jira.fail("create", lambda: Rejected("no such priority"))
    opened(world, "a")
    assert world.rows()[0].parked is not None
    world.edit(EDITED)
    world.settle()
    assert world.rows()[0].parked is None
    assert labels(jira) == [True]


def test_replicas_swap_together_and_one_of_them_makes_the_tickets_due(
    make: Make, store: Store, jira: MemoryTracker
) -> None:
    one, two = make(store=store), make(store=store, folder="other")
    opened(one, "a")
    one.edit(EDITED)
    two.notice()
    assert two.rules().digest == one.rules().digest
    assert [row.wanted for row in one.rows()] == [2]
    two.settle()
    assert labels(jira) == [True]


def test_two_replicas_that_notice_the_same_edit_still_bring_it_to_the_tickets(
    make: Make, store: Store, jira: MemoryTracker
) -> None:
    one, two = make(store=store), make(store=store)
    opened(one, "a")
    one.write_rules(EDITED)
    for _ in range(4):
        one.book.poll()
        two.book.poll()
    two.settle()
    assert labels(jira) == [True]


def test_tickets_are_made_due_one_after_the_other(make: Make) -> None:
    world = make()
    opened(world, *"abcd")
    world.edit(EDITED)
    due = sorted(row.due_at for row in world.rows() if row.due_at)
    assert len(set(due)) == 4
    assert due[0] > world.clock.time()


def test_an_edit_made_while_the_daemon_was_down_is_brought_to_the_tickets(
    make: Make, jira: MemoryTracker
) -> None:
    opened(make(), "a")
    again = make(EDITED)
    again.notice()
    again.settle()
    assert labels(jira) == [True]


def test_accepting_what_is_in_force_changes_nothing(make: Make, sqlite_store: Store) -> None:
    world = make()
    assert not accept(sqlite_store, world.files, world.clock.time()).new


def test_an_edit_of_a_rule_that_was_renamed_reaches_its_tickets(
    make: Make, jira: MemoryTracker
) -> None:
    world = make()
    opened(world, "a")
    world.edit(RULES.replace('"everything"', '"all issues"'))
    world.settle()
    assert jira.calls["update"] == 0, "a name is no wish"
    assert [row.rule for row in world.rows()] == ["all issues"]
    world.edit(EDITED.replace('"everything"', '"all issues"'))
    world.settle()
    assert labels(jira) == [True]


def test_a_rule_that_was_renamed_and_edited_at_once_keeps_its_tickets(
    make: Make, jira: MemoryTracker
) -> None:
    world = make()
    opened(world, "a")
    world.edit(EDITED.replace('"everything"', '"all issues"'))
    world.settle()
    assert labels(jira) == [True]
    assert [row.rule for row in world.rows()] == ["all issues"], "the walk wrote it down"
    world.edit(RULES.replace('"everything"', '"all issues"'))
    world.settle()
    assert labels(jira) == [False]


def test_a_rule_of_incidents_that_was_renamed_still_speaks_for_their_issues(
    store: Store, tmp_path: Path
) -> None:
    scene = Scene(store, tmp_path / "rules", issues="issues = { on_ticket = true }")
    with store.write() as session:
        scene.triage.merge_snapshots(session, [incident(9)], merge=merge_from_api)
    scene.settle()
    old = scene.rules()
    text = SCENE_RULES.replace("ISSUES", "issues = { on_ticket = true }")
    scene.write_rules(text.replace('"incidents"', '"big ones"'))
    follow_names(store, old, scene.rules())
    with store.write() as session:
        scene.triage.merge_snapshots(session, [incident(9, [1], at=5)], merge=merge_from_api)
    scene.absorb(issue(1))
    scene.settle()
    assert [t.project for t in scene.jira.alive] == ["INC"]


@pytest.mark.parametrize("issues", ["{ close = true }", '{ link = "parent" }'])
def test_what_a_rule_of_incidents_says_of_their_issues_reaches_the_issues_tickets(
    store: Store, tmp_path: Path, issues: str
) -> None:
    scene = Scene(store, tmp_path / "rules", issues='issues = { link = "Relates" }')
    over = Status.CLOSED if "close" in issues else Status.OPEN
    with store.write() as session:
        members = [issue(1), issue(2), incident(8), incident(9, [1])]
        scene.triage.merge_snapshots(session, members, merge=merge_from_api)
    scene.settle()
    scene.absorb(incident(9, at=9, status=over))
    scene.settle()
    old = scene.rules()
    scene.write_rules(SCENE_RULES.replace("ISSUES", f"issues = {issues}"))
    found = impact(store, old, scene.rules(), scene.clock.time())
    ids = {row.key: row.id for row in scene.rows()}
    what = {ids["coalesce:issue:1"]: "status" if "close" in issues else "parent"}
    assert {id_: differing[0] for id_, differing in found.changed if id_ in what} == what
    assert ids["coalesce:issue:2"] not in dict(found.changed)
    reach(store, found, scene.clock.time())
    scene.settle()
    host, ticket = (
        scene.jira.tickets[scene.row(f"coalesce:{name}").jira_id or ""]
        for name in ("incident:9", "issue:1")
    )
    if "close" in issues:
        assert ticket.status == DONE
    else:
        assert ticket.fields["parent"] == host.ref.key


def test_the_same_rule_texts_are_parsed_once(make: Make) -> None:
    world = make()
    loaded = world.files.load()
    assert world.files.parse(dict(loaded.texts)) is loaded.rules
    again = RuleFiles(world.folder, DEFAULTS)
    book = Rulebook(world.store, again, world.clock)
    book.open()
    assert again.parse(loaded.texts) is book.current() is again.load().rules
