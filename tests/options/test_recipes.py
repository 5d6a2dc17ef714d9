"""The recipes, loaded as they are written and run to the end against a simulated Jira."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO

from rich.console import Console

from sync.cli import status
from sync.domain.surroundings import Impact, Product
from sync.operations.status import status_of
from sync.sandbox.jira.ready_site import INCIDENT, TASK, add_project
from sync.sandbox.jira.workflows import several_done, simple
from tests.options.stage import DAY, HOUR, MINUTE, Stage, entity, owner


def test_tickets_go_to_the_projects_of_the_owners(stage: Stage) -> None:
    for key, component in (("FIN", "Ledger"), ("MKT", "Campaigns"), ("PLAT", "Warehouse")):
        add_project(stage.sandbox.site, key, key, simple(), components=[component])
    stage.use("route-by-owner")
    core = entity("orders", folder="/dwh/core/sales")
    stage.tell("issue_created", "ledger", owners=[owner("Finance Data")])
    stage.tell("issue_created", "budget", owners=[owner("Finance Planning")])
    stage.tell("issue_created", "ads", owners=[owner("Sales"), owner("Marketing Data")])
    stage.tell("issue_created", "orders", directly_affected_entities=[core])
    stage.tell("issue_created", "other", owners=[owner("Sales")])
    stage.settle()
    assert {
        t.summary: (t.project, t.type, t.fields.get("components", "")) for t in stage.tickets()
    } == {
        "ledger is stale": ("FIN", "Bug", "Ledger"),
        "budget is stale": ("FIN", "Bug", ""),
        "ads is stale": ("MKT", "Bug", "Campaigns"),
        "orders is stale": ("PLAT", "Bug", ""),
    }
    for name in ("ledger", "budget", "ads", "orders", "other"):
        stage.tell("issue_closed", name)
    stage.settle()
    assert {t.status for t in stage.tickets()} == {"Done"}
    assert stage.silent()


def test_products_downstream_make_the_priority_and_people_still_win(stage: Stage) -> None:
    stage.use("impact-to-priority")
    stage.tell("issue_created", "orders")
    stage.tell("issue_created", "staging")
    revenue = Product("Revenue", "", "Finance", "P1", downstream=True)
    impact = Impact((revenue,), ("Finance data",), (("dbt models", 2),), 2, "x")
    stage.learn("orders", impact=impact)
    stage.settle()
    first, second = stage.tickets()
    assert (first.priority, first.fields["duedate"]) == ("Highest", "2026-09-22")
    assert "finance-data" in first.labels
    assert "finance-data" not in second.labels
    stage.sandbox.person.edit(first.key, priority={"name": "Low"})
    stage.settle()
    stage.learn("orders", impact=replace(impact, owners=("Growth",)))
    stage.settle()
    first, _ = stage.tickets()
    assert first.priority == "Low"
    assert "growth" in first.labels
    assert "finance-data" not in first.labels
    assert stage.silent()


def test_severity_becomes_priority_once_the_api_tells_it(stage: Stage) -> None:
    stage.use("severity-to-priority")
    stage.tell("issue_created", "orders")
    stage.settle()
    # Five business days after Monday the 21st: in Prague, Monday the 28th is a holiday.
    assert (stage.ticket.priority, stage.ticket.fields["duedate"]) == ("Medium", "2026-09-29")
    stage.learn("orders", severity="fatal")
    stage.settle()
    # The date was set when the ticket was made, and is theirs since.
    assert (stage.ticket.priority, stage.ticket.fields["duedate"]) == ("Highest", "2026-09-29")
    assert [c.text.replace("*", "") for c in stage.ticket.comments] == [
        "Upstream severity is now fatal."
    ]
    stage.sandbox.person.edit(stage.ticket.key, priority={"name": "Low"}, duedate="2026-12-24")
    stage.learn("orders", severity="error")
    stage.settle()
    assert (stage.ticket.priority, stage.ticket.fields["duedate"]) == ("High", "2026-12-24")
    stage.tell("issue_closed", "orders")
    stage.settle()
    assert stage.ticket.status == "Done"
    assert len(stage.ticket.comments) == 3
    assert stage.silent()


def test_a_severity_known_before_the_ticket_sets_its_date(stage: Stage) -> None:
    stage.use("severity-to-priority")
    stage.tell("issue_created", "orders")
    stage.learn("orders", severity="error")
    stage.settle()
    assert (stage.ticket.priority, stage.ticket.fields["duedate"]) == ("High", "2026-09-24")
    assert stage.ticket.comments == ()


def test_incidents_have_a_project_and_are_linked_with_the_tickets_of_their_issues(
    stage: Stage,
) -> None:
    add_project(stage.sandbox.site, "INC", "Incidents", several_done(), types=(TASK, INCIDENT))
    stage.use("incidents")
    for name in ("orders", "customers", "stray"):
        stage.tell("issue_created", name)
    stage.tell("incident_open", "outage", title="Warehouse is down")
    stage.learn("outage", issue_ids=("orders", "customers"))
    stage.settle()
    of = {t.summary: t for t in stage.tickets()}
    made = of["Incident: Warehouse is down"]
    assert (made.project, made.type, made.priority) == ("INC", "Incident", "High")
    assert {t.project for t in stage.tickets() if t.key != made.key} == {"DATA"}
    issues = {of["orders is stale"].key, of["customers is stale"].key}
    assert {other for _, other in made.issue_links} == issues
    assert {words for words, _ in made.issue_links} == {"relates to"}
    stage.learn("outage", issue_ids=("customers",))
    stage.settle()
    made = stage.sandbox.ticket(made.key)
    assert [other for _, other in made.issue_links] == [of["customers is stale"].key]
    stage.tell("incident_cancelled", "outage")
    stage.settle()
    made = stage.sandbox.ticket(made.key)
    assert (made.status, made.resolution) == ("Cancelled", "Cancelled")
    assert made.comments[-1].text == "Cancelled in Coalesce Quality."
    # Closing them with the incident was not asked for.
    assert {t.status for t in stage.tickets() if t.project == "DATA"} == {"To Do"}
    assert stage.silent()


def test_all_checks_on_a_table_share_a_ticket_that_closes_with_the_last(stage: Stage) -> None:
    stage.use("group-by-table")
    orders, customers = entity("orders"), entity("customers")
    for name in ("freshness", "volume", "nulls"):
        stage.tell("issue_created", name, trigger_entity=orders, trigger_name=name)
    stage.tell("issue_created", "other", trigger_entity=customers)
    stage.settle()
    ticket, other = stage.tickets()
    assert (ticket.summary, other.summary) == (
        "orders: 3 checks failed",
        "customers: one check fails",
    )
    assert {"coalesce-quality", "orders"} <= set(ticket.labels)
    assert "3 subjects share this ticket." in ticket.description
    for name in ("freshness", "volume", "nulls"):
        assert f"{name} is stale" in ticket.description
    assert {link["url"].rpartition("/")[2] for link in ticket.remote_links} == {
        "freshness",
        "volume",
        "nulls",
    }
    stage.tell("issue_closed", "freshness")
    stage.tell("issue_closed", "volume")
    stage.settle()
    assert stage.tickets()[0].status == "To Do"
    stage.tell("issue_closed", "nulls")
    stage.settle()
    assert [t.status for t in stage.tickets()] == ["Done", "To Do"]
    stage.live(DAY)
    stage.tell("issue_created", "volume")
    stage.tell("issue_created", "schema", trigger_entity=orders, trigger_name="schema")
    stage.settle()
    ticket = stage.tickets()[0]
    assert (len(stage.tickets()), ticket.status) == (2, "To Do")
    assert ticket.summary == "orders: 4 checks failed"
    assert "2 of 4 are still open; 5 occurrences so far." in ticket.comments[-1].text
    assert stage.silent()


def test_a_storm_over_many_tables_makes_one_umbrella_ticket(cloud: Stage) -> None:
    cloud.use("group-by-table")
    for number in range(30):
        cloud.tell("issue_created", f"check-{number}", trigger_entity=entity(f"table_{number}"))
    cloud.settle()
    assert len(cloud.tickets()) == 21
    umbrella = cloud.tickets()[-1]
    assert umbrella.summary == "table_3 and other tables: 10 checks failed"
    assert len(umbrella.remote_links) == 10
    for number in range(30):
        cloud.tell("issue_closed", f"check-{number}")
    cloud.settle()
    assert {t.status for t in cloud.tickets()} == {"Done"}
    assert cloud.silent()


def test_a_check_that_recovers_within_the_hold_makes_no_ticket(stage: Stage) -> None:
    stage.use("hold-flappers")
    stage.tell("issue_created", "flap", trigger_name="freshness of orders")
    stage.live(5 * MINUTE)
    stage.tell("issue_closed", "flap")
    stage.live(HOUR)
    assert stage.tickets() == []
    assert [row.state for row in stage.rows()] == ["spared"]
    told = status_of(stage.store, stage.time.now)
    assert (told.tickets.spared, told.tickets.linked) == (1, 0)
    console = Console(width=120, record=True, file=StringIO())
    console.print(*status.pictured(told))
    assert re.search(r"spared\s+│?\s*1\b", console.export_text())
    assert stage.silent()


def test_a_check_that_stays_gets_a_ticket_which_closes_quietly_and_is_used_again(
    stage: Stage,
) -> None:
    stage.use("hold-flappers")
    stage.tell("issue_created", "lasting", trigger_name="Volume_Hourly")
    stage.live(9 * MINUTE)
    assert stage.tickets() == []
    stage.live(2 * MINUTE)
    assert stage.ticket.status == "To Do"
    stage.tell("issue_closed", "lasting")
    stage.live(20 * MINUTE)
    assert stage.ticket.status == "To Do"
    stage.tell("issue_created", "lasting")
    stage.live(20 * MINUTE)
    assert (stage.ticket.status, stage.ticket.comments) == ("To Do", ())
    stage.tell("issue_closed", "lasting")
    stage.live(40 * MINUTE)
    assert stage.ticket.status == "Done"
    stage.live(3 * DAY)
    stage.tell("issue_created", "lasting")
    stage.live(HOUR)
    assert stage.ticket.status == "To Do"
    assert stage.ticket.comments[-1].text == "Back again (3 times so far)."
    stage.tell("issue_closed", "lasting")
    stage.live(HOUR)
    assert stage.ticket.status == "Done"
    assert stage.silent()


def test_who_is_on_call_gets_no_ticket_for_a_flapping_check(cloud: Stage) -> None:
    cloud.use("hold-flappers")
    cloud.tell("issue_created", "a", trigger_name="freshness", owners=[owner("On Call")])
    cloud.tell("issue_created", "b", trigger_name="uniqueness")
    cloud.live(DAY)
    assert cloud.rows() == []


def test_a_ticket_begins_with_the_right_person_and_stays_with_whom_people_chose(
    stage: Stage,
) -> None:
    stage.use("right-person")
    stage.tell("issue_created", "ledger", owners=[owner("Finance Data"), owner("Marketing Data")])
    stage.tell("issue_created", "other", owners=[owner("Sales")])
    stage.settle()
    found = {t.summary: (t.assignee, t.fields.get("components", "")) for t in stage.tickets()}
    assert found == {
        "ledger is stale": ("Data Owner", "Ingestion, Warehouse, Dashboards"),
        "other is stale": ("On-Call Engineer", ""),
    }
    key = next(t.key for t in stage.tickets() if t.summary == "other is stale")
    stage.sandbox.person.assign(key, "platform.lead")
    stage.tell("issue_updated", "other", owners=[owner("Finance Data")])
    stage.settle()
    assert stage.sandbox.ticket(key).assignee == "Platform Lead"
    assert stage.silent()


def test_a_request_has_its_type_its_organizations_and_its_participants_by_name(
    cloud: Stage,
) -> None:
    cloud.use("service-project")
    cloud.tell("issue_created", "orders")
    cloud.settle()
    fields = cloud.ticket.fields
    assert fields["customfield_10032"] == "Report broken data"
    assert fields["customfield_10033"] == "Acme, Core"
    assert fields["customfield_10036"] == "Data Owner"
    assert fields["security"] == "Internal"
    assert [row.parked for row in cloud.rows()] == [None]
    cloud.tell("issue_updated", "orders", title="orders is late")
    cloud.settle()
    assert [(one.text, one.public) for one in cloud.ticket.comments] == [
        ("Now: orders is late", False)
    ]
    assert cloud.silent()
