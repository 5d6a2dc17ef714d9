"""A site ready for use: people, projects, issue types, fields and screens, all invented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sync.ports import Clock
from sync.sandbox.jira import workflows
from sync.sandbox.jira.fields import apps, plain, references
from sync.sandbox.jira.site.model import (
    Board,
    Dialect,
    IssueType,
    LinkType,
    Named,
    Option,
    Project,
    ScreenItem,
    User,
    Workflow,
)
from sync.sandbox.jira.site.state import FieldDef, Site

BOT = User(
    "712020:00000000-b07", "ticket-sync", "Ticket Sync", "ticket-sync@example.com", "sandbox-token"
)
OWNER = User(
    "712020:00000000-0e1", "data.owner", "Data Owner", "data.owner@example.com", "owner-token"
)
ONCALL = User(
    "712020:00000000-0e2", "on.call", "On-Call Engineer", "on.call@example.com", "oncall-token"
)
LEAD = User(
    "712020:00000000-0e3",
    "platform.lead",
    "Platform Lead",
    "platform.lead@example.com",
    email_hidden=True,
)
FORMER = User(
    "712020:00000000-0e4",
    "former.member",
    "Former Member",
    "former.member@example.com",
    active=False,
)
ADMIN = User(
    "712020:00000000-0e5", "site.admin", "Site Admin", "site.admin@example.com", "admin-token"
)
# The account that rules of Jira Automation act as, unless they name a person.
AUTOMATION = User(
    "557058:00000000-a07",
    "automation.for.jira",
    "Automation for Jira",
    "automation@example.com",
    email_hidden=True,
    app=True,
)
PEOPLE = (BOT, OWNER, ONCALL, LEAD, FORMER, ADMIN, AUTOMATION)
# Groups and roles of everybody who works on the site.
_GROUPS = frozenset({"Administrators", "Service Desk Team", "jira-administrators", "data-team"})

BUG = IssueType("10004", "Bug", description="A problem or error.")
TASK = IssueType("10003", "Task", description="A small, distinct piece of work.")
STORY = IssueType("10002", "Story")
INCIDENT = IssueType("10006", "Incident")
EPIC = IssueType("10001", "Epic", level=1)
SUBTASK = IssueType("10005", "Sub-task", subtask=True, level=-1)
TYPES = (EPIC, STORY, TASK, BUG, SUBTASK, INCIDENT)

# A custom field of Data Center.
EPIC_LINK = "customfield_10035"
EPIC_NAME = "customfield_10041"
SPRINT = "customfield_10031"

_PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
_RESOLUTIONS = (
    "Done",
    "Won't Do",
    "Duplicate",
    "Cannot Reproduce",
    "Cancelled",
    "Fixed",
    "Won't Fix",
)
_LINK_TYPES = (
    LinkType("10000", "Blocks", "is blocked by", "blocks"),
    LinkType("10001", "Cloners", "is cloned by", "clones"),
    LinkType("10002", "Duplicate", "is duplicated by", "duplicates"),
    LinkType("10003", "Relates", "relates to", "relates to"),
    LinkType("10004", "Problem/Incident", "is caused by", "causes"),
)


_VERSIONS = ("2026.1", "2026.2")


def _options(first: int, *values: str) -> tuple[Option, ...]:
    return tuple(Option(str(first + place), value) for place, value in enumerate(values))


_SYSTEM = (
    FieldDef("summary", "Summary", plain.Summary()),
    FieldDef("description", "Description", plain.TextArea()),
    FieldDef("environment", "Environment", plain.TextArea()),
    FieldDef("priority", "Priority", references.Priority()),
    FieldDef("labels", "Labels", plain.Labels()),
    FieldDef("components", "Components", references.Components()),
    FieldDef("fixVersions", "Fix versions", references.Versions()),
    FieldDef("versions", "Affects versions", references.Versions()),
    FieldDef("assignee", "Assignee", references.Assignee()),
    FieldDef("reporter", "Reporter", references.UserPicker()),
    FieldDef("duedate", "Due date", plain.Date()),
    FieldDef("parent", "Parent", references.Parent()),
    FieldDef("resolution", "Resolution", references.Resolution()),
    FieldDef("security", "Security Level", references.SecurityLevel()),
)
_CUSTOM = (
    FieldDef("customfield_10010", "Root cause", plain.Text()),
    FieldDef("customfield_10011", "Impact", plain.TextArea()),
    FieldDef("customfield_10012", "Affected rows", plain.Number()),
    FieldDef("customfield_10013", "Detected on", plain.Date()),
    FieldDef("customfield_10014", "Detected at", plain.DateTime()),
    FieldDef(
        "customfield_10015",
        "Severity",
        references.Select(),
        _options(10100, "Critical", "High", "Medium", "Low"),
    ),
    FieldDef(
        "customfield_10016",
        "Data domains",
        references.MultiSelect(),
        _options(10110, "Finance", "Sales", "Marketing", "Operations"),
    ),
    FieldDef(
        "customfield_10017",
        "Area",
        references.Cascading(),
        (
            Option("10120", "Warehouse", _options(10121, "Ingestion", "Models", "Marts")),
            Option("10130", "Reporting", _options(10131, "Dashboards", "Exports")),
        ),
    ),
    FieldDef("customfield_10018", "Data owner", references.UserPicker()),
    FieldDef("customfield_10019", "Tags", plain.Labels()),
    FieldDef("customfield_10020", "Runbook", plain.Url()),
    FieldDef("customfield_10021", "Team", plain.Text()),
    FieldDef(
        "customfield_10022", "Team", references.Select(), _options(10140, "Platform", "Analytics")
    ),
    FieldDef(
        "customfield_10023",
        "Detected by",
        references.RadioButtons(),
        _options(10150, "Monitor", "Person"),
    ),
    FieldDef(
        "customfield_10024",
        "Checks",
        references.Checkboxes(),
        _options(10160, "Freshness", "Volume"),
    ),
    FieldDef("customfield_10025", "Informed", references.UserPickers()),
    # On no screen, so that a call that sets this field fails.
    FieldDef("customfield_10026", "Internal note", plain.Text()),
)


def _apps(dialect: Dialect) -> tuple[FieldDef, ...]:
    """Fields of Jira's own apps. Only Data Center has the Epic Link."""
    epics = (
        FieldDef(EPIC_LINK, "Epic Link", apps.EpicLink()),
        FieldDef(EPIC_NAME, "Epic Name", apps.EpicName()),
    )
    assets = apps.Assets() if dialect is Dialect.CLOUD else apps.Insight()
    teams = ("36885b3c-1bf0-4f85-a357-c5b858c31de4", "8f1c5a7e-52d1-4a1b-9d5b-0a4f6f0f7c11")
    return (
        *(epics if dialect is Dialect.DATACENTER else ()),
        FieldDef(
            "customfield_10030",
            "Owning team",
            apps.Team(),
            (Option(teams[0], "Pipelines"), Option(teams[1], "Reporting")),
        ),
        FieldDef(
            SPRINT,
            "Sprint",
            apps.Sprint(),
            _options(191, "191B [w26], id=7, state=CLOSED,", "192A", "193A"),
        ),
        FieldDef(
            "customfield_10032",
            "Request Type",
            apps.RequestType(),
            _options(25, "Report broken data", "Ask for data"),
        ),
        FieldDef(
            "customfield_10033",
            "Organizations",
            apps.Organizations(),
            _options(7, "Acme", "Bolt", "Core"),
        ),
        FieldDef(
            "customfield_10034",
            "Affected assets",
            assets,
            _options(88, "Orders (EU-1)", "Customers"),
        ),
        FieldDef("customfield_10036", "Request participants", references.Participants()),
    )


