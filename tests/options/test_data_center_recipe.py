"""The recipe for Data Center, as it is written, on a project shaped as it says."""

from __future__ import annotations

import pytest

from sync.sandbox.jira.fields.plain import Text
from sync.sandbox.jira.ready_site import BUG, add_project
from sync.sandbox.jira.site.model import ScreenItem, Transition, User, Workflow
from sync.sandbox.jira.site.state import FieldDef
from tests.options.stage import DAY, Stage, entity

_RESOLUTION = ScreenItem("resolution", required=True)
WORKFLOW = Workflow(
    "Its own",
    first="1",
    statuses=("1", "3", "5", "6"),
    transitions=(
        Transition("11", "Start Progress", "3", frozenset({"1"})),
        Transition("21", "Resolve Issue", "5", frozenset({"3"}), (_RESOLUTION,)),
        Transition(
            "31",
            "Close Issue",
            "6",
            frozenset({"5"}),
            (_RESOLUTION, ScreenItem("customfield_10010", required=True)),
        ),
        Transition("41", "Reopen Issue", "1", frozenset({"5", "6"}), resolve=""),
    ),
)


@pytest.fixture
def dq(datacenter: Stage) -> Stage:
    site = datacenter.sandbox.site
    site.users["data-oncall"] = User("data-oncall", "doncall", "On Call", "data-oncall@example.com")
    for field in (
        FieldDef("customfield_10042", "Trigger", Text()),
        FieldDef("customfield_10043", "Detected by", Text()),
    ):
        site.fields[field.id] = field
    names = ("environment", "customfield_10042", "customfield_10043", "customfield_10010")
    extra = tuple(ScreenItem(name) for name in names)
    add_project(site, "DQ", "Data Quality", WORKFLOW, types=(BUG,), extra=extra)
    datacenter.use("data-center")
    datacenter.tell(
        "issue_created",
        "orders",
        trigger_name="freshness",
        trigger_message="Three hours late",
        trigger_entity=entity("orders", database="DWH"),
    )
    datacenter.settle()
    return datacenter


def test_a_ticket_has_the_fields_and_the_user_of_the_site(dq: Stage) -> None:
    assert (dq.ticket.project, dq.ticket.type, dq.ticket.status) == ("DQ", "Bug", "Open")
    assert dq.ticket.assignee == "On Call"
    fields = dq.ticket.fields
    assert (fields["environment"], fields["customfield_10042"], fields["customfield_10043"]) == (
        "DWH",
        "freshness",
        "Coalesce Quality",
    )
    assert dq.silent()


def test_it_goes_the_way_of_the_workflow_with_what_the_screens_ask_for(dq: Stage) -> None:
    dq.mark("orders", "investigating")
    dq.settle()
    assert dq.ticket.status == "In Progress"
    dq.mark("orders", "fixed")
    dq.settle()
    assert (dq.ticket.status, dq.ticket.resolution) == ("Resolved", "Fixed")
    dq.tell("issue_closed", "orders")
    dq.settle()
    assert (dq.ticket.status, dq.ticket.resolution) == ("Closed", "Fixed")
    assert dq.ticket.fields["customfield_10010"] == "Three hours late"
    assert dq.silent()


def test_it_passes_through_every_status_on_the_way_to_closed(dq: Stage) -> None:
    dq.tell("issue_closed", "orders")
    dq.settle()
    assert dq.ticket.status == "Closed"
    moves = [change.after for change in dq.ticket.history if change.field == "status"]
    assert moves == ["In Progress", "Resolved", "Closed"]
    dq.tell("issue_created", "orders")
    dq.settle()
    assert (dq.ticket.status, dq.ticket.resolution) == ("Open", "")
    assert dq.silent()


def test_what_is_expected_leaves_the_ticket_where_it_is(dq: Stage) -> None:
    dq.mark("orders", "expected")
    dq.settle()
    assert dq.ticket.status == "Open"
    dq.tell("issue_created", "known", status="ISSUE_STATUS_EXPECTED")
    dq.settle()
    assert dq.ticket.summary == "orders is stale"
    assert dq.silent()


def test_a_duplicate_stays_closed_when_the_issue_comes_back(dq: Stage) -> None:
    dq.sandbox.person.transition(dq.ticket.key, "In Progress")
    dq.sandbox.person.transition(dq.ticket.key, "Resolved", resolution="Duplicate")
    dq.tell("issue_closed", "orders")
    dq.settle()
    dq.live(DAY)
    dq.tell("issue_created", "orders", title="orders is stale again")
    dq.settle()
    assert (dq.ticket.status, dq.ticket.resolution) == ("Resolved", "Duplicate")
    assert dq.ticket.summary == "orders is stale again"
    assert dq.silent()


def test_a_ticket_that_was_deleted_is_not_made_again(dq: Stage) -> None:
    dq.sandbox.person.delete(dq.ticket.key)
    dq.tell("issue_updated", "orders", title="orders is very stale")
    dq.settle()
    assert dq.tickets() == []
    assert [row.state for row in dq.rows()] == ["gone"]
    assert dq.silent()
