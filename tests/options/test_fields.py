"""Custom fields of every type, by name and by id, and parents, on a simulated Jira."""

from __future__ import annotations

import pytest

from sync.sandbox.jira.ready_site import EPIC_LINK
from sync.store import parking
from tests.options.stage import Stage, minimal, parent_of

# Name, id, value in the rule, what Jira shows, another value, what it shows then.
CASES: list[tuple[str, str, str, str, str, str]] = [
    ("Root cause", "customfield_10010", '"late"', "late", '"broken"', "broken"),
    ("Impact", "customfield_10011", '"Some text"', "Some text", '"Other text"', "Other text"),
    ("Affected rows", "customfield_10012", "12", "12", '"{{ 3 * 1.5 }}"', "4.5"),
    ("Detected on", "customfield_10013", '"2026-09-21"', "2026-09-21", "2026-10-01", "2026-10-01"),
    (
        "Detected at",
        "customfield_10014",
        '"2026-09-21T12:00:00+02:00"',
        "2026-09-21T10:00:00.000+0000",
        "2026-09-22T00:00:00Z",
        "2026-09-22T00:00:00.000+0000",
    ),
    ("Severity", "customfield_10015", '"high"', "High", '"10103"', "Low"),
    (
        "Data domains",
        "customfield_10016",
        '["Sales", "finance"]',
        "Finance,Sales",
        '["Marketing"]',
        "Marketing",
    ),
    ("Area", "customfield_10017", '"Warehouse > Marts"', "Marts", '["Reporting"]', "Reporting"),
    (
        "Data owner",
        "customfield_10018",
        "\"{{ 'on.call@example.com' | jira_user }}\"",
        "On-Call Engineer",
        '"platform.lead@example.com"',
        "Platform Lead",
    ),
    ("Tags", "customfield_10019", '["a b", "c"]', "a_b c", '"c, d"', "c d"),
    (
        "Runbook",
        "customfield_10020",
        '"https://example.com/runbook"',
        "https://example.com/runbook",
        '"https://example.com/other"',
        "https://example.com/other",
    ),
    ("Detected by", "customfield_10023", '"Monitor"', "Monitor", '"Person"', "Person"),
    ("Checks", "customfield_10024", '["Volume"]', "Volume", '"Freshness"', "Freshness"),
    (
        "Informed",
        "customfield_10025",
        '["on.call@example.com", "data.owner@example.com"]',
        "Data Owner, On-Call Engineer",
        '["on.call@example.com"]',
        "On-Call Engineer",
    ),
]


def shown(stage: Stage, id_: str) -> str:
    """A field's value in words."""
    return stage.ticket.fields.get(id_, "")


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_a_field_goes_by_name_and_by_id_follows_the_rule_and_is_emptied(
    stage: Stage, case: tuple[str, ...]
) -> None:
    name, id_, first, words, second, words_then = case
    stage.write_rules(minimal(fields=f'"{name}" = {first}'))
    stage.tell("issue_created", "orders")
    stage.settle()
    assert words in shown(stage, id_)
    stage.write_rules(minimal(fields=f"{id_} = {second}"))
    stage.tell("issue_updated", "orders", title="orders, again")
    stage.settle()
    assert words_then in shown(stage, id_)
    assert words_then == words or words not in shown(stage, id_)
    stage.write_rules(minimal(fields=f"{id_} = \"{{{{ '' }}}}\""))
    stage.tell("issue_updated", "orders", title="orders, once more")
    stage.settle()
    assert shown(stage, id_) == ""
    assert stage.silent()


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ('"Severity" = "Awful"', "Severity|may be: Critical, High, Low, Medium"),
        ('"Data domains" = ["Finanse"]', "Data domains|Did you mean 'Finance'?"),
        ('"Affected rows" = "many"', "Affected rows|'many' is not a number"),
        ('"Detected on" = "soon"', "Detected on|'soon' is not a date"),
        ('"Data owner" = "nobody@example.com"', "Data owner|nobody@example.com"),
        ('"Internal note" = "x"', "Internal note|not on the create screen"),
        ('"Root cuase" = "x"', "Root cuase|Did you mean 'Root cause'?"),
        ('"Team" = "Platform"', "Team|'customfield_10021' (Team), 'customfield_10022' (Team)"),
        ('components = ["Ingestoin"]', "Components|Ingest"),
        ('priority = "Hihg"', "Priority|Hihg"),
    ],
)
def test_a_value_that_jira_would_not_take_is_left_out_and_parked_with_what_to_do(
    stage: Stage, field: str, words: str
) -> None:
    stage.write_rules(minimal(fields=field))
    stage.tell("issue_created", "orders")
    stage.settle()
    assert stage.ticket.fields["summary"]
    (parked,) = parking.causes(stage.row())
    name, said = words.split("|")
    assert name in parked["field"]
    assert said in parked["words"]


def test_one_of_two_fields_with_a_name_is_chosen_by_its_id(stage: Stage) -> None:
    stage.write_rules(minimal(fields='customfield_10022 = "platform"'))
    stage.tell("issue_created", "orders")
    stage.settle()
    assert stage.ticket.fields["customfield_10022"] == "Platform"
    assert "customfield_10021" not in stage.ticket.fields


