"""Names are not identities: ids are sent, rules give either, a name of two things is asked about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.adapters.jira.check import Report, check_site
from sync.domain.errors import Cause, Rejected
from sync.domain.names import Name, meant
from sync.domain.rule import Category, StatusTarget, TicketLink
from sync.domain.ticket import JiraStatus, TicketRef
from sync.domain.workflow import Stuck, next_transition
from sync.rules import Defaults, parse
from sync.sandbox.jira.site.model import LinkType, Named, Option, Status, Transition
from sync.toml import Position
from tests.adapters.jira.world import World, desired

GERMAN = {
    "Bug": "Fehler",
    "Task": "Aufgabe",
    "Highest": "Kritisch",
    "High": "Hoch",
    "Medium": "Mittel",
    "To Do": "Zu erledigen",
    "In Progress": "In Arbeit",
    "Done": "Fertig",
    "Won't Do": "Wird nicht gemacht",
    "Summary": "Zusammenfassung",
    "Priority": "Priorität",
    "Components": "Komponenten",
    "Severity": "Schweregrad",
}

# Each value of a field, as a rule may give it, and what the ticket then has.
FORMS: list[tuple[str, Any, Any]] = [
    ("priority", "high", "High"),
    ("priority", "2", "High"),
    ("priority", 2, "High"),
    ("Severity", "CRITICAL", "Critical"),
    ("Severity", "10100", "Critical"),
    ("Data domains", ["sales", "10110"], ["Finance", "Sales"]),
    ("Area", "10120 > 10122", "Warehouse > Models"),
    ("Area", "warehouse > marts", "Warehouse > Marts"),
    ("components", ["ingestion"], ["Ingestion"]),
    ("Fix versions", "2026.1", ["2026.1"]),
    ("Checks", "10160", ["Freshness"]),
    ("Detected by", "MONITOR", "Monitor"),
]


def field_of(world: World, ref: TicketRef, name: str) -> Any:
    field = world.tracker.draft(desired(**{name: None})).fields
    (id_,) = set(field) - {"summary", "labels"}
    return world.tracker.read(ref.id).fields[id_]


@pytest.mark.parametrize("name, given, shown", FORMS, ids=str)
def test_a_value_is_taken_by_name_in_any_letter_case_and_by_id(
    world: World, name: str, given: Any, shown: Any
) -> None:
    ref = world.make(**{name: given})
    assert field_of(world, ref, name) == shown


def test_a_component_is_taken_by_its_id(world: World) -> None:
    warehouse = world.jira.site.projects["DATA"].components[1]
    ref = world.make(components=[warehouse.id])
    assert field_of(world, ref, "components") == [warehouse.name]


@pytest.mark.parametrize("given", ["bug", "BUG", "10004", "Bug"])
def test_an_issue_type_is_taken_by_name_in_any_letter_case_and_by_id(
    world: World, given: str
) -> None:
    ref = world.make(issue_type=(given,))
    assert world.jira.ticket(ref.id).type == "Bug"


@pytest.mark.parametrize("given", ["relates", "10003", "Relates"])
def test_a_link_type_is_taken_by_name_in_any_letter_case_and_by_id(
    world: World, given: str
) -> None:
    one, other = world.make("one"), world.make("other")
    link = TicketLink(given, other.key, outward=True)
    world.tracker.link_tickets(one, link)
    world.tracker.link_tickets(one, link, again=True)
    assert len(world.jira.site.issues[int(one.id)].links) == 1
    world.tracker.unlink_tickets(one, link)
    assert world.jira.site.issues[int(one.id)].links == []


@pytest.mark.parametrize("words", ["shown", "untranslated", "ids"])
def test_an_account_in_another_language_makes_and_moves_the_same_ticket(
    world: World, words: str
) -> None:
    world.jira.translate("de", GERMAN)
    german = words == "shown"
    if words == "untranslated" and not world.cloud:
        return  # Data Center does not tell names before translation.
    type_ = {"shown": "Fehler", "untranslated": "Bug", "ids": "10004"}[words]
    name = {"shown": "Schweregrad", "untranslated": "Severity", "ids": "customfield_10015"}[words]
    ref = world.make(issue_type=(type_,), priority="Hoch" if german else "2", **{name: "High"})
    ticket = world.jira.site.issues[int(ref.id)]
    assert (ticket.type, ticket.values["priority"].name) == ("10004", "High")
    assert ticket.values["customfield_10015"].value == "High"
    status = {"shown": "Fertig", "untranslated": "Done", "ids": "10001"}[words]
    hop = next_transition(StatusTarget(status=status), world.tracker.read(ref.id))
    assert not isinstance(hop, Stuck)
    world.tracker.transition(ref, hop.hop, hop.fields)
    assert world.jira.ticket(ref.id).status == "Done"


def test_a_resolution_goes_by_its_id_whatever_the_account_calls_it(world: World) -> None:
    world.jira.translate("de", {"Fixed": "Behoben"})
    for wished in ("Behoben", "10005"):
        ref = world.make(f"k{wished}", project="OPS")
        step = next_transition(
            StatusTarget(transition="Resolve Issue", resolution=(wished,)),
            world.tracker.read(ref.id),
        )
        assert not isinstance(step, Stuck)
        world.tracker.transition(ref, step.hop, step.fields)
        assert world.jira.ticket(ref.id).resolution == "Fixed"


def _two_options(world: World) -> None:
    field = world.jira.site.fields["customfield_10015"]
    more = (*field.options, Option("10199", "High"))
    world.jira.site.fields[field.id] = replace(field, options=more)


def _two_priorities(world: World) -> None:
    # Names that differ in one language may be the same word in another.
    world.jira.translate("xx", {"Highest": "High"})


def _two_components(world: World) -> None:
    world.jira.site.projects["DATA"].components.append(Named("9001", "ingestion"))
    world.jira.site.projects["DATA"].components.append(Named("9002", "INGESTION"))


DOUBLES: list[tuple[Callable[[World], None], dict[str, Any], str, Any]] = [
    (_two_options, {"Severity": "High"}, "'10199' (High)", {"Severity": "10199"}),
    (_two_priorities, {"priority": "High"}, "'1' (High)", {"priority": "2"}),
    (_two_components, {"components": ["IngestioN"]}, "'9001'", {"components": ["9001"]}),
]


@pytest.mark.parametrize(
    "prepare, wished, words, exact", DOUBLES, ids=["options", "priorities", "components"]
)
def test_a_name_that_two_values_share_is_asked_about_and_an_id_is_not(
    world: World,
    prepare: Callable[[World], None],
    wished: dict[str, Any],
    words: str,
    exact: dict[str, Any],
) -> None:
    prepare(world)
    (parked,) = world.tracker.draft(desired(**wished)).parked_fields.values()
    assert parked.parked.cause is Cause.FIELD
    assert words in parked.parked.remedy
    draft = world.tracker.draft(desired(**exact))
    ref = world.tracker.create(draft)
    seen = world.tracker.read(ref.id).fields
    (id_,) = set(draft.fields) - {"summary", "labels"}
    assert seen[id_] == draft.fields[id_].value, "the ticket is as the rule wants it"


def test_a_change_between_two_values_of_one_name_is_seen(world: World) -> None:
    _two_options(world)
    first = world.tracker.draft(desired(Severity="10199")).fields["customfield_10015"].value
    second = world.tracker.draft(desired(Severity="10101")).fields["customfield_10015"].value
    assert first != second


def test_an_issue_type_name_that_two_types_share_is_asked_about(world: World) -> None:
    project = world.jira.site.projects["DATA"]
    other = replace(project.types[0], id="10990")
    world.jira.site.types[other.id] = other
    project.types = (*project.types, other)
    project.create_screens[other.id] = project.create_screens["10004"]
    why = world.tracker.draft(desired(issue_type=("Bug",))).unmakable
    assert why is not None
    assert "'10990' (Bug)" in why.remedy
    assert world.jira.ticket(world.make(issue_type=("10990",)).id)


def test_a_link_type_name_that_two_types_share_is_asked_about(world: World) -> None:
    world.jira.site.link_types.append(LinkType("10999", "Relates", "relates to", "relates to"))
    one, other = world.make("one"), world.make("other")
    with pytest.raises(Rejected) as fault:
        world.tracker.link_tickets(one, TicketLink("Relates", other.key, outward=True))
    assert "'10999' (Relates)" in fault.value.remedy


def two_ways(world: World) -> None:
    """Two transitions of one name, to two statuses of one name."""
    project = world.jira.site.projects["DATA"]
    done = world.jira.site.statuses["10001"]
    world.jira.site.statuses["10901"] = Status("10901", "Done", done.category)
    extra = Transition("91", "Done", "10901")
    project.workflow = replace(
        project.workflow,
        statuses=(*project.workflow.statuses, "10901"),
        transitions=(*project.workflow.transitions, extra),
    )


@pytest.mark.parametrize(
    "target, exact, ids",
    [
        (StatusTarget(transition="Done"), StatusTarget(transition="91"), ("'31'", "'91'")),
        (StatusTarget(status="Done"), StatusTarget(status="10901"), ("'10001'", "'10901'")),
    ],
    ids=["transitions", "statuses"],
)
def test_two_transitions_or_statuses_of_one_name_are_asked_about(
    world: World, target: StatusTarget, exact: StatusTarget, ids: tuple[str, str]
) -> None:
    two_ways(world)
    seen = world.tracker.read(world.make().id)
    stuck = next_transition(target, seen)
    assert isinstance(stuck, Stuck)
    assert all(one in stuck.remedy for one in ids)
    step = next_transition(exact, seen)
    assert not isinstance(step, Stuck)
    assert step.hop.to.id == "10901"


def checked(world: World, text: str) -> Report:
    rules = parse({"rules.toml": text}, Defaults({"main": "DATA"}, "main"))
    return check_site(world.another(), rules.rules, Position("config.toml", 9))


BY_ID = """\
[[rule]]
name = "ids"
project = "DATA"
issue_type = "10004"
[rule.fields]
priority = "2"
components = ["100000"]
customfield_10015 = "10100"
Area = "10120 > 10121"
[rule.issues]
link = "10003"
[rule.status]
open = "10000"
investigating = { category = "indeterminate", prefer = ["3"] }
fixed = { transition = "31", resolution = "10000" }
closed = { status = "10001", via = ["3"] }
cancelled = { status = "10001" }
no_action_needed = { status = "10001" }
expected = { status = "10001" }
[rule.leave_closed]
statuses = ["10001"]
resolutions = ["10001"]
"""


def test_check_takes_ids_wherever_it_takes_names(world: World) -> None:
    world.make()
    world.clock.sleep(10)
    assert [str(one) for one in checked(world, BY_ID).findings] == []


def test_check_refuses_components_in_a_project_that_has_none(world: World) -> None:
    world.jira.site.projects["DATA"].components.clear()
    text = '[[rule]]\nname = "all"\n[rule.fields]\ncomponents = ["Ingestion"]\n'
    (found,) = checked(world, text).findings
    assert (found.place, found.key) == ("rules.toml:4", "fields.components[1]")
    (parked,) = world.tracker.draft(desired(components=["Ingestion"])).parked_fields.values()
    assert parked.parked.cause is Cause.FIELD


@pytest.mark.parametrize("key", ['"Done"', '{ transition = "Done" }'], ids=["status", "transition"])
def test_check_asks_about_a_name_of_two_things(world: World, key: str) -> None:
    two_ways(world)
    world.make()
    world.clock.sleep(10)
    text = f'[[rule]]\nname = "all"\n[rule.status]\nfixed = {key}\n'
    found = [str(one) for one in checked(world, text).findings]
    assert any("rules.toml:4: rule 'all': status.fixed: several" in one for one in found), found


def test_an_issue_type_that_is_gone_does_not_keep_a_ticket_from_being_closed(world: World) -> None:
    ref = world.make(Severity="High")
    project = world.jira.site.projects["DATA"]
    kind = project.types[0]
    project.types = (replace(kind, name="Defect"), *project.types[1:])
    world.jira.site.types[kind.id] = project.types[0]
    other = world.another()
    draft = other.draft(desired(Severity="High"))
    assert draft.unmakable is not None
    assert draft.fields["customfield_10015"].value == "High"
    assert other.read(ref.id).fields["customfield_10015"] == "High"


THINGS = st.lists(
    st.builds(Name, st.sampled_from(["Done", "done", "Close", "3", "Fertig"]),
              st.sampled_from(["1", "2", "3", "31"]), st.sampled_from(["", "Done", "Closed"])),
    max_size=5, unique_by=lambda name: (name.id, str(name)),
)  # fmt: skip


@given(st.sampled_from(["Done", "DONE", "3", "31", "Close", "Nothing", ""]), THINGS)
def test_what_a_word_means_is_a_thing_that_goes_by_it(wished: str, known: list[Name]) -> None:
    found = meant(wished, known)
    for one in found:
        assert wished.casefold() in (one.casefold(), one.untranslated.casefold(), one.id)
    exact = [one for one in known if wished in (str(one), one.untranslated) and wished]
    assert not exact or all(wished in (str(one), one.untranslated) for one in found)
    assert bool(found) == any(
        wished and wished.casefold() in (n.casefold(), n.untranslated.casefold(), n.id)
        for n in known
    )


def test_a_name_in_another_letter_case_does_not_shadow_the_exact_one() -> None:
    there = [JiraStatus("1", "done", Category.DONE), JiraStatus("2", "Done", Category.DONE)]
    assert [n.id for n in meant("Done", [one.called for one in there])] == ["2"]
    assert [n.id for n in meant("DONE", [one.called for one in there])] == ["1", "2"]
