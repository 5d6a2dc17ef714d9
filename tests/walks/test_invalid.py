"""One thing became invalid in Jira: all else of the ticket is still done, and the thing is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.sandbox.jira import JiraSandbox, Ticket
from sync.sandbox.jira.ready_site import BOT, ONCALL
from sync.sandbox.jira.site.model import Project
from sync.sandbox.jira.site.state import Site
from sync.store import parking
from sync.store.engine import Store
from sync.store.tables import TicketRow
from tests.walks.test_jira import jira_tracker
from tests.walks.test_lifecycle import A
from tests.walks.world import RULES, SimulatedClock, World, issue_event

FIELDS = """
priority = "{{ {'a': 'High', 'b': 'Low'}[issue.trigger_name] | default('Medium') }}"
assignee = "{{ 'on.call@example.com' if issue.trigger_name != 'b' else 'data.owner@example.com' }}"
components = "{{ 'Warehouse' if issue.trigger_name != 'b' else 'Ingestion' }}"
versions = "{{ '2026.1' if issue.trigger_name != 'b' else '2026.2' }}"
due_date = "{{ '2030-01-31' if issue.trigger_name != 'b' else '2030-02-28' }}"
"Severity" = "{{ 'High' if issue.trigger_name != 'b' else 'Low' }}"
"Data domains" = "{{ 'Finance' if issue.trigger_name != 'b' else 'Sales' }}"
"Area" = "{{ 'Warehouse > Models' if issue.trigger_name != 'b' else 'Reporting > Exports' }}"
"Root cause" = "{{ 'a disk' if issue.trigger_name != 'b' else 'a network' }}"
"Affected rows" = "{{ 3 if issue.trigger_name != 'b' else 4 }}"
"Data owner" = "{{ 'on.call@example.com' if issue.trigger_name != 'b' else 'data.owner@example.com' }}"
"""
MANY_FIELDS = RULES.replace(
    'labels = ["data-quality"]', 'labels = ["data-quality"]' + FIELDS
).replace('issue_type = "Bug"', 'issue_type = ["Bug", "Task"]\nwhen = { kind = "issue" }')


@pytest.fixture(params=["cloud", "datacenter"])
def sandbox(request: pytest.FixtureRequest, clock: SimulatedClock) -> JiraSandbox:
    return JiraSandbox(request.param, clock, index_lag=20.0)


@pytest.fixture
def real(
    sandbox: JiraSandbox, sqlite_store: Store, clock: SimulatedClock, tmp_path: Path
) -> Iterator[World]:
    tracker = jira_tracker(sandbox, clock)
    world = World(sqlite_store, tracker, clock, tmp_path / "rules", MANY_FIELDS)
    yield world
    world.close()


@pytest.fixture
def real_on_each_store(
    sandbox: JiraSandbox, store: Store, clock: SimulatedClock, tmp_path: Path
) -> Iterator[World]:
    world = World(store, jira_tracker(sandbox, clock), clock, tmp_path / "rules", MANY_FIELDS)
    yield world
    world.close()


def _project(site: Site) -> Project:
    return site.projects["DATA"]


def _off_screens(field_id: str, *, create: bool = True) -> Callable[[Site], None]:
    def change(site: Site) -> None:
        for screens in (_project(site).edit_screens, *([_project(site).create_screens] * create)):
            for kind, screen in screens.items():
                screens[kind] = tuple(item for item in screen if item.field != field_id)

    return change


def _user_left(site: Site) -> None:
    site.users[ONCALL.account_id] = replace(ONCALL, active=False)


def _user_erased(site: Site) -> None:
    del site.users[ONCALL.account_id]
    for issue in site.issues.values():
        for name, value in list(issue.values.items()):
            if value == ONCALL.account_id:
                del issue.values[name]


def _options_renamed(field_id: str) -> Callable[[Site], None]:
    def change(site: Site) -> None:
        field = site.fields[field_id]
        options = tuple(replace(one, value=f"{one.value} (old)") for one in field.options)
        site.fields[field_id] = replace(field, options=options)

    return change


def _field_renamed(site: Site) -> None:
    if (field := site.fields.get("customfield_10010")) is not None:
        site.fields[field.id] = replace(field, name="Cause")


def _field_deleted(site: Site) -> None:
    for project in site.projects.values():
        for screens in (project.edit_screens, project.create_screens):
            for kind, screen in screens.items():
                screens[kind] = tuple(i for i in screen if i.field != "customfield_10010")
    del site.fields["customfield_10010"]
    for issue in site.issues.values():
        issue.values.pop("customfield_10010", None)


def _priorities_renamed(site: Site) -> None:
    site.priorities[:] = [replace(one, name=f"P{one.id}") for one in site.priorities]


def _components_gone(site: Site) -> None:
    _project(site).components.clear()


def _versions_gone(site: Site) -> None:
    _project(site).versions.clear()


def _types_renamed(site: Site) -> None:
    project = _project(site)
    project.types = tuple(replace(one, name=f"{one.name} (new)") for one in project.types)
    site.types.update({one.id: one for one in project.types})


def _denied(permission: str) -> Callable[[Site], None]:
    def change(site: Site) -> None:
        _project(site).denied.setdefault(BOT.account_id, set()).add(permission)

    return change


@dataclass(frozen=True)
class Invalid:
    name: str
    happens: Callable[[Site], None]
    # The field that cannot be written any more, "" where it is not about one field.
    field: str = ""

    def __str__(self) -> str:
        return self.name


INVALID = [
    Invalid("the person left", _user_left, "assignee"),
    Invalid("the account was erased", _user_erased, "assignee"),
    Invalid("the options were renamed", _options_renamed("customfield_10015"), "customfield_10015"),
    Invalid(
        "several options were renamed", _options_renamed("customfield_10016"), "customfield_10016"
    ),
    Invalid("the cascade was renamed", _options_renamed("customfield_10017"), "customfield_10017"),
    Invalid("the field was renamed", _field_renamed),
    Invalid("the field was deleted", _field_deleted),
    Invalid("the priorities were renamed", _priorities_renamed, "priority"),
    Invalid("the components are gone", _components_gone, "components"),
    Invalid("the versions are gone", _versions_gone, "versions"),
    Invalid("the issue types were renamed", _types_renamed),
    Invalid("no permission to edit", _denied("EDIT_ISSUES")),
    Invalid("no permission to create", _denied("CREATE_ISSUES")),
    Invalid("no permission to link", _denied("LINK_ISSUES")),
    Invalid("a field off all screens", _off_screens("customfield_10010"), "customfield_10010"),
    Invalid("priority off the screens", _off_screens("priority")),
    Invalid("labels off the screens", _off_screens("labels")),
    Invalid("summary off the edit screen", _off_screens("summary", create=False)),
]


def _ended_after(
    invalid: Invalid, real: World, sandbox: JiraSandbox, before: str = "a", **changed: str
) -> Ticket:
    """The ticket of an issue that is over, two hours after something became invalid."""
    real.deliver(issue_event("issue_created", A, at=1, trigger_name=before))
    real.settle()
    invalid.happens(sandbox.site)
    real.clock.sleep(7200)
    real.deliver(issue_event("issue_closed", A, at=2, trigger_name="a", **changed))
    real.settle()
    (ticket,) = sandbox.tickets()
    assert ticket.category == "done"
    assert [comment.text for comment in ticket.comments] == ["Closed upstream."]
    return ticket


@pytest.mark.parametrize("invalid", INVALID, ids=str)
def test_a_ticket_is_closed_and_reopened_although_one_thing_became_invalid(
    real: World, sandbox: JiraSandbox, invalid: Invalid
) -> None:
    _ended_after(invalid, real, sandbox)
    (row,) = real.rows()
    # Nothing of it was to be written.
    assert (row.parked, row.error) == (None, "")
    real.deliver(issue_event("issue_created", A, at=3, trigger_name="a"))
    real.settle()
    (ticket,) = sandbox.tickets()
    assert ticket.category == "new"


@pytest.mark.parametrize("invalid", INVALID, ids=str)
def test_what_became_invalid_is_parked_by_itself_and_the_rest_is_written(
    real: World, sandbox: JiraSandbox, invalid: Invalid
) -> None:
    ticket = _ended_after(invalid, real, sandbox, before="b", description="Rows came back.")
    (row,) = real.rows()
    assert row.parked_at is None
    if invalid.name != "no permission to edit":
        assert "Rows came back." in ticket.description
        assert ticket.fields["duedate"] == "2030-01-31"
    if invalid.field:
        assert row.parked is not None
        assert invalid.field in row.parked["fields"]
        with real.store.read() as session:
            assert [one.key for one in parking.parked(session)] == [row.key]
    calls = sum(sandbox.calls.values())
    real.settle()
    assert sum(sandbox.calls.values()) == calls


def _wish_severity(real: World, value: str, at: int) -> None:
    rules = MANY_FIELDS.replace("'High' if issue.trigger_name != 'b' else 'Low'", f"'{value}'")
    real.write_rules(rules)
    real.deliver(issue_event("issue_updated", A, at=at, trigger_name="a", title=f"title {at}"))
    real.settle()


def _severity(real: World, sandbox: JiraSandbox) -> tuple[str, bool]:
    """The field as it stands in Jira, and whether it is parked."""
    (ticket,), (row,) = sandbox.tickets(), real.rows()
    return ticket.fields.get("customfield_10015", ""), row.parked is not None


def test_a_parked_field_is_written_when_it_is_wished_otherwise(
    real_on_each_store: World, sandbox: JiraSandbox
) -> None:
    _wish_severity(real_on_each_store, "Low", 1)
    _wish_severity(real_on_each_store, "Enormous", 2)
    assert _severity(real_on_each_store, sandbox) == ("Low", True)
    assert sandbox.tickets()[0].summary == "title 2"
    _wish_severity(real_on_each_store, "Critical", 3)
    assert _severity(real_on_each_store, sandbox) == ("Critical", False)


@pytest.mark.parametrize("by_hand", [True, False], ids=["by hand", "by itself"])
def test_a_parked_field_is_written_once_jira_knows_its_value(
    real: World, sandbox: JiraSandbox, by_hand: bool
) -> None:
    _wish_severity(real, "Low", 1)
    _wish_severity(real, "Enormous", 2)
    sandbox.rename_options("customfield_10015", {"Critical": "Enormous"})
    if by_hand:
        parking.retry_parked(real.store, real.clock.time(), "asked for by hand")
    real.clock.sleep(10 if by_hand else 3600)
    real.settle()
    assert _severity(real, sandbox) == ("Enormous", False)


@pytest.mark.parametrize("by_hand", [True, False], ids=["by hand", "by itself"])
def test_a_field_that_jira_refused_is_tried_again_once_its_screen_has_changed(
    real: World, sandbox: JiraSandbox, by_hand: bool
) -> None:
    _wish_severity(real, "Low", 1)
    site = sandbox.site
    before = dict(_project(site).edit_screens)
    _off_screens("customfield_10015")(site)
    real.clock.sleep(7200)
    _wish_severity(real, "High", 2)
    assert _severity(real, sandbox) == ("Low", True)
    writes = _writes(sandbox)
    real.clock.sleep(7200)
    real.settle()
    assert _writes(sandbox) == writes, "nothing has changed, so that nothing is tried"
    _project(site).edit_screens.update(before)
    if by_hand:
        parking.retry_parked(real.store, real.clock.time(), "asked for by hand")
    real.clock.sleep(10 if by_hand else 24 * 3600)
    real.settle()
    assert _severity(real, sandbox) == ("High", False)


def _writes(sandbox: JiraSandbox) -> int:
    return sum(count for (method, *_), count in sandbox.calls.items() if method != "GET")


def test_a_ticket_is_made_without_an_optional_field_and_not_without_a_required_one(
    real: World, sandbox: JiraSandbox
) -> None:
    _wish_severity(real, "Enormous", 1)
    assert _severity(real, sandbox) == ("", True)
    assert "Enormous" in real.rows()[0].parked["fields"]["customfield_10015"]["words"]  # type: ignore[index]
    rules = MANY_FIELDS.replace("'High' if issue.trigger_name != 'b' else 'Low'", "'Enormous'")
    real.write_rules(rules.replace('project = "DATA"', 'project = "STRICT"'))
    real.deliver(issue_event("issue_created", "i2", at=2, trigger_name="a"))
    real.settle()
    assert len(sandbox.tickets()) == 1
    row = real.rows()[1]
    assert row.parked_at is not None
    assert "Enormous" in row.error


def test_what_only_jira_knows_to_refuse_is_left_out_and_the_rest_is_written(
    real: World, sandbox: JiraSandbox
) -> None:
    # Nobody's lists say that this priority is not of the site; only the write does.
    wrong = MANY_FIELDS.replace("{'a': 'High', 'b': 'Low'}", "{'a': 'Grave', 'b': 'Low'}")
    real.write_rules(wrong)
    real.deliver(issue_event("issue_created", A, at=1, trigger_name="a"))
    real.settle()
    (ticket,), (row,) = sandbox.tickets(), real.rows()
    assert (ticket.priority, row.parked_at) == ("Medium", None)
    assert row.parked is not None
    assert list(row.parked["fields"]) == ["priority"]
    real.deliver(issue_event("issue_updated", A, at=2, trigger_name="b"))
    real.settle()
    assert (sandbox.tickets()[0].priority, real.rows()[0].parked) == ("Low", None)
    real.deliver(issue_event("issue_closed", A, at=3, trigger_name="a", title="over"))
    real.settle()
    (ticket,), (row,) = sandbox.tickets(), real.rows()
    assert (ticket.priority, ticket.summary, ticket.category) == ("Low", "over", "done")
    assert row.parked is not None
    assert list(row.parked["fields"]) == ["priority"]


@pytest.mark.parametrize("permission", ["ADD_COMMENTS", "LINK_ISSUES"])
def test_a_refused_comment_or_link_holds_up_no_close_and_no_reopening(
    real: World, sandbox: JiraSandbox, permission: str
) -> None:
    real.deliver(issue_event("issue_created", A, at=1, trigger_name="a"))
    real.settle()
    sandbox.deny("DATA", permission)
    for at, (event, category) in enumerate(
        [("issue_closed", "done"), ("issue_created", "new"), ("issue_closed", "done")], 2
    ):
        real.deliver(issue_event(event, A, at=at, trigger_name="a", title=f"title {at}"))
        real.settle()
        (ticket,) = sandbox.tickets()
        assert (ticket.category, ticket.summary) == (category, f"title {at}")
    sandbox.allow("DATA", permission)
    parking.retry_parked(real.store, real.clock.time(), "asked for by hand")
    real.settle()
    assert [comment.text for comment in sandbox.tickets()[0].comments][-1:] == ["Closed upstream."]
    assert real.rows()[0].parked is None


# The ways in which a template fails on one subject and not on another, whose trigger is named "b".
FAILING = """
[tables.causes]
b = "a network"