_BOARDS = (
    Board("7", "Data Team", "scrum", "DATA", ("192", "193")),
    Board("8", "Data Team Flow", "kanban", "DATA"),
    Board("9", "Reporting", "scrum", "DATA", ("191",)),
)
_COMMON = (
    ScreenItem("summary", required=True),
    ScreenItem("description"),
    ScreenItem("priority", default="Medium"),
    ScreenItem("labels"),
    ScreenItem("components"),
    ScreenItem("fixVersions"),
    ScreenItem("versions"),
    ScreenItem("assignee"),
    ScreenItem("reporter", required=True, default="@caller"),
    ScreenItem("duedate"),
    ScreenItem("environment"),
    ScreenItem("security"),
)
_CUSTOM_ITEMS = tuple(ScreenItem(field.id) for field in _CUSTOM if field.id != "customfield_10026")


def add_project(  # noqa: PLR0913  (each is a thing in which the projects of this site differ)
    site: Site,
    key: str,
    name: str,
    workflow: Workflow,
    *,
    types: Sequence[IssueType] = (BUG, TASK, STORY, EPIC, SUBTASK),
    extra: Sequence[ScreenItem] = _CUSTOM_ITEMS,
    components: Sequence[str] = ("Ingestion", "Warehouse", "Dashboards"),
) -> Project:
    """Add a project. ``extra`` are the fields on its screens besides the fields of every project."""
    number = 10_000 + len(site.projects)
    screens = {}
    for one in types:
        given = {item.field for item in extra}
        screens[one.id] = (
            *(item for item in _COMMON if item.field not in given),
            *extra,
            *_of_epics(site, one),
        )
    project = Project(
        id=str(number),
        key=key,
        name=name,
        types=tuple(types),
        workflow=workflow,
        create_screens=screens,
        edit_screens=dict(screens),
        components=[Named(str(number * 10 + n), c) for n, c in enumerate(components)],
        versions=[Named(str(number * 10 + 5 + n), v) for n, v in enumerate(_VERSIONS)],
        lead=LEAD.account_id,
    )
    site.projects[key] = project
    return project


