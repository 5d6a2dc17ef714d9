"""Rules against a site: every planted mistake is found at its line, and nothing in a correct set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sync.adapters.jira.check import Report, check_site
from sync.domain.errors import Missing, Rejected
from sync.domain.ticket import Draft
from sync.rules import Defaults, parse
from sync.sandbox.jira.ready_site import BOT, EPIC_LINK, OWNER
from sync.settings import shipped
from sync.toml import Position
from tests.adapters.jira.world import World, desired

GOOD = """\
[[rule]]
name = "good"
when = { kind = "issue" }
project = "DATA"
issue_type = "Bug"
[rule.fields]
summary = "{{ subject.title }}"
priority = "High"
components = ["Ingestion", "Warehouse"]
"Fix versions" = "2026.1"
labels = ["data-quality", "{{ subject.trigger_name }}"]
assignee = "{{ 'data.owner@example.com' | jira_user }}"
due_date = "2030-01-31"
"Root cause" = "unknown"
"Affected rows" = 3
"Detected on" = "2030-01-31"
"Detected at" = "2030-01-31T10:00:00Z"
Severity = "High"
"Data domains" = ["Sales", "Finance"]
Area = "Warehouse > Models"
"Data owner" = "on.call@example.com"
"Detected by" = "Monitor"
Checks = ["Volume"]
customfield_10022 = "Platform"
[rule.status]
open = "To Do"
investigating = { status = "In Progress" }
fixed = { transition = "Done", resolution = ["Done", "Fixed"] }
closed = { status = "Done", via = ["In Progress"], fields = { "Root cause" = "none" } }
cancelled = { category = "done", prefer = ["Cancelled", "Done"] }
[rule.leave_closed]
resolutions = ["Won't Do"]
statuses = ["Done"]

