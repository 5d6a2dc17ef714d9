"""Drafts: names and values resolved, or refused with the words a rule's author needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sync.domain.actions import Change, Update
from sync.domain.errors import Cause, Rejected
from sync.domain.intent import Intents, agreed_for_sure, of_update
from sync.domain.merge import wishes_agreed
from sync.domain.plan import plan
from sync.domain.ticket import Base, FieldKind
from tests.adapters.jira.world import World, desired

WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"Severty": "High"}, "Severty", "'Severity'"),
    ({"customfield_99999": "x"}, "customfield_99999", ""),
    ({"Internal note": "x"}, "Internal note", "screen"),
    ({"Team": "Platform"}, "Team", "customfield_10021"),
    ({"Severity": "Hgh"}, "Severity", "'High'"),
    ({"Data domains": "Salse"}, "Data domains", "'Sales'"),
    ({"Data domains": ["Salse", "Marketin"]}, "Data domains", "'Sales'"),
    ({"Area": "Warehouse > Mart"}, "Area", "'Marts'"),
    ({"Area": "Nowhere > Marts"}, "Area", "Warehouse"),
    ({"Affected rows": "many"}, "Affected rows", "number"),
    ({"Affected rows": True}, "Affected rows", "number"),
    ({"Affected rows": "inf"}, "Affected rows", "number"),
    ({"Detected on": "tomorrow"}, "Detected on", "2030-01-31"),
    ({"due_date": "2030-02-31"}, "Due date", "2030-01-31"),
    ({"Detected at": "noon"}, "Detected at", "2030-01-31T"),
    ({"assignee": "nobody@example.com"}, "Assignee", "account id"),
    ({"Data owner": "nobody@example.com"}, "Data owner", "account id"),
]


@pytest.mark.parametrize("fields, name, remedy", WRONG, ids=[str(row[0]) for row in WRONG])
def test_a_wrong_name_or_value_is_set_aside_before_any_write(
    world: World, fields: dict[str, Any], name: str, remedy: str
) -> None:
    draft = world.tracker.draft(desired(**fields))
    (why,) = draft.parked_fields.values()
    assert why.parked.cause is Cause.FIELD
    assert why.parked.field == name
    assert remedy in why.parked.remedy
    assert not draft.fields.keys() & draft.parked_fields.keys()
    assert not [call for call in world.calls() if not call.startswith("GET")]


def test_a_ticket_cannot_be_made_without_a_summary_or_a_required_field(world: World) -> None:
    with pytest.raises(Rejected, match="summary is empty"):
        world.tracker.draft(desired(summary=" \n "))
    wanting = world.tracker.draft(desired(project="STRICT", Severity="Hgh"))
    assert "'Hgh' is not a value" in str(wanting.unmakable)
    with pytest.raises(Rejected, match="'Hgh' is not a value"):
        world.tracker.create(wanting)


def test_a_text_that_was_agreed_on_is_written_again_where_a_lost_update_replaced_it(
    world: World,
) -> None:
    wish = desired(description="One **word**.")
    made, other = world.tracker.draft(wish), world.tracker.draft(desired(description="Two."))
    base = wishes_agreed(made, Base().with_sent({i: f.value for i, f in made.fields.items()}))
    ref = world.tracker.create(other)
    observed = world.tracker.read(ref.id)
    before, after = made.fields["description"].value, other.fields["description"].value
    change = Change("description", "Description", FieldKind.TEXT, before, after)
    intents = Intents().put(of_update(other, [change], base))
    draft = world.tracker.draft(wish, base=agreed_for_sure(base, intents))
    (update,) = plan(draft, base, observed, intents=intents).actions[:1]
    assert isinstance(update, Update)
    assert [one.after.identities for one in update.changes] == [before.identities]


def test_a_text_that_was_agreed_on_asks_for_no_write(world: World) -> None:
    wish = desired(description="One **word**.")
    made = world.tracker.draft(wish)
    base = wishes_agreed(made, Base().with_sent({i: f.value for i, f in made.fields.items()}))
    observed = world.tracker.read(world.tracker.create(made).id)
    theirs = world.tracker.draft(desired(description="Theirs.")).fields["description"].value
    edited = replace(observed, fields={**observed.fields, "description": theirs})
    draft = world.tracker.draft(wish, base=base)
    for shown in (observed, edited):
        assert not [a for a in plan(draft, base, shown).actions if isinstance(a, Update)]


def test_a_ticket_that_exists_is_drafted_whatever_became_invalid(world: World) -> None:
    wish = desired(project="STRICT", Severity="High")
    made = world.tracker.draft(wish)
    base = wishes_agreed(made, Base().with_sent({i: f.value for i, f in made.fields.items()}))
    field = world.jira.site.fields["customfield_10015"]
    world.jira.site.fields[field.id] = replace(field, options=())
    world.clock.sleep(100_000)
    again = world.tracker.draft(wish, base=base)
    assert (again.fields[field.id].value, again.parked_fields) == ("High", {})
    gone = replace(wish, project="NOWHERE", issue_type=("Nothing", "None"))
    assert world.tracker.draft(gone, base=base).fields[field.id].value == "High"
    empty = desired(summary="", project="STRICT")
    assert (
        world.tracker.draft(empty, base=base).parked_fields["summary"].parked.cause is Cause.FIELD
    )


def test_an_unknown_issue_type_is_answered_with_those_there_are(world: World) -> None:
    draft = world.tracker.draft(desired(project="TEAM", issue_type=("Bug", "Story")))
    with pytest.raises(Rejected) as fault:
        world.tracker.create(draft)
    assert not [call for call in world.calls() if call.startswith("POST")]
    assert fault.value.cause is Cause.ISSUE_TYPE
    assert "Task" in fault.value.remedy


def test_fields_without_a_choice_need_no_question_but_for_the_issue_type(world: World) -> None:
    # On Data Center, the create screen tells whether a ticket has a parent or an Epic Link.
    parent = {"parent": "DATA-1"} if world.cloud else {}
    world.tracker.draft(desired(description="x", labels=["a"], due_date="2030-01-01", **parent))
    assert world.calls() == ["GET issue/createmeta/{project}/issuetypes"]


def test_what_a_project_offers_is_asked_once_for_a_while(world: World) -> None:
    for _ in range(3):
        world.tracker.draft(desired(Severity="High", assignee="on.call@example.com"))
    assert len(world.exchanges) == 3
    world.clock.sleep(601)
    world.tracker.draft(desired(Severity="High"))
    assert len(world.exchanges) == 5


def test_what_was_known_is_used_while_the_site_cannot_be_asked(world: World) -> None:
    world.tracker.draft(desired(Severity="High"))
    world.clock.sleep(601)
    world.jira.faults.add("status", status=500)
    assert world.tracker.draft(desired(Severity="low")).fields["customfield_10015"].value == "Low"


def test_a_refused_field_is_asked_about_anew(world: World) -> None:
    draft = world.tracker.draft(desired(Severity="High"))
    body = {"errorMessages": [], "errors": {"customfield_10015": "Option is gone."}}
    world.jira.faults.add("status", method="POST", path="/issue$", status=400, body=body, count=1)
    with pytest.raises(Rejected, match=r"Severity: Option is gone\."):
        world.tracker.create(draft)
    before = len(world.exchanges)
    world.tracker.draft(desired(Severity="High"))
    assert len(world.exchanges) > before


def test_a_summary_is_one_line_cut_with_a_mark(world: World) -> None:
    ref = world.make(summary="a\nb\tc \x00" + "😀" * 300)
    summary = world.jira.ticket(ref.id).summary
    assert summary.startswith("a b c 😀")
    assert summary.endswith("…")
    assert len(summary.encode("utf-16-le")) // 2 < 255


def test_labels_lose_white_space_and_doubles(world: World) -> None:
    field = world.tracker.draft(desired(labels=["a b", "a\u00a0b", "a_b", "", "x" * 300])).fields
    values = field["labels"].value
    assert field["labels"].kind is FieldKind.LABELS
    assert "a_b" in values
    assert len([v for v in values if v.startswith("a")]) == 1
    assert all(len(v) <= 255 and not any(c.isspace() for c in v) for v in values)


def test_a_jql_metacharacter_in_a_key_finds_nothing_else(world: World) -> None:
    world.make("one")
    key = 'x" OR project = DATA OR labels = "'
    assert world.tracker.find(key) == []
    ref = world.make(key)
    assert world.tracker.find(key) == [ref]


def test_templates_and_markup_in_a_title_arrive_as_text(world: World) -> None:
    title = "{{ 7*7 }} [~admin] {code} <b>x</b> !a! \\"
    ref = world.make(summary=title, description=title)
    assert world.jira.ticket(ref.id).summary == title
    seen = world.tracker.read(ref.id).fields["description"]
    assert seen.identities[0].replace(" ", "") == title.replace(" ", "")


def test_inspection_answers_what_a_check_of_rules_asks(world: World) -> None:
    look, offers = world.tracker.inspect, world.tracker.metadata
    ref = world.make()
    world.jira.deny("OPS", "CREATE_ISSUES")
    assert look.whoami().name == "Ticket Sync"
    wanted = ["BROWSE_PROJECTS", "CREATE_ISSUES"]
    assert look.permissions("DATA", wanted) == set(wanted)
    assert look.permissions("OPS", wanted) == {"BROWSE_PROJECTS"}
    assert {"DATA", "OPS", "TEAM"} <= set(offers.projects())
    assert "Bug" in offers.issue_types("DATA")
    severity = offers.create_fields("STRICT", "Bug")["customfield_10015"]
    assert severity.required
    assert [one.name for one in severity.allowed or ()] == ["Critical", "High", "Medium", "Low"]
    assert {one.category.value for one in look.statuses("DATA")["10004"]} >= {"new", "done"}
    assert "Done" in look.resolutions()
    assert "Blocks" in offers.link_types()
    assert look.transitions(ref.key)
    assert offers.person("on.call@example.com")
    assert not offers.person("nobody@example.com")
    assert "customfield_10026" in offers.all_fields()


@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "by itself"])
def test_what_somebody_has_mended_in_jira_is_seen_by_the_next_try(
    world: World, asked: bool
) -> None:
    for _ in range(6):
        parked = world.tracker.draft(desired(Severity="Enormous")).parked_fields
        assert parked["customfield_10015"].parked.value == "Enormous"
    assert world.calls().count("GET issue/createmeta/{project}/issuetypes/{type}") == 1, (
        "many tickets may meet the same"
    )
    field = world.jira.site.fields["customfield_10015"]
    more = (*field.options, replace(field.options[0], id="77777", value="Enormous"))
    world.jira.site.fields[field.id] = replace(field, options=more)
    world.clock.sleep(2 if asked else 15)
    draft = world.tracker.draft(desired(Severity="Enormous"), anew=asked)
    assert draft.fields["customfield_10015"].value == "Enormous"