def test_a_ticket_goes_under_the_parent_that_the_rule_names(stage: Stage) -> None:
    epics = [stage.sandbox.person.create("DATA", "Epic", name) for name in ("one", "two")]
    stage.write_rules(minimal(fields=f'parent = "{epics[0]}"'))
    stage.tell("issue_created", "orders")
    stage.settle()
    (made,) = [t for t in stage.tickets() if t.type == "Bug"]
    assert parent_of(made) == epics[0]
    stage.write_rules(minimal(fields=f'parent = "{epics[1]}"'))
    stage.tell("issue_updated", "orders", title="orders, again")
    stage.settle()
    assert parent_of(stage.sandbox.ticket(made.key)) == epics[1]
    assert stage.silent()


@pytest.mark.parametrize("ownership", ["source", "shared"])
def test_a_ticket_rests_under_a_parent_that_is_given_by_an_earlier_key(
    stage: Stage, ownership: str
) -> None:
    epic = stage.sandbox.person.create("DATA", "Epic", "Orders")
    stage.write_rules(
        minimal(fields=f'parent = "{epic}"', tables=f'\n[rule.ownership]\nparent = "{ownership}"\n')
    )
    stage.tell("issue_created", "orders")
    stage.settle()
    moved = stage.sandbox.person.move(epic, "FLOW")
    writes: list[object] = []
    field = "parent" if stage.is_cloud else EPIC_LINK
    stage.sandbox.observers.append(
        lambda call: writes.extend([call] if field in str(call.request_body) else [])
    )
    (made,) = [t for t in stage.tickets() if t.type == "Bug"]
    for number in range(4):
        stage.tell("issue_updated", "orders", title=f"orders, told {number} times")
        stage.settle()
    assert parent_of(stage.sandbox.ticket(made.key)) == moved
    assert len(writes) <= 1


def test_a_ticket_that_a_person_puts_elsewhere_stays_there_and_the_next_epic_of_the_rule_counts(
    stage: Stage,
) -> None:
    epics = [stage.sandbox.person.create("DATA", "Epic", name) for name in ("one", "two", "three")]
    stage.write_rules(minimal(fields=f'parent = "{epics[0]}"'))
    stage.tell("issue_created", "orders")
    stage.settle()
    (made,) = [t for t in stage.tickets() if t.type == "Bug"]
    by_hand = {"parent": {"key": epics[1]}} if stage.is_cloud else {EPIC_LINK: epics[1]}
    stage.sandbox.person.edit(made.key, **by_hand)
    stage.tell("issue_updated", "orders", title="orders, again")
    stage.settle()
    assert parent_of(stage.sandbox.ticket(made.key)) == epics[1]
    stage.write_rules(minimal(fields=f'parent = "{epics[2]}"'))
    stage.tell("issue_updated", "orders", title="orders, once more")
    stage.settle()
    assert parent_of(stage.sandbox.ticket(made.key)) == epics[2]
    assert stage.silent()


def test_the_epic_link_is_known_by_its_type_in_any_language(datacenter: Stage) -> None:
    datacenter.sandbox.translate("de_DE", {"Epic Link": "Epos-Verknüpfung"})
    epic = datacenter.sandbox.person.create("DATA", "Epic", "Orders")
    datacenter.write_rules(minimal(fields=f'parent = "{epic}"'))
    datacenter.tell("issue_created", "orders")
    datacenter.settle()
    (made,) = [t for t in datacenter.tickets() if t.type == "Bug"]
    assert made.fields[EPIC_LINK] == epic


def test_without_an_epic_link_on_the_screen_a_ticket_is_made_without_a_parent_and_says_so(
    datacenter: Stage,
) -> None:
    project = datacenter.sandbox.site.projects["DATA"]
    for screens in (project.create_screens, project.edit_screens):
        for type_, screen in screens.items():
            screens[type_] = tuple(item for item in screen if item.field != EPIC_LINK)
    epic = datacenter.sandbox.person.create("DATA", "Epic", "Orders")
    datacenter.write_rules(minimal(fields=f'parent = "{epic}"'))
    datacenter.tell("issue_created", "orders")
    datacenter.settle()
    (made,) = [t for t in datacenter.tickets() if t.type == "Bug"]
    assert made.fields["summary"]
    assert "Epic Link is not on the create screen" in str(datacenter.row(made.key).parked)


def test_a_sub_task_is_made_under_its_parent(stage: Stage) -> None:
    task = stage.sandbox.person.create("DATA", "Task", "Watch the orders")
    rule = minimal(fields=f'parent = "{task}"').replace('"Bug"', '"Sub-task"')
    stage.write_rules(rule)
    stage.tell("issue_created", "orders")
    stage.settle()
    (made,) = [t for t in stage.tickets() if t.type == "Sub-task"]
    assert made.fields["parent"] == task
    assert stage.silent()


def test_a_parent_that_is_not_there_is_left_out_and_parked(stage: Stage) -> None:
    stage.write_rules(minimal(fields='parent = "DATA-999"'))
    stage.tell("issue_created", "orders")
    stage.settle()
    assert stage.ticket.fields["summary"]
    (parked,) = parking.causes(stage.row())
    assert parked["field"] == ("Parent" if stage.is_cloud else "Epic Link")
