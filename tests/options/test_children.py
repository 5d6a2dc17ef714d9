"""Issues' tickets as children of their incident's, on a simulated Jira."""

from __future__ import annotations

from sync.sandbox.jira.ready_site import EPIC_LINK
from sync.store import parking
from tests.options.stage import Stage, parent_of

RULES = """
[[rule]]
name = "incidents"
when = { kind = "incident" }
project = "PROJECT"
issue_type = "TYPE"
issues = { link = "parent" }

[[rule]]
name = "issues"
when = { kind = "issue" }
issue_type = "Bug"
"""


def put(stage: Stage, project: str, issue_type: str) -> None:
    """An incident with one issue, and another issue beside it."""
    stage.write_rules(RULES.replace("PROJECT", project).replace("TYPE", issue_type))
    stage.tell("issue_created", "orders")
    stage.tell("issue_created", "customers")
    stage.tell("incident_open", "outage")
    stage.settle()
    stage.learn("outage", issue_ids=("orders",))
    stage.settle()


def parents(stage: Stage) -> dict[str, str]:
    """The parent's summary, by the child's."""
    of = {t.key: t.summary for t in stage.tickets()}
    found = {t.summary: parent_of(t) for t in stage.tickets()}
    return {child: of[parent] for child, parent in found.items() if parent}


def test_an_incidents_epic_has_the_tickets_of_its_issues_under_it(stage: Stage) -> None:
    put(stage, "DATA", "Epic")
    assert parents(stage) == {"orders is stale": "outage is stale"}
    stage.learn("outage", issue_ids=("customers",))
    stage.settle()
    assert parents(stage) == {"customers is stale": "outage is stale"}
    stage.tell("issue_created", "late")
    stage.learn("outage", issue_ids=("customers", "late"))
    stage.settle()
    assert set(parents(stage)) == {"customers is stale", "late is stale"}
    assert stage.silent()


def test_a_parent_that_jira_refuses_parks_the_child_alone_and_says_whose_wish_it_was(
    datacenter: Stage,
) -> None:
    put(datacenter, "OPS", "Incident")
    assert parents(datacenter) == {}
    (row,) = [row for row in datacenter.rows() if row.parked]
    assert row.key == "coalesce:issue:orders"
    (parked,) = parking.causes(row)
    assert (parked["field"], parked["cause"]) == ("Epic Link", "field")
    assert "is not an Epic" in parked["reason"]
    assert parked["rule"] == "incidents"
    assert 'link = "parent"' in parked["remedy"]


def test_a_child_whose_screen_takes_no_epic_is_made_all_the_same_and_says_whose_wish_it_was(
    datacenter: Stage,
) -> None:
    project = datacenter.sandbox.site.projects["DATA"]
    for screens in (project.create_screens, project.edit_screens):
        for type_, screen in screens.items():
            screens[type_] = tuple(item for item in screen if item.field != EPIC_LINK)
    put(datacenter, "DATA", "Epic")
    assert parents(datacenter) == {}
    (row,) = [row for row in datacenter.rows() if row.parked]
    (parked,) = parking.causes(row)
    assert (row.key, parked["rule"]) == ("coalesce:issue:orders", "incidents")
    assert "Epic Link" in parked["words"]