def _of_epics(site: Site, one: IssueType) -> tuple[ScreenItem, ...]:
    """The field for the ticket above, and what an epic has for itself. On Data Center, only sub-tasks
    have a parent; epics are linked by a field of their own, and have a short name."""
    if one.level > 0:
        return () if site.cloud else (ScreenItem(EPIC_NAME),)
    under = "parent" if site.cloud or one.subtask else EPIC_LINK
    return (ScreenItem(under, required=one.subtask),)


def ready_site(dialect: Dialect, clock: Clock) -> Site:
    """A site with seven projects and no issues.

    DATA has the simple workflow, OPS the classic one, FLOW a long chain, GOV several ways to be done,
    STRICT the guarded one and a required Severity; TEAM has one issue type and few fields;
    HELP is a service project, whose customers see public comments.
    """
    site = Site(
        dialect,
        clock,
        users={user.account_id: replace(user, groups=_GROUPS) for user in PEOPLE},
        administrators={ADMIN.account_id},
        statuses=dict(workflows.STATUSES),
        categories=workflows.CATEGORIES,
        types={one.id: one for one in TYPES},
        fields={field.id: field for field in (*_SYSTEM, *_CUSTOM, *_apps(dialect))},
        priorities=[Named(str(n), name) for n, name in enumerate(_PRIORITIES, 1)],
        resolutions=[Named(str(n), name) for n, name in enumerate(_RESOLUTIONS, 10_000)],
        link_types=list(_LINK_TYPES),
        boards={one.id: one for one in _BOARDS},
        future_sprints={"193"},
    )
    add_project(
        site,
        "DATA",
        "Data Platform",
        workflows.simple(),
        extra=(*_CUSTOM_ITEMS, ScreenItem(SPRINT)),
    )
    add_project(
        site, "OPS", "Operations", workflows.classic(), types=(BUG, TASK, INCIDENT, SUBTASK)
    )
    add_project(site, "FLOW", "Long Way", workflows.chain())
    add_project(site, "GOV", "Governance", workflows.several_done())
    strict = tuple(
        ScreenItem(item.field, required=item.field == "customfield_10015") for item in _CUSTOM_ITEMS
    )
    add_project(site, "STRICT", "Strict Intake", workflows.guarded(), extra=strict)
    team = add_project(
        site, "TEAM", "Small Team", workflows.simple(), types=(TASK,), extra=(), components=()
    )
    team.versions, team.simplified = [], True
    apps_items = (
        ScreenItem(one.id) for one in _apps(dialect) if one.id not in (EPIC_LINK, EPIC_NAME)
    )
    help_items = (*_CUSTOM_ITEMS, *apps_items)
    desk = add_project(
        site,
        "HELP",
        "Data Help",
        workflows.simple(),
        types=(INCIDENT, TASK),
        components=(),
        extra=help_items,
    )
    desk.service = True
    # Our account is not in the group of the second level.
    desk.levels = [
        Named("10200", "Internal", group="data-team"),
        Named("10201", "Auditors", group="auditors"),
    ]
    return site
