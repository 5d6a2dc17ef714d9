"""The usual way: a ticket is drafted, made, read, changed and moved, on both kinds of Jira."""

from __future__ import annotations

import pytest

from sync.domain.actions import Change
from sync.domain.errors import Cause, Missing, Rejected
from sync.domain.merge import decide
from sync.domain.ticket import (
    FAMILY_LABEL,
    Base,
    Document,
    FieldKind,
    TicketRef,
    marker_label,
    remembered,
)
from tests.adapters.jira.world import World, desired, label

TABLE = "| Table | Rows |\n|---|---|\n| [orders](https://app.example.com/t/orders) | 12 |"


def test_a_ticket_is_made_in_one_call_and_carries_both_marks(world: World) -> None:
    ref = world.make(description=f"Rows **fell**.\n\n{TABLE}", labels=["data quality"])
    ticket = world.jira.ticket(ref.id)
    assert (ticket.key, ticket.project, ticket.type) == (ref.key, "DATA", "Bug")
    assert set(ticket.labels) == {"data_quality", FAMILY_LABEL, label()}
    assert ticket.properties["ticket-sync"] == {"key": "coalesce:issue:1", "rule": "checks"}
    assert [call for call in world.calls() if not call.startswith("GET")] == ["POST issue"]


def test_what_was_made_reads_back_as_it_was_drafted(world: World) -> None:
    fields = {
        "description": f"# Head\n\nRows **fell** in `orders`.\n\n- one\n- two\n\n{TABLE}",
        "priority": "High",
        "labels": ["a", "b"],
        "components": ["Warehouse", "Ingestion"],
        "due_date": "2030-02-01T10:00:00Z",
        "Root cause": "a\nbroken\tpipe",
        "Impact": "Two *dashboards*.",
        "Affected rows": "12",
        "Detected at": "2030-01-31T12:00:00+02:00",
        "severity": "critical",
        "Data domains": ["sales", "Finance"],
        "Area": "warehouse > marts",
        "Data owner": "data.owner@example.com",
        "customfield_10019": ["x y"],
        "Runbook": "https://example.com/runbook",
        "assignee": "on.call@example.com",
    }
    draft = world.tracker.draft(desired(**fields))
    seen = world.tracker.read(world.tracker.create(draft).id)
    sent = {id_: remembered(field.value) for id_, field in draft.fields.items()}
    shown = {id_: remembered(seen.fields[id_]) for id_ in sent}
    assert shown == sent
    assert sent["customfield_10015"] == "Critical"
    assert sent["customfield_10017"] == "Warehouse > Marts"
    assert sent["customfield_10010"] == "a broken pipe"


def test_a_settled_ticket_asks_for_no_write(world: World) -> None:
    draft = world.tracker.draft(desired(description=TABLE, Impact="Some *text*", priority="Low"))
    ref = world.tracker.create(draft)
    base = Base().with_sent({id_: field.value for id_, field in draft.fields.items()})
    seen = world.tracker.read(ref.id)
    again = world.another().draft(desired(description=TABLE, Impact="Some *text*", priority="Low"))
    changes = [
        decide(field, base.fields[id_], seen.fields[id_]) for id_, field in again.fields.items()
    ]
    assert not any(changes)


def test_a_ticket_offers_its_transitions_and_takes_one(world: World) -> None:
    ref = world.make()
    seen = world.tracker.read(ref.id)
    hop = next(hop for hop in seen.hops if hop.to.category.value == "done")
    world.tracker.transition(ref, hop, {})
    assert world.jira.ticket(ref.id).category == "done"
    assert world.tracker.read(ref.id).status.category.value == "done"


def test_a_resolution_goes_with_the_transition_whose_screen_asks_for_it(world: World) -> None:
    ref = world.make(project="OPS")
    for _ in range(4):
        hops = world.tracker.read(ref.id).hops
        asking = [hop for hop in hops if "resolution" in hop.fields]
        if asking:
            break
        world.tracker.transition(ref, hops[0], {})
    assert "Fixed" in asking[0].fields["resolution"].allowed
    world.tracker.transition(ref, asking[0], {"resolution": "Fixed"})
    assert world.jira.ticket(ref.id).resolution == "Fixed"


def test_fields_change_and_labels_of_others_stay(world: World) -> None:
    ref = world.make(labels=["ours"], Impact="before")
    world.jira.person.add_labels(ref.key, "theirs")
    draft = world.tracker.draft(desired(labels=["new"], priority="High", Impact="after **all**"))
    changes = [
        Change("labels", "Labels", FieldKind.LABELS, None, None, add=("new",), remove=("ours",)),
        Change("priority", "Priority", FieldKind.PLAIN, None, draft.fields["priority"].value),
        Change(
            "customfield_10011",
            "Impact",
            FieldKind.TEXT,
            None,
            draft.fields["customfield_10011"].value,
        ),
    ]
    before = len(world.exchanges)
    world.tracker.update(ref, changes)
    ticket = world.jira.ticket(ref.id)
    assert set(ticket.labels) == {"new", "theirs", FAMILY_LABEL, label()}
    assert ticket.priority == "High"
    assert "after" in ticket.fields["customfield_10011"]
    assert world.calls()[before:] == ["PUT issue/{issue}"]