[[rule]]
name = "incidents"
when = { kind = "incident" }
project = "OPS"
issue_type = ["Incident", "Task"]
[rule.issues]
link = "Relates"
[rule.status]
fixed = { status = "Resolved", resolution = "Fixed" }
"""

# What is planted: what is replaced by what, then line, key and words of the finding.
PLANTED: dict[str, tuple[str, str, int, str, str]] = {
    "no such project": ('"DATA"', '"DATO"', 4, "project", "Did you mean 'DATA'"),
    "no such issue type": ('"Bug"', '"Bugg"', 5, "issue_type", "Did you mean 'Bug'"),
    "no such types at all": (
        '["Incident", "Task"]', '["Incedent", "Chore"]', 39, "issue_type",
        "no issue type 'Incedent' or 'Chore'. Did you mean 'Incident'",
    ),
    "no such priority": ('"High"\ncomp', '"Hihg"\ncomp', 8, "fields.priority", "Did you mean 'High'"),
    "no such component": (
        '["Ingestion", "W', '["Ingestoin", "W', 9, "fields.components[1]", "Did you mean 'Ingestion'",
    ),
    "no such version": ('"2026.1"', '"2025.1"', 10, "fields.Fix versions", "Did you mean '2026.1'"),
    "a label with white space": (
        '"data-quality"', '"data quality"', 11, "fields.labels[1]", "Write 'data-quality'.",
    ),
    "a label that is too long": (
        '"data-quality"', f'"{"x" * 256}"', 11, "fields.labels[1]", "at most 255 characters",
    ),
    "nobody of that address": (
        "data.owner@", "data.owenr@", 12, "fields.assignee",
        "no Jira user has the address data.owenr@example.com",
    ),
    "no date": ('"2030-01-31"\n"Root', '"31.1.2030"\n"Root', 13, "fields.due_date", "2030-01-31"),
    "no such field": (
        '"Root cause" = "unk', '"Root casue" = "unk', 14, "fields.Root casue",
        "no field 'Root casue'. Did you mean 'Root cause'",
    ),
    "no number": ("= 3", '= "three"', 15, "fields.Affected rows", "'three' is not a number"),
    "no date in a custom field": (
        '"Detected on" = "2030-01-31"', '"Detected on" = "soon"', 16, "fields.Detected on",
        "'soon' is not a date",
    ),
    "no time": ("T10:00:00Z", " at ten", 17, "fields.Detected at", "is not a time"),
    "no such option": (
        'Severity = "High"', 'Severity = "Hgih"', 18, "fields.Severity", "Did you mean 'High'",
    ),
    "no such option among several": (
        '["Sales", "Finance"]', '["Sales", "Finanse"]', 19, "fields.Data domains[2]",
        "Did you mean 'Finance'",
    ),
    "no such parent of a cascade": (
        '"Warehouse > Models"', '"Warehose > Models"', 20, "fields.Area", "Did you mean 'Warehouse'",
    ),
    "no such child of a cascade": (
        '"Warehouse > Models"', '"Warehouse > Modles"', 20, "fields.Area", "Did you mean 'Models'",
    ),
    "nobody of that address in a custom field": (
        "on.call@", "off.call@", 21, "fields.Data owner", "no Jira user",
    ),
    "no such radio button": (
        '"Monitor"', '"Monitors"', 22, "fields.Detected by", "Did you mean 'Monitor'",
    ),
    "no such checkbox": ('["Volume"]', '["Volumes"]', 23, "fields.Checks[1]", "Did you mean 'Volume'"),
    "no such field id": (
        "customfield_10022", "customfield_19999", 24, "fields.customfield_19999",
        "the site has no field",
    ),
    "a name that two fields have": (
        "customfield_10022", "Team", 24, "fields.Team", "one of 'customfield_10021' (Team)",
    ),
    "a field that is on no screen": (
        "customfield_10022 =", '"Internal note" =', 24, "fields.Internal note",
        "is not on the create screen of Bug in DATA",
    ),
    "no such status": ('open = "To Do"', 'open = "To-Do!"', 26, "status.open", "Did you mean 'To Do'"),
    "no such status in a table": (
        '"In Progress" }', '"Progressing" }', 27, "status.investigating", "Did you mean 'In Progress'",
    ),
    "no such transition": (
        'transition = "Done"', 'transition = "Finish"', 28, "status.fixed", "no transition 'Finish'",
    ),
    "no such resolution": (
        '["Done", "Fixed"]', '["Fixd"]', 28, "status.fixed.resolution", "Did you mean 'Fixed'",
    ),
    "no such status on the way": (
        'via = ["In Progress"]', 'via = ["In Progres"]', 29, "status.closed.via",
        "Did you mean 'In Progress'",
    ),
    "no such field for a screen": (
        '{ "Root cause" = "none" }', '{ "Rot cause" = "none" }', 29, "status.closed.fields.Rot cause",
        "Did you mean 'Root cause'",
    ),
    "none of the preferred statuses": (
        '["Cancelled", "Done"]', '["Cancelled", "Doen"]', 30, "status.cancelled.prefer",
        "no status 'Doen'. Did you mean 'Done'",
    ),
    "no such resolution to leave closed": (
        '["Won\'t Do"]', '["Wont Do"]', 32, "leave_closed.resolutions", "Did you mean \"Won't Do\"",
    ),
    "no such status to leave closed": (
        'statuses = ["Done"]', 'statuses = ["Dun"]', 33, "leave_closed.statuses", "Did you mean 'Done'",
    ),
    "no such link type": ('"Relates"', '"Relate"', 41, "issues.link", "Did you mean 'Relates'"),
    "a resolution that its screen does not offer": (
        'resolution = "Fixed" }', 'resolution = "Fixt" }', 43, "status.fixed.resolution",
        "Did you mean 'Fixed'",
    ),
}  # fmt: skip


def checked(world: World, text: str) -> Report:
    rules = parse({"rules.toml": text}, Defaults({"main": "DATA"}, "main"))
    return check_site(world.another(), rules.rules, Position("config.toml", 9))


@pytest.fixture
def populated(world: World) -> World:
    """A site on which a ticket stands in each status."""
    tracker = world.tracker
    for number, name in enumerate(("To Do", "In Progress", "Done")):
        ref = world.make(f"k{number}")
        hops = [hop for hop in tracker.read(ref.id).hops if hop.to.name == name]
        if hops and name != "To Do":
            tracker.transition(ref, hops[0], {})
    world.clock.sleep(10)
    return world


def test_in_a_correct_set_nothing_is_found(populated: World) -> None:
    report = checked(populated, GOOD)
    assert [str(one) for one in report.findings] == []
    assert report.trouble == ""
    assert "Ticket Sync" in report.who


def test_at_least_thirty_mistakes_are_planted() -> None:
    assert len(PLANTED) >= 30


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_found_at_its_line_with_what_to_do(
    populated: World, name: str
) -> None:
    before, after, line, key, words = PLANTED[name]
    text = GOOD.replace(before, after)
    assert text != GOOD
    findings = checked(populated, text).findings
    assert findings, "not found"
    (first, *rest) = findings
    assert first.place == f"rules.toml:{line}"
    assert first.key == key
    assert words in str(first)
    # One mistake is told once; two names that are both wrong are two.
    assert all(one.place == first.place for one in rest)


SITUATIONS: dict[str, tuple[Callable[[World], None], str, str]] = {
    "we may not create": (
        lambda w: w.jira.deny("DATA", "CREATE_ISSUES"),
        GOOD,
        "lacks the permission 'Create issues' in DATA",
    ),
    "we may not move": (
        lambda w: w.jira.deny("DATA", "TRANSITION_ISSUES"),
        GOOD,
        "lacks the permission 'Transition issues' in DATA",
    ),
    "we may not comment": (
        lambda w: w.jira.deny("OPS", "ADD_COMMENTS"),
        GOOD,
        "lacks the permission 'Add comments' in OPS",
    ),
    "we may not link": (
        lambda w: w.jira.deny("OPS", "LINK_ISSUES"),
        GOOD,
        "lacks the permission 'Link issues' in OPS",
    ),
    "a required field is missing": (
        lambda w: None,
        '[[rule]]\nname = "strict"\nproject = "STRICT"\n',
        "rule 'strict': fields.Severity: is missing, and Jira makes no Bug in STRICT without it. "
        'Give it under [rule.fields] as "Severity" = …. It may be: Critical, High, Medium, Low.',
    ),
    "the project of config.toml is wrong": (
        lambda w: w.jira.site.projects.pop("DATA") and None,
        '[[rule]]\nname = "all"\n',
        "config.toml:9: rule 'all': project: there is no project 'DATA'",
    ),
    "nothing leads to the status": (
        lambda w: w.make("flow", project="FLOW") and None,
        '[[rule]]\nname = "flow"\nproject = "FLOW"\n[rule.status]\nfixed = "In Review"\n'
        'closed = { status = "Nowhere" }\n',
        "the workflow has no status 'Nowhere'",
    ),
    "the screen on the way asks for more": (
        lambda w: w.make("ops", project="OPS") and None,
        '[[rule]]\nname = "ops"\nproject = "OPS"\n[rule.status]\n'
        'fixed = { status = "Resolved", resolution = "Cancelled" }\n'
        'closed = { status = "Closed", resolution = ["Nonesuch"] }\n',
        "the site has no resolution 'Nonesuch'",
    ),
    "several statuses of the category and no choice": (
        lambda w: w.make("gov", project="GOV") and None,
        '[[rule]]\nname = "gov"\nproject = "GOV"\n[rule.status]\nfixed = { category = "done" }\n',
        "several statuses of category 'done' can be reached from here: 'Cancelled', 'Done', "
        "\"Won't Do\". Name one in the rule's status table",
    ),
    "a board that is not there": (
        lambda w: None,
        '[[rule]]\nname = "r"\n[rule.fields]\nsprint = { board = "Dta Team" }\n',
        "rules.toml:4: rule 'r': fields.sprint.board: our account sees no board 'Dta Team'",
    ),
    "an issue type of epics that is not there": (
        lambda w: None,
        '[[rule]]\nname = "r"\n[rule.fields]\nparent = { epic = "{{ kind }}", issue_type = "Epik" }\n',
        "rules.toml:4: rule 'r': fields.parent.issue_type: project DATA has no issue type 'Epik'",
    ),
    "an issue type of epics that cannot be above": (
        lambda w: None,
        '[[rule]]\nname = "r"\nissue_type = "Bug"\n[rule.fields]\n'
        'parent = { epic = "x", issue_type = "Sub-task" }\n',
        "fields.parent: a ticket of type Bug cannot be under one of type Sub-task",
    ),
    "a project without epics": (
        lambda w: None,
        '[[rule]]\nname = "r"\nproject = "OPS"\n[rule.fields]\nparent = { epic = "x" }\n',
        "rules.toml:5: rule 'r': fields.parent: project OPS has no issue type for epics",
    ),
    "an epic to be found that is not there": (
        lambda w: None,
        '[[rule]]\nname = "r"\n[rule.fields]\nparent = { epic = "Quality 2031", make = false }\n',
        "rules.toml:4: rule 'r': fields.parent.epic: DATA has no open epic 'Quality 2031'",
    ),
    "a board without sprints": (
        lambda w: None,
        '[[rule]]\nname = "r"\n[rule.fields]\nsprint = { board = "Data Team Flow" }\n',
        "fields.sprint.board: the board 'Data Team Flow' is a kanban board, and has no sprints",
    ),
    "an epic that is not there": (
        lambda w: None,
        '[[rule]]\nname = "epic"\n[rule.fields]\nparent = "DATA-99999"\n',
        "rules.toml:4: rule 'epic': fields.parent: there is no ticket 'DATA-99999'",
    ),
}


PEOPLE = '[[rule]]\nname = "r"\n[rule.fields]\n'


@pytest.mark.parametrize("field", ["assignee", "reporter", '"Data owner"', "Informed"])
def test_a_display_name_on_cloud_is_told_of_with_what_to_write(world: World, field: str) -> None:
    for wished in (OWNER.email, OWNER.account_id if world.cloud else OWNER.name):
        assert checked(world, f'{PEOPLE}{field} = "{wished}"\n').findings == []
    found = checked(world, f'{PEOPLE}{field} = "data owner"\n').findings
    if not world.cloud:
        assert found == []
        return
    (words,) = map(str, found)
    assert words.startswith(
        f"rules.toml:4: rule 'r': fields.{field.strip(chr(34))}: 'data owner' is a display name"
    )
    assert f"Write the account id {OWNER.account_id!r}, or the person's email address." in words


DESK = '[[rule]]\nname = "r"\nproject = "HELP"\nissue_type = "Task"\n[rule.fields]\n'


def test_a_name_that_a_service_project_does_not_have_is_told_of(world: World) -> None:
    right = '"Request Type" = "ask for data"' if world.cloud else '"Request Type" = "help/x"'
    assert checked(world, f'{DESK}{right}\nOrganizations = "Acme, Bolt"\n').findings == []
    wrong = '"Request Type" = "Ask for date"\nOrganizations = ["Acme", "Bold"]\n'
    first, second = map(str, checked(world, f"{DESK}{wrong}").findings)
    expected = "Did you mean 'Ask for data'" if world.cloud else "takes no names"
    assert first.startswith("rules.toml:6: rule 'r': fields.Request Type: 'Ask for date' is not a")
    assert expected in first
    assert second.startswith("rules.toml:7: rule 'r': fields.Organizations[2]: 'Bold' is not a")
    assert "Did you mean 'Bolt'" in second


def test_a_token_without_the_scope_of_service_projects_is_told_of(world: World) -> None:
    if not world.cloud:
        return  # Data Center's tokens have no scopes.
    world.jira.limit_scopes("read:jira-work", "read:jira-user", "write:jira-work")
    found = [str(one) for one in checked(world, f'{DESK}Organizations = "Acme"\n').findings]
    assert any(
        "the token lacks the scope read:servicedesk-request (classic)" in one for one in found
    )


TABLES = '[tables.t]\na = "High"\nb = "Hihg"\n[[rule]]\nname = "r"\nwhen = { kind = "issue" }\n'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("priority = \"{{ issue.title | lookup('t', 'Low') }}\"", "'Hihg' is not a value"),
        ("priority = \"{{ 'High' if issue.title else 'Lwo' }}\"", "'Lwo' is not a value"),
        ("priority = \"{{ {'a': 'Hgih'}[issue.title] | default('Low') }}\"", "'Hgih' is not"),
        ("priority = \"{{ issue.title | default('Lwo', true) }}\"", "'Lwo' is not a value"),
        ("components = [\"{{ issue.title | lookup('t', 'Warehouse') }}\"]", "'High' is not a"),
        ('priority = "{{ issue.title }}"', ""),
        ("summary = \"{{ issue.title | lookup('t', '') }}\"", ""),
    ],
)
def test_a_value_that_a_template_or_its_table_writes_out_is_checked(
    world: World, line: str, told: str
) -> None:
    found = [str(one) for one in checked(world, f"{TABLES}[rule.fields]\n{line}\n").findings]
    assert any(told in one for one in found) if told else found == []
    assert all(one.startswith("rules.toml:8: rule 'r': fields.") for one in found)


def test_a_display_name_in_a_table_is_told_of(world: World) -> None:
    text = f'[tables.t]\na = "{OWNER.email}"\nb = "Data Owner"\n[[rule]]\nname = "r"\n'
    text += "[rule.fields]\nassignee = \"{{ workspace | lookup('t', '') }}\"\n"
    found = [str(one) for one in checked(world, text).findings]
    assert len(found) == (1 if world.cloud else 0), found
    assert all("'Data Owner' is a display name" in one for one in found)


def test_a_person_of_a_list_who_cannot_have_the_field_is_told_of(world: World) -> None:
    listed = f'{PEOPLE}assignee = ["gone@example.com", "{OWNER.email}"]\n'
    (words,) = map(str, checked(world, listed).findings)
    assert words.startswith(
        "rules.toml:4: rule 'r': fields.assignee[1]: no Jira user has the address gone@example.com"
    )


def test_a_display_name_in_a_list_and_on_a_transitions_screen_is_told_of_too(world: World) -> None:
    text = f'{PEOPLE}Informed = ["{OWNER.email}", "Data Owner"]\n'
    text += '[rule.status.closed]\nfields = { "Data owner" = "Data Owner" }\n'
    found = [(one.place, one.key) for one in checked(world, text).findings]
    there = [
        ("rules.toml:4", "fields.Informed[2]"),
        ("rules.toml:6", "status.closed.fields.Data owner"),
    ]
    assert found == (there if world.cloud else [])


def test_a_display_name_that_two_people_have_is_asked_about_with_their_ids(world: World) -> None:
    twin = replace(OWNER, account_id="t1", name="t1", email="twin@example.com")
    world.jira.site.users[twin.account_id] = twin
    (words,) = map(str, checked(world, f'{PEOPLE}reporter = "Data Owner"\n').findings)
    assert "several Jira users are meant by Data Owner" in words
    for user in (twin, OWNER):
        assert repr(user.account_id if world.cloud else user.name) in words


@pytest.mark.parametrize(
    ("line", "needs"),
    [
        ('reporter = "{{ issue.status_actor.email }}"', True),
        ('Informed = ["{{ issue.status_actor.email }}"]', True),
        ('assignee = "data.owner@example.com"', False),
        ('priority = "High"', False),
    ],
)
def test_that_we_may_look_people_up_is_tried_where_rules_name_people(
    world: World, line: str, needs: bool
) -> None:
    text = f"{PEOPLE}{line}\n".replace("[rule.fields]", 'when.kind = "issue"\n[rule.fields]')
    assert checked(world, text).findings == []
    world.jira.site.cannot_browse_users.add(BOT.account_id)
    found = [str(one) for one in checked(world, text).findings]
    told = [one for one in found if "global permission 'Browse users and groups'" in one]
    assert len(told) == (1 if needs else 0), found
    assert all(one.startswith("config.toml:9: our account Ticket Sync") for one in told)


def test_where_jira_speaks_another_language_what_only_words_tell_is_named(world: World) -> None:
    text = '[[rule]]\nname = "r"\n'
    assert not [what for what in checked(world, text).unseen if "maintenance" in what]
    world.jira.site.users[BOT.account_id] = replace(BOT, language="de_DE")
    (words,) = [one for one in checked(world, text).notes if "maintenance" in one]
    assert "our account's language there is de_DE; only the words of Jira's answer" in words


def test_a_transition_that_no_status_offers_is_told_of_or_what_could_not_be_seen(
    world: World,
) -> None:
    text = '[[rule]]\nname = "r"\n[rule.status]\nfixed = { transition = "Finish" }\n'
    tracker = world.tracker
    for number, name in enumerate(("To Do", "In Progress", "Done")):
        report = checked(world, text)
        assert report.findings == []
        unseen = ["To Do", "In Progress", "Done"][number:]
        if number:
            why = report.unseen["the transition 'Finish' of rule 'r'"]
            assert why.endswith(f"there is no ticket to look at in {', '.join(unseen)}")
        else:
            assert "the transitions of Bug in DATA" in report.unseen
        ref = world.make(f"k{number}")
        if number:
            (hop,) = [hop for hop in tracker.read(ref.id).hops if hop.to.name == name]
            tracker.transition(ref, hop, {})
        world.clock.sleep(10)
    report = checked(world, text)
    (words,) = map(str, report.findings)
    assert words.startswith(
        "rules.toml:4: rule 'r': status.fixed: the workflow has no transition 'Finish', or none that "
        "our account may take"
    )
    assert report.unseen == {}


# The type of a rule's tickets and that of their parent, "" where the rule gives none; whether Jira
# takes them, on Cloud and on Data Center. The screens of epics have no parent.
LEVELS = [
    ("Task", "Epic", True, True),
    ("Task", "Task", False, False),
    ("Bug", "Sub-task", False, False),
    ("Epic", "Epic", False, False),
    ("Epic", "Bug", False, False),
    ("Sub-task", "Bug", True, True),
    ("Sub-task", "Epic", False, True),
    ("Sub-task", "Sub-task", False, False),
    ("Sub-task", "", False, False),
    ("Bug", "", True, True),
]


def of_type(world: World, issue_type: str) -> str:
    """The key of a ticket of this type."""
    person = world.jira.person
    parent = {"parent": {"key": of_type(world, "Task")}} if issue_type == "Sub-task" else {}
    return person.create("DATA", issue_type, "One", **parent)


def refused(world: World, draft: Draft) -> set[str]:
    """The fields for which Jira makes no ticket."""
    try:
        world.tracker.create(draft)
    except Rejected as fault:
        return set(fault.refused)
    return set()


@pytest.mark.parametrize(("child", "above", "cloud", "datacenter"), LEVELS)
def test_a_parent_of_the_wrong_level_is_told_of_and_is_what_jira_refuses(
    world: World, child: str, above: str, cloud: bool, datacenter: bool
) -> None:
    fields = {"parent": of_type(world, above)} if above else {}
    lines = "".join(f'parent = "{key}"\n' for key in fields.values())
    text = f'[[rule]]\nname = "r"\nissue_type = "{child}"\n[rule.fields]\n{lines}'
    found = [str(one) for one in checked(world, text).findings]
    takes = cloud if world.cloud else datacenter
    assert bool(found) != takes, found
    for words in found:
        told = f"{child} cannot be under one of type {above}, as DATA-" if above else "is missing"
        assert "rule 'r': fields.parent: " in words
        assert (told if child != "Epic" else "is not on the create screen of Epic") in words
    if world.cloud:
        draft = world.another().draft(desired(issue_type=(child,), **fields))
        assert refused(world, draft) == (set() if takes else {"parent"}), "as the rule names it"


@pytest.mark.parametrize("issue_type", ["Bug", "Epic", "Sub-task"])
def test_issues_that_cannot_be_under_their_incidents_ticket_are_told_of(
    world: World, issue_type: str
) -> None:
    text = (
        '[[rule]]\nname = "incidents"\nwhen = { kind = "incident" }\nissue_type = "Epic"\n'
        'issues = { link = "parent" }\n'
        f'[[rule]]\nname = "issues"\nwhen = {{ kind = "issue" }}\nissue_type = "{issue_type}"\n'
    )
    found = [str(one) for one in checked(world, text).findings if one.key == "issues.link"]
    assert bool(found) == (issue_type == "Epic" or (world.cloud and issue_type == "Sub-task"))
    for words in found:
        assert words.startswith(
            f"rules.toml:5: rule 'incidents': issues.link: a ticket of type {issue_type} cannot be "
            "under one of type Epic"
        )
        assert "as the tickets of rule 'issues' would be" in words


def test_on_data_center_a_screen_without_an_epic_link_is_told_of_where_a_parent_is_asked_for(
    world: World,
) -> None:
    screens = world.jira.site.projects["DATA"].create_screens
    screens["10004"] = tuple(i for i in screens["10004"] if i.field not in (EPIC_LINK, "parent"))
    epic = of_type(world, "Epic")
    text = (
        '[[rule]]\nname = "incidents"\nwhen = { kind = "incident" }\nissue_type = "Epic"\n'
        'issues = { link = "parent" }\n'
        '[[rule]]\nname = "issues"\nwhen = { kind = "issue" }\nissue_type = "Bug"\n'
    )
    asked = [str(one) for one in checked(world, text).findings if one.key == "issues.link"]
    given = f'{text}fields = {{ parent = "{epic}" }}\n'
    named = [str(one) for one in checked(world, given).findings if one.key == "fields.parent"]
    if world.cloud:
        assert asked == []
        return
    told = "Epic Link is not on the create screen of Bug in DATA"
    assert [told in words for words in (*asked, *named)] == [True, True]


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_site_that_does_not_fit_the_rules_is_told_of(world: World, name: str) -> None:
    prepare, text, words = SITUATIONS[name]
    prepare(world)
    world.clock.sleep(10)
    found = [str(one) for one in checked(world, text).findings]
    assert any(words in one for one in found), found


def test_a_site_that_cannot_be_asked_is_trouble_and_no_mistake(world: World) -> None:
    report = check_site(
        world.another(token="wrong"),
        parse({"r.toml": GOOD}, Defaults({"main": "DATA"}, "main")).rules,
        Position("config.toml"),
    )
    assert report.findings == []
    assert report.trouble


def test_where_there_is_no_ticket_yet_transitions_are_left_with_a_note(world: World) -> None:
    report = checked(world, GOOD)
    assert report.findings == []
    assert any("there is no Bug in DATA yet" in why for why in report.unseen.values())


def test_a_check_changes_nothing(populated: World) -> None:
    before, tickets = len(populated.exchanges), populated.jira.tickets()
    checked(populated, GOOD)
    assert populated.jira.tickets() == tickets
    # On Cloud, scopes are tried by writes to a ticket that cannot be there.
    writes = [one for one in populated.exchanges[before:] if one.method != "GET"]
    assert all(one.status in (400, 404) for one in writes if "search" not in one.path)
    assert populated.cloud or not writes
    with pytest.raises(Missing):
        populated.tracker.read("99999")


@pytest.mark.parametrize("project", ["DATA", "OPS", "FLOW", "GOV", "TEAM"])
def test_the_rules_that_come_with_the_program_fit_each_project(world: World, project: str) -> None:
    texts = {"default.toml": (shipped("mappings") / "default.toml").read_text("utf-8")}
    world.make("one", project=project, issue_type=("Bug",) if project != "TEAM" else ("Task",))
    world.clock.sleep(10)
    rules = parse(texts, Defaults({"main": project}, "main")).rules
    report = check_site(world.another(), rules, Position("config.toml"))
    assert [str(one) for one in report.findings] == []
