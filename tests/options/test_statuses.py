"""Where tickets go and what they take along, on workflows of many kinds in a simulated Jira."""

from __future__ import annotations

import pytest

from sync.sandbox.jira.ready_site import BUG, ONCALL, add_project
from sync.sandbox.jira.site.model import ScreenItem, Transition, Workflow
from sync.store import parking
from tests.options.stage import Stage, minimal


def moves(stage: Stage) -> list[str]:
    """The statuses the ticket went to."""
    return [change.after for change in stage.ticket.history if change.field == "status"]


def closed(stage: Stage, project: str, entry: str, fields: str = "", **told: str) -> None:
    """A ticket whose subject ended, by a rule that says this of ``closed``."""
    status = f"\n[rule.status]\nclosed = {entry}\n"
    stage.write_rules(minimal(f'project = "{project}"', fields, status))
    stage.tell("issue_created", "orders", **told)
    stage.settle()
    stage.tell("issue_closed", "orders")
    stage.settle()


@pytest.mark.parametrize(
    ("project", "entry", "stands"),
    [
        ("GOV", '"Cancelled"', "Cancelled"),
        ("GOV", '"cancelled"', "Cancelled"),
        ("GOV", '"10006"', "Won't Do"),
        ("GOV", '{ transition = "Decline" }', "Won't Do"),
        ("GOV", '{ transition = "51" }', "Cancelled"),
        ("GOV", '{ category = "done", prefer = ["Gone", "Canc*"] }', "Cancelled"),
        ("GOV", '{ category = "indeterminate" }', "In Progress"),
        ("GOV", "{ leave = true }", "Backlog"),
        ("DATA", '{ category = "done" }', "Done"),
        ("OPS", '{ status = "Closed", resolution = ["Nonsense", "Won\'t Fix"] }', "Closed"),
    ],
)
def test_a_ticket_goes_where_the_rule_says(
    stage: Stage, project: str, entry: str, stands: str
) -> None:
    closed(stage, project, entry)
    assert stage.ticket.status == stands
    if project == "OPS":
        assert stage.ticket.resolution == "Won't Fix"
    assert stage.silent()


def test_a_long_way_is_found_by_itself_and_back_again(stage: Stage) -> None:
    closed(stage, "FLOW", '"Done"')
    assert moves(stage) == ["Selected", "In Progress", "In Review", "Done"]
    stage.tell("issue_created", "orders")
    stage.settle()
    assert stage.ticket.status == "Triage"
    assert stage.silent()


FORK = Workflow(
    "Fork",
    first="1",
    statuses=("1", "10004", "10005", "10001"),
    transitions=(
        Transition("11", "Verify", "10005", frozenset({"1"})),
        Transition("12", "Review", "10004", frozenset({"1"})),
        Transition("21", "Verified", "10001", frozenset({"10005"}), resolve="Done"),
        Transition("22", "Reviewed", "10001", frozenset({"10004"}), resolve="Done"),
    ),
)


@pytest.mark.parametrize("via", ["In Review", "Verifying"])
def test_the_way_goes_through_the_statuses_named(stage: Stage, via: str) -> None:
    add_project(stage.sandbox.site, "FORK", "Fork", FORK, types=(BUG,))
    closed(stage, "FORK", f'{{ status = "Done", via = ["{via}"] }}')
    assert moves(stage) == [via, "Done"]


GUARDED = '"Severity" = "High"'


def test_screens_get_the_fields_and_the_resolution_of_the_rule(stage: Stage) -> None:
    closed(
        stage,
        "STRICT",
        '{ status = "Resolved", resolution = "Fixed", '
        'fields = { "Root cause" = "{{ issue.trigger_message }}", "Severity" = "Low" } }',
        GUARDED,
        trigger_message="Three hours late",
    )
    fields = stage.ticket.fields
    assert (stage.ticket.status, stage.ticket.resolution) == ("Resolved", "Fixed")
    assert (fields["customfield_10010"], fields["customfield_10015"]) == ("Three hours late", "Low")
    assert stage.silent()