def test_a_field_is_emptied(world: World) -> None:
    ref = world.make(description="Some text", components=["Warehouse"], due_date="2030-01-01")
    world.tracker.update(
        ref,
        [
            Change("description", "Description", FieldKind.TEXT, None, None),
            Change("components", "Components", FieldKind.PLAIN, None, None),
            Change("duedate", "Due date", FieldKind.PLAIN, None, None),
        ],
    )
    seen = world.tracker.read(ref.id)
    assert [seen.fields[i] for i in ("description", "components", "duedate")] == [None] * 3


def test_text_a_person_wrote_around_ours_goes_back_unharmed(world: World) -> None:
    ref = world.make(description="Our words")
    theirs = "A person wrote this first.\n\nOur words"
    world.jira.person.edit(ref.key, description=theirs)
    seen = world.tracker.read(ref.id)
    draft = world.tracker.draft(desired(description="Our new words"))
    document = seen.fields["description"]
    assert isinstance(document, Document)
    merged = Document((document.blocks[0], *draft.fields["description"].value.blocks))
    world.tracker.update(ref, [Change("description", "Description", FieldKind.TEXT, None, merged)])
    shown = world.jira.ticket(ref.id).description
    assert "A person wrote this first." in shown
    assert "Our new words" in shown


def test_a_moved_ticket_is_followed_under_its_new_key(world: World) -> None:
    ref = world.make()
    new = world.jira.person.move(ref.key, "FLOW")
    seen = world.tracker.read(ref.id)
    assert (seen.ref, seen.project) == (TicketRef(ref.id, new), "FLOW")


def test_a_deleted_ticket_is_missing_only_while_its_project_is_there(world: World) -> None:
    gone, hidden = world.make(), world.make("coalesce:issue:2")
    world.jira.person.delete(gone.key)
    with pytest.raises(Missing):
        world.tracker.read(gone.id)
    world.jira.deny("DATA", "BROWSE_PROJECTS")
    with pytest.raises(Rejected) as fault:
        world.tracker.read(hidden.id)
    assert fault.value.cause is Cause.PROJECT
    with pytest.raises(Rejected):
        world.another().read(hidden.id, "DATA")


def test_the_first_issue_type_that_the_project_has_is_taken(world: World) -> None:
    ref = world.make(project="TEAM", issue_type=("Bug", "Task"))
    assert world.jira.ticket(ref.id).type == "Task"


def test_the_kind_of_jira_is_asked_once_where_no_setting_says_it(world: World) -> None:
    tracker = world.another(deployment="auto")
    for number in range(2):
        tracker.create(tracker.draft(desired(f"k{number}", description="*x*")))
    assert world.calls().count("GET serverInfo") == 1


def test_many_tickets_are_read_in_one_call_and_the_gone_are_none(world: World) -> None:
    refs = [world.make(f"k{number}") for number in range(3)]
    world.jira.person.delete(refs[1].key)
    before = len(world.exchanges)
    seen = world.tracker.read_many([ref.id for ref in refs])
    assert [bool(seen[ref.id]) for ref in refs] == [True, False, True]
    assert len(world.exchanges) == before + 1


def test_tickets_of_ours_that_changed_are_found_by_time(world: World) -> None:
    old = world.make("old")
    world.clock.sleep(7200)
    since = world.clock.time()
    new, elsewhere = world.make("new"), world.make("far", project="OPS")
    world.jira.person.create("DATA", "Bug", "not ours")
    found = {one.ref.id for one in world.tracker.changed_since(since)}
    assert found == {new.id, elsewhere.id}
    world.jira.person.edit(old.key, summary="edited")
    assert old.id in {one.ref.id for one in world.tracker.changed_since(since)}


def test_a_search_by_a_persons_query_goes_through_all_pages(world: World) -> None:
    for number in range(120):
        world.jira.person.create("OPS", "Task", f"number {number}")
    assert len(list(world.tracker.matching('project = "OPS"'))) == 120
    with pytest.raises(Rejected):
        list(world.tracker.matching("projekt = ="))


def test_a_marker_is_found_oldest_first_once_the_index_has_it(world: World) -> None:
    world.jira.index_lag = 30
    ref = world.make()
    assert world.tracker.find("coalesce:issue:1") == []
    world.clock.sleep(31)
    second = world.jira.person.create(
        "DATA", "Bug", "copy", labels=[marker_label("coalesce:issue:1")]
    )
    world.clock.sleep(31)
    assert [r.key for r in world.tracker.find("coalesce:issue:1")] == [ref.key, second]


def test_a_wish_for_nothing_is_no_field_in_the_create_call(world: World) -> None:
    world.tracker.create(
        world.tracker.draft(desired(description="", priority=None, Impact="  ", components=[]))
    )
    sent = world.exchanges[-1].request_body["fields"]
    assert set(sent) == {"project", "issuetype", "summary", "labels"}
