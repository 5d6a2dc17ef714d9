"""An edit of the rules is undone: what it changed in tickets is put back where nobody was since."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from sync.domain import former
from sync.domain.errors import Cause, Rejected, Unknown
from sync.domain.subject import Snapshot, Status, merge_from_api
from sync.domain.ticket import Block, Document
from sync.operations.accounts import Account, Role
from sync.operations.errors import Changed, NotFound, Refused
from sync.operations.rules import save
from sync.operations.rules import undo as undoing
from sync.operations.rules.editing import Editing
from sync.operations.rules.progress import pause
from sync.operations.rules.save import write_version
from sync.operations.rules.undo import Bounds, UndoPlan, plan, undo
from sync.ports import Tracker
from sync.sandbox.memory import IN_PROGRESS, MemoryTracker, Moment
from sync.store import claims
from sync.store.engine import Store
from sync.store.tables import TicketRow
from sync.worker.foresight.forecast import forecast_all
from sync.worker.rulebook.in_force import Guard
from sync.worker.walk.converge import Converger
from tests.walks.lives import Killed
from tests.walks.test_ahead import B, of_others, record
from tests.walks.test_lifecycle import A
from tests.walks.world import RULES, SimulatedClock, issue_event
from tests.worker.edited import EditedWorld
from tests.worker.sweeps.build import incident, issue

DANA = Account("dana", Role.EDITOR, "users")
# The rules ask for a priority and another text, label and components.
EDITED = RULES.replace(
    'labels = ["data-quality"]',
    'labels = ["urgent"]\npriority = "High"\ncomponents = ["Warehouse"]',
).replace("{{ subject.description }}", "{{ subject.description }}\\n\\nSee the runbook.")


class Undoing(EditedWorld):
    """A world whose last edit of the rules is undone."""

    def __init__(self, store: Store, tracker: Tracker, clock: SimulatedClock, folder: Path):
        super().__init__(store, tracker, clock, folder, guard=Guard(most=50))

    def take_tracker(self, tracker: Tracker) -> None:
        """Walk by another tracker, as a process does that was started anew."""
        self.tracker = tracker
        self.converger = Converger(
            self.store, {tracker.site: tracker}, self.rules, self.clock, jitter=lambda: 0.5
        )

    @property
    def at(self) -> Editing:
        return Editing(self.store, self.files, DANA, self.clock.time())

    def begin(self, *issues: str) -> None:
        for number, one in enumerate(issues, 1):
            self.deliver(issue_event("issue_created", one, at=number))
        self.settle()

    def follow(self, text: str) -> None:
        """Edit the rules, and let the tickets follow."""
        self.edit(text)
        self.clock.sleep(6)
        self.settle()

    def told(self, *snapshots: Snapshot) -> None:
        """Let the API have told of these."""
        with self.store.write() as session:
            self.triage.merge_snapshots(session, list(snapshots), merge=merge_from_api)
        self.settle()

    def key(self, ref: str) -> str:
        return next(row.jira_key for row in self.rows() if row.key == ref)

    def plan(self) -> UndoPlan:
        return plan(self.at, {"main": self.tracker})

    def verdicts(self) -> dict[str, str]:
        """What the plan says of each field of the only ticket."""
        (one,) = self.plan().tickets
        assert not one.trouble
        return {part.name: part.verdict for part in one.parts}

    def save_undo(self) -> None:
        """What the act writes, without the few seconds in which another press is the same act."""
        found = self.plan()
        write_version(self.at, found.to, found.version)

    def undo(self) -> None:
        undo(self.at)
        self.walked()

    def walked(self) -> None:
        """Let the daemon notice what was saved, and the tickets follow."""
        self.notice()
        self.clock.sleep(6)
        self.settle()

    def at_rest(self) -> bool:
        """Whether the rules in force ask nothing of any ticket, and a live look finds nothing either."""
        rules, now = self.rules(), self.clock.time()
        sites = {"main": self.tracker}
        return not any(
            forecast_all(self.store, rules, sites, now, live=live).whole().changes
            for live in (False, True)
        )


@pytest.fixture
def world(
    sqlite_store: Store, jira: MemoryTracker, clock: SimulatedClock, tmp_path: Path
) -> Iterator[Undoing]:
    made = Undoing(sqlite_store, jira, clock, tmp_path / "rules")
    yield made
    made.close()


@pytest.fixture
def world_on_each(
    store: Store, jira: MemoryTracker, clock: SimulatedClock, tmp_path: Path
) -> Iterator[Undoing]:
    made = Undoing(store, jira, clock, tmp_path / "rules")
    yield made
    made.close()


def text(*blocks: str) -> Document:
    return Document(tuple(Block(one, one) for one in blocks))


def seen(jira: MemoryTracker) -> dict[str, object]:
    """What the only ticket shows."""
    (ticket,) = jira.alive
    fields = {name: value for name, value in ticket.fields.items() if value not in (None, [], "")}
    return {**fields, "labels": sorted(ticket.fields["labels"]), "status": ticket.status.name}


def test_all_that_an_edit_wrote_is_put_back(world_on_each: Undoing, jira: MemoryTracker) -> None:
    world = world_on_each
    world.begin(A)
    (ticket,) = jira.alive
    # What a person chose where the rules had nothing to say, and text beside ours.
    ticket.fields |= {"priority": "Low", "labels": [*ticket.fields["labels"], "theirs"]}
    ticket.fields["description"] = text("mine", *ticket.fields["description"].identities)
    before = seen(jira)
    world.follow(EDITED)
    assert seen(jira)["priority"] == "High"
    assert "urgent" in ticket.fields["labels"]
    assert world.verdicts() == dict.fromkeys(
        ("Description", "Labels", "Priority", "Components"), "back"
    )
    assert world.plan().words == "1 ticket would be put back. Fields: 4 put back."
    world.undo()
    assert seen(jira) == before
    assert world.rules().rules[0].ref.name == "everything"
    assert world.at_rest()
    assert (world.folder / "rules.toml").read_text() == RULES


def test_what_a_person_changed_since_stays(world: Undoing, jira: MemoryTracker) -> None:
    world.begin(A)
    world.follow(EDITED)
    (ticket,) = jira.alive
    ticket.fields["priority"] = "Highest"
    ticket.fields["labels"] = [x for x in ticket.fields["labels"] if x != "urgent"]
    ticket.fields["description"] = text("No new rows since 06:00.", "See no runbook.", "mine")
    there = seen(jira)
    assert world.verdicts() == {
        "Description": "person",
        "Labels": "back",
        "Priority": "person",
        "Components": "back",
    }
    world.undo()
    after = seen(jira)
    assert after["priority"] == "Highest"
    assert after["description"] == there["description"]
    assert "components" not in after
    assert "data-quality" in after["labels"]  # type: ignore[operator]
    assert any("not put back: Priority: it stays 'Highest'" in one for one in world.journal())
    assert world.at_rest()


def test_words_that_a_taken_over_ticket_had_stay_when_another_joins_after_an_undo(
    world: Undoing, jira: MemoryTracker
) -> None:
    titles = "{{ subjects | map(attribute='title') | join(' + ') }}"
    of_all = RULES.replace("{{ subject.title }}", titles).replace(
        'issue_type = "Bug"', 'issue_type = "Bug"\ngroup_by = "workspace"'
    )
    world.follow(of_all)
    theirs = of_others(jira, 1)
    record(world, (A, "DATA-501"))
    world.begin(A)
    assert theirs.fields["summary"] == "orders look old"
    world.follow(of_all.replace(titles, f"Late: {titles}"))
    assert theirs.fields["summary"] == "Late: orders is stale"
    world.undo()
    assert theirs.fields["summary"] == "orders look old"
    world.deliver(issue_event("issue_created", B, at=60, title="customers is stale"))
    world.settle()
    assert (theirs.fields["summary"], len(jira.alive)) == ("orders look old", 1)
    assert world.at_rest()


def test_a_field_that_yields_to_people_is_no_persons_choice_after_an_undo(
    world: Undoing, jira: MemoryTracker
) -> None:
    def rules(who: str) -> str:
        return RULES.replace("[rule.fields]", f'[rule.fields]\nassignee = "{who}"')

    world.follow(rules("olga"))
    world.begin(A)
    world.follow(rules("kim"))
    assert seen(jira)["assignee"] == "kim"
    world.undo()
    assert seen(jira)["assignee"] == "olga"
    assert world.rows()[0].base["theirs"] == []
    world.follow(rules("sam"))
    assert seen(jira)["assignee"] == "sam"


def test_what_a_person_added_to_a_text_stays_in_it(world: Undoing, jira: MemoryTracker) -> None:
    world.begin(A)
    world.follow(EDITED)
    (ticket,) = jira.alive
    ticket.fields["description"] = text("above", *ticket.fields["description"].identities, "below")
    assert world.verdicts()["Description"] == "back"
    world.undo()
    shown = ticket.fields["description"].identities
    assert shown == ("above", "No new rows since 06:00.", "below")
    assert world.at_rest()


def test_what_upstream_changed_since_follows_the_former_rules(
    world: Undoing, jira: MemoryTracker
) -> None:
    world.begin(A)
    world.follow(EDITED)
    world.deliver(issue_event("issue_updated", A, at=50, description="Still none.", title="new"))
    world.settle()
    assert world.verdicts()["Description"] == "upstream"
    world.undo()
    after = seen(jira)
    assert after["description"].identities == ("Still none.",)  # type: ignore[attr-defined]
    assert after["summary"] == "new"
    assert "priority" not in after
    assert world.at_rest()


@pytest.mark.proof
def test_an_event_on_the_way_of_the_edit_is_no_part_of_it(
    world: Undoing, jira: MemoryTracker
) -> None:
    world.begin(A)
    world.edit(EDITED)
    world.deliver(issue_event("issue_updated", A, at=50, title="new", description="Still none."))
    world.clock.sleep(6)
    world.settle()
    world.undo()
    after = seen(jira)
    assert after["summary"] == "new"
    assert after["description"].identities == ("Still none.",)  # type: ignore[attr-defined]
    assert "priority" not in after
    assert world.at_rest()


@pytest.mark.proof
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("when", ["edit", "undo"])
def test_lost_replies_put_back_nothing_twice_and_nothing_else(
    world: Undoing, jira: MemoryTracker, when: str, moment: str
) -> None:
    world.begin(A)
    (ticket,) = jira.alive
    ticket.fields["priority"] = "Low"
    before = seen(jira)
    if when == "edit":
        jira.fail("update", lambda: Unknown("no answer"), moment)  # type: ignore[arg-type]
    world.follow(EDITED)
    assert seen(jira)["priority"] == "High"
    if when == "undo":
        jira.fail("update", lambda: Unknown("no answer"), moment)  # type: ignore[arg-type]
    writes = jira.calls["update"]
    world.undo()
    assert seen(jira) == before
    assert jira.calls["update"] == writes + 1 + (when == "undo" and moment == "before")
    assert world.at_rest()


@pytest.mark.proof
def test_a_person_who_is_faster_than_an_undo_whose_reply_was_lost_wins(
    world: Undoing, jira: MemoryTracker
) -> None:
    world.begin(A)
    world.follow(EDITED)
    jira.fail("update", lambda: Unknown("no answer"), "after")
    undo(world.at)
    world.notice()
    world.clock.sleep(6)
    while jira.alive[0].fields.get("priority") == "High":
        world.clock.sleep(0.5)
        world.step()
    jira.alive[0].fields["priority"] = "Highest"
    world.settle()
    assert seen(jira)["priority"] == "Highest"
    assert world.at_rest()


def test_a_ticket_that_the_edit_closed_goes_back_to_where_a_person_had_it(
    world: Undoing, jira: MemoryTracker
) -> None:
    incidents = '[[rule]]\nname = "incidents"\nwhen = { kind = "incident" }\nproject = "DATA"\n'
    incidents += 'issue_type = "Bug"\nissues = { close = false }\n'
    world.follow(incidents + RULES)
    world.told(issue(1), incident(9, [1], status=Status.CLOSED))
    first = next(t for t in jira.alive if t.ref.key == world.key("coalesce:issue:1"))
    first.status = IN_PROGRESS
    world.follow(incidents.replace("false", "true") + RULES)
    assert first.status.name == "Done"
    assert world.verdicts() == {"Status": "back"}
    world.undo()
    assert (first.status, first.resolution) == (IN_PROGRESS, "")
    assert world.at_rest()


@pytest.mark.proof
def test_an_undo_is_undone_like_any_other_edit(world: Undoing, jira: MemoryTracker) -> None:
    world.begin(A)
    world.follow(EDITED)
    edited = seen(jira)
    world.undo()
    # Another press would be the same act for a few seconds.
    world.save_undo()
    world.walked()
    assert seen(jira) == edited
    assert world.at_rest()


def test_an_edit_that_is_made_again_before_its_undo_was_followed_stands(
    world: Undoing, jira: MemoryTracker
) -> None:
    world.begin(A)
    world.follow(EDITED)
    world.save_undo()
    # The undo is in force, and no ticket has been walked yet.
    world.notice()
    assert [row.undoes for row in world.rows()] == [world.rows()[0].edit - 1]
    world.edit(EDITED)
    world.clock.sleep(6)
    world.settle()
    (row,) = world.rows()
    assert (row.undoes, row.due_at) == (None, None)
    assert seen(jira)["priority"] == "High"
    assert world.at_rest()


def test_a_walk_that_follows_no_edit_keeps_nothing(world: Undoing) -> None:
    world.begin(A)
    world.follow(EDITED)
    kept = sum(one.startswith("kept ") for one in world.journal())
    world.deliver(issue_event("issue_updated", A, at=50, title="new"))
    world.settle()
    assert sum(one.startswith("kept ") for one in world.journal()) == kept == 1


@pytest.mark.proof
@pytest.mark.parametrize("call", ["read", "update"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_dies_on_the_way_leaves_the_rest_to_another(
    world: Undoing, jira: MemoryTracker, call: str, moment: Moment
) -> None:
    world.begin(A)
    before = seen(jira)
    world.follow(EDITED)
    undo(world.at)
    world.notice()
    world.clock.sleep(6)
    jira.fail(call, Killed, moment)
    with pytest.raises(Killed):
        world.settle()
    # Its lease ends; another process on the same store goes on.
    world.clock.sleep(130)
    world.take_tracker(jira)
    world.settle()
    assert seen(jira) == before
    assert world.at_rest()


def test_a_daemon_that_has_not_heard_of_the_undo_leaves_it_to_others(
    world: Undoing, jira: MemoryTracker
) -> None:
    world.begin(A)
    before = seen(jira)
    world.follow(EDITED)
    # Another daemon on the same store still has the rules of the edit.
    edited = world.rules()
    late = Converger(world.store, {"main": jira}, lambda: edited, world.clock)
    undo(world.at)
    world.notice()
    world.clock.sleep(6)
    (claim,) = claims.claim(world.store, owner="late", now=world.clock.time(), lease=9, limit=5)
    late.walk(claim)
    assert seen(jira)["priority"] == "High"
    world.settle()
    assert seen(jira) == before
    assert world.at_rest()


@pytest.mark.proof
def test_two_daemons_put_back_once(
    store: Store, jira: MemoryTracker, clock: SimulatedClock, tmp_path: Path
) -> None:
    one, other = (Undoing(store, jira, clock, tmp_path / "rules") for _ in range(2))
    try:
        one.begin(*(f"i{number}" for number in range(6)))
        one.edit(EDITED)
        other.notice()
        clock.sleep(6)
        one.settle()
        writes = jira.calls["update"]
        undo(one.at)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda world: world.notice(), (one, other)))
            clock.sleep(6)
            for _ in range(4):
                list(pool.map(lambda world: world.step(), (one, other)))
        one.settle()
        assert jira.calls["update"] == writes + 6
        assert not any(ticket.fields.get("priority") for ticket in jira.alive)
        assert one.at_rest()
    finally:
        one.close()
        other.close()


def test_what_stands_against_an_undo_is_told(
    world: Undoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFound, match="no edit to undo"):
        world.plan()
    world.begin(A, "b")
    world.edit(EDITED)
    world.clock.sleep(6)
    world.step()
    with pytest.raises(Refused, match="ago, and what it changed is kept for 1h"):
        undo(replace(world.at, now=world.clock.time() + 7200), Bounds(kept=3600))
    with pytest.raises(Changed, match="Look at the new plan"):
        undo(world.at, version=1)
    world.write_rules(RULES.replace("urgent", "other"))
    with pytest.raises(Refused, match="not in force yet"):
        world.plan()
    world.write_rules(EDITED)
    for room in (undoing, save):
        monkeypatch.setattr(room, "why_not_writable", lambda _folder: "the folder is read-only")
    assert world.plan().why_not.startswith("The folder is read-only. Download the patch")
    with pytest.raises(Refused, match="Download the patch"):
        undo(world.at)


def test_an_edit_that_is_paused_is_undone_where_it_was(world: Undoing, jira: MemoryTracker) -> None:
    world.begin(A, "b", "c")
    before = [dict(ticket.fields) for ticket in jira.alive]
    world.edit(EDITED)
    with world.store.write() as session:
        # The first has followed; the edit is paused before the others.
        first = session.get(TicketRow, world.rows()[0].id)
        assert first is not None
        first.due_at = world.clock.time()
        session.add(first)
    world.step()
    pause(world.at)
    world.clock.sleep(60)
    world.settle()
    assert [ticket.fields.get("priority") for ticket in jira.alive] == ["High", None, None]
    found = world.plan()
    assert found.counts["tickets"] == 1
    assert "2 tickets have not followed the edit to the end yet." in found.notes
    world.undo()
    assert [dict(ticket.fields) for ticket in jira.alive] == [
        {**fields, "priority": None, "components": None} if number == 0 else fields
        for number, fields in enumerate(before)
    ]
    assert world.at_rest()


def test_a_text_that_is_too_long_is_not_kept_and_said_so(
    world: Undoing, jira: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(former, "MOST", 2000)
    world.begin(A)
    long = text(*(f"paragraph {number}" for number in range(200)))
    jira.alive[0].fields["description"] = long
    world.follow(EDITED)
    kept = jira.alive[0].fields["description"]
    assert world.verdicts()["Description"] == "cannot"
    assert world.verdicts()["Priority"] == "back"
    world.undo()
    assert "priority" not in seen(jira)
    # As any revert does, the rules take out their own paragraph again.
    assert len(jira.alive[0].fields["description"].blocks) == len(kept.blocks) - 1


def test_a_field_that_jira_refuses_stays_and_the_others_are_put_back(
    world: Undoing, jira: MemoryTracker
) -> None:
    world.begin(A)
    world.follow(EDITED)
    refusal = Rejected("no", cause=Cause.FIELD, field="priority")
    refusal.refused = {"priority": "no such priority any more"}
    jira.fail("update", lambda: refusal)
    world.undo()
    assert seen(jira)["priority"] == "High"
    assert "components" not in seen(jira)
    assert any("not put back: Priority" in one for one in world.journal())
    assert world.at_rest()