def test_a_check_of_the_workflow_that_nothing_told_of_parks_in_its_own_words(stage: Stage) -> None:
    closed(stage, "STRICT", '{ status = "Resolved" }', GUARDED)
    parked = stage.row().parked
    assert parked is not None
    assert "Root cause is required to resolve." in parked["reason"]
    assert parked["cause"] == "transition"
    assert "fields" in parked["remedy"]
    assert stage.ticket.status == "Open"
    # Once the rule gives it, the ticket goes on by itself.
    status = (
        '\n[rule.status]\nclosed = { status = "Resolved", fields = { "Root cause" = "late" } }\n'
    )
    stage.write_rules(minimal('project = "STRICT"', GUARDED, status))
    stage.live(3600)
    assert stage.ticket.status == "Resolved"
    assert stage.silent()


def test_a_resolution_that_a_screen_asks_for_and_the_rule_does_not_give_parks(stage: Stage) -> None:
    closed(stage, "OPS", '{ status = "Resolved", resolution = "Nonsense" }')
    parked = stage.row().parked
    assert parked is not None
    assert "asks for 'Resolution' (one of Done, " in parked["reason"]
    assert stage.ticket.status == "Open"


def test_a_status_that_is_not_there_parks_with_what_jira_offers(stage: Stage) -> None:
    closed(stage, "DATA", '"Finished"')
    parked = stage.row().parked
    assert parked is not None
    assert "status 'Finished'" in parked["reason"]


def test_a_field_that_creating_asks_for_and_the_rule_does_not_give_parks(stage: Stage) -> None:
    stage.write_rules(minimal('project = "STRICT"'))
    stage.tell("issue_created", "orders")
    stage.settle()
    assert stage.tickets() == []
    parked = stage.row().parked
    assert parked is not None
    assert "Severity" in parked["reason"]


ONCE = Workflow(
    "Ask on the way",
    first="1",
    statuses=("1", "3", "10001"),
    transitions=(
        Transition(
            "11", "Start", "3", frozenset({"1"}), (ScreenItem("customfield_10018", required=True),)
        ),
        Transition("21", "Finish", "10001", frozenset({"3"}), resolve="Done"),
    ),
)


def test_fields_are_given_to_the_screens_on_the_way_too(stage: Stage) -> None:
    add_project(stage.sandbox.site, "ONCE", "Once", ONCE, types=(BUG,))
    entry = '{ status = "Done", fields = { "Data owner" = "on.call@example.com" } }'
    closed(stage, "ONCE", entry)
    assert moves(stage) == ["In Progress", "Done"]
    assert stage.ticket.fields["customfield_10018"] == "On-Call Engineer"
    assert stage.silent()


@pytest.mark.parametrize("by", ["a person", "the rule"])
def test_a_required_field_that_has_a_value_already_needs_nothing(stage: Stage, by: str) -> None:
    add_project(stage.sandbox.site, "ONCE", "Once", ONCE, types=(BUG,))
    ours = '"Data owner" = "on.call@example.com"' if by == "the rule" else ""
    stage.write_rules(
        minimal('project = "ONCE"', ours, '[rule.status]\nclosed = { status = "Done" }')
    )
    stage.tell("issue_created", "orders")
    stage.settle()
    if by == "a person":
        who = {"accountId": ONCALL.account_id, "name": ONCALL.name}
        stage.sandbox.person.edit(stage.ticket.key, customfield_10018=who)
    stage.tell("issue_closed", "orders")
    stage.settle()
    assert moves(stage) == ["In Progress", "Done"]
    assert stage.silent()


def test_a_required_field_that_nobody_has_filled_is_asked_for(stage: Stage) -> None:
    add_project(stage.sandbox.site, "ONCE", "Once", ONCE, types=(BUG,))
    closed(stage, "ONCE", '{ status = "Done", fields = { "Data owner" = "" } }')
    assert "asks for 'Data owner', which neither the rule gives" in stage.row().error
    assert moves(stage) == []


def test_a_closed_ticket_whose_workflow_locks_it_parks_on_a_change_of_fields(stage: Stage) -> None:
    closed(stage, "OPS", '{ status = "Closed", resolution = "Fixed" }')
    assert stage.ticket.status == "Closed"
    stage.tell("issue_updated", "orders", title="orders was stale", ended_at="2026-09-21T15:00:00Z")
    stage.settle()
    (parked,) = parking.causes(stage.row())
    assert "Summary" in (parked["field"] + parked["reason"])