[[rule]]
name = "everything"
project = "STRICT"
issue_type = "Bug"
when = { kind = "issue" }

[rule.fields]
summary = "{{ {'b': issue.title}[issue.trigger_name] if SUMMARY else issue.title }}"
description = "{{ {'b': issue.description}[issue.trigger_name] if DESCRIPTION else issue.description }}"
labels = ["data-quality", "{{ {'b': 'b'}[issue.trigger_name] if LABELS else 'b' }}"]
priority = "{{ {'b': 'Low'}[issue.trigger_name] if PRIORITY else 'Low' }}"
"Severity" = "High"
"Root cause" = "{{ issue.trigger_name | lookup('causes') if CAUSE else 'a network' }}"

[rule.comments]
updated = "{{ {'b': ''}[issue.trigger_name] if UPDATED else '' }}"

[rule.status.closed]
status = "Resolved"
resolution = "{{ {'b': 'Done'}[issue.trigger_name] if RESOLUTION else 'Done' }}"
comment = "{{ {'b': 'Over.'}[issue.trigger_name] if COMMENT else 'Over.' }}"
fields = { "Severity" = "{{ {'b': 'Low'}[issue.trigger_name] if SCREEN else 'Low' }}" }
"""
PARTS = {
    "SUMMARY": "summary",
    "DESCRIPTION": "description",
    "LABELS": "labels",
    "PRIORITY": "priority",
    "CAUSE": "customfield_10010",
    "UPDATED": "comments.updated",
    "RESOLUTION": "status.closed.resolution",
    "COMMENT": "status.closed.comment",
    "SCREEN": "status.closed.fields.Severity",
}


def _failing(*parts: str) -> str:
    text = FAILING
    for part in PARTS:
        text = text.replace(f"if {part} ", f"if {str(part in parts).lower()} ")
    return text


def _parked(row: TicketRow) -> dict[str, str]:
    """What is parked beside the ticket: the words, by name."""
    return {name: why["words"] for name, why in (row.parked or {}).get("fields", {}).items()}


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_template_that_fails_leaves_its_part_out_and_all_else_is_done(
    sandbox: JiraSandbox, sqlite_store: Store, clock: SimulatedClock, tmp_path: Path, data: Any
) -> None:
    parts = data.draw(st.sets(st.sampled_from(sorted(PARTS)), min_size=1))
    issue = f"i{len(sandbox.tickets())}"
    tracker = jira_tracker(sandbox, clock)
    world = World(sqlite_store, tracker, clock, tmp_path / "rules", _failing(*parts))
    at = float(len(sandbox.tickets()) * 10)
    try:
        world.deliver(issue_event("issue_created", issue, at=at + 1, trigger_name="b"))
        world.settle()
        assert world.rows()[-1].parked is None
        text = {"title": "customers is stale", "description": "Anew."}
        world.deliver(issue_event("issue_closed", issue, at=at + 2, trigger_name="a", **text))
        world.settle()
        ticket, row = sandbox.tickets()[-1], world.rows()[-1]
        assert (ticket.status, row.parked_at, row.error) == ("Resolved", None, "")
        words = _parked(row)
        assert words.keys() == {PARTS[part] for part in parts}
        for part in parts:
            lines = enumerate(FAILING.split("\n"), 1)
            number = next(number for number, line in lines if f"if {part} " in line)
            said = words[PARTS[part]]
            assert f"rules.toml:{number})" in said
            assert "needs what is not there" in said or "has nothing for 'a'" in said
        assert ticket.summary == ("orders is stale" if "SUMMARY" in parts else text["title"])
        assert ("Anew." in ticket.description) is ("DESCRIPTION" not in parts)
        assert {"data-quality", "b", "ticket-sync"} < set(ticket.labels)
        assert ticket.fields["customfield_10010"] == "a network"
        assert ticket.fields["customfield_10015"] == ("High" if "SCREEN" in parts else "Low")
        assert [one.text for one in ticket.comments] == [] if "COMMENT" in parts else ["Over."]
        world.deliver(issue_event("issue_updated", issue, at=at + 3, trigger_name="b", **text))
        world.settle()
        assert world.rows()[-1].parked is None
    finally:
        world.close()


def test_a_ticket_is_made_without_what_a_template_fails_on_and_not_without_a_summary(
    real: World, sandbox: JiraSandbox
) -> None:
    real.write_rules(_failing(*(PARTS.keys() - {"SUMMARY"})))
    real.deliver(issue_event("issue_created", A, at=1, trigger_name="a"))
    real.settle()
    (ticket,), (row,) = sandbox.tickets(), real.rows()
    assert row.parked_at is None
    assert set(_parked(row)) == {
        *("labels", "description", "priority", "customfield_10010", "comments.updated")
    }
    assert {"ticket-sync"} < set(ticket.labels)
    real.write_rules(_failing("SUMMARY"))
    real.deliver(issue_event("issue_created", "i2", at=2, trigger_name="a"))
    real.settle()
    assert len(sandbox.tickets()) == 1
    row = real.rows()[1]
    assert row.parked_at is not None
    assert row.error.startswith("the template of fields.summary needs what is not there")
    assert "rules.toml:12" in row.error


def test_a_required_field_whose_template_fails_parks_the_new_ticket(
    real: World, sandbox: JiraSandbox
) -> None:
    fails = "\"{{ {'b': 'High'}[issue.trigger_name] }}\""
    real.write_rules(_failing().replace('"Severity" = "High"', f'"Severity" = {fails}'))
    real.deliver(issue_event("issue_created", A, at=1, trigger_name="a"))
    real.settle()
    assert sandbox.tickets() == []
    (row,) = real.rows()
    assert row.parked_at is not None
    assert "the template of fields.Severity" in row.error
