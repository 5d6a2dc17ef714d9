"""Whom a ticket is assigned to: the first of a list who may be, until a person chooses, on both kinds of
Jira."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sync.domain.ticket import Base
from sync.sandbox.jira import Effect, JiraSandbox
from sync.sandbox.jira.ready_site import FORMER, LEAD, ONCALL, OWNER
from sync.store.engine import open_store
from sync.worker.foresight.forecast import Forecast, forecast_all
from sync.worker.foresight.why import authors
from tests.walks.test_jira import jira_tracker, real, sandbox
from tests.walks.test_lifecycle import A
from tests.walks.world import RULES, World, issue_event

__all__ = ["real", "sandbox"]

LIST = f"""
[tables.people]
"Finance" = "{OWNER.email}"
"old@example.com" = "{ONCALL.email}"
"""


def rules(assignee: str, more: str = "") -> str:
    body = RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\nwhen = { kind = "issue" }')
    return LIST + body.replace("[rule.fields]", f"[rule.fields]\nassignee = {assignee}\n{more}")


BY_OWNER = (
    "[\"{{ [issue.status_actor.email] | lookup_each('people') }}\", "
    "\"{{ issue.owners | lookup_each('people') }}\", "
    f'"{FORMER.email}", "nobody@example.com", "{LEAD.email}"]'
)


def owners(*titles: str) -> list[dict[str, str]]:
    return [{"id": title.lower(), "title": title} for title in titles]


def assignee(sandbox: JiraSandbox) -> str:
    (ticket,) = sandbox.tickets()
    return str(ticket.assignee)


def asked(sandbox: JiraSandbox) -> dict[object, int]:
    """The calls so far, without those for the project's issue types, which every walk knows anew after a
    day."""
    return {one: count for one, count in sandbox.calls.items() if "createmeta" not in one[1]}


def test_the_first_who_may_be_assigned_is_and_upstream_is_followed_until_a_person_chooses(
    real: World, sandbox: JiraSandbox
) -> None:
    real.write_rules(rules(BY_OWNER))
    real.deliver(issue_event("issue_created", A, at=1, owners=owners("Sales")))
    real.settle()
    assert assignee(sandbox) == LEAD.display_name
    real.deliver(issue_event("issue_updated", A, at=2, owners=owners("Sales", "Finance")))
    real.settle()
    assert assignee(sandbox) == OWNER.display_name
    real.deliver(
        issue_event(
            "issue_status_updated",
            A,
            at=3,
            owners=owners("Finance"),
            status="ISSUE_STATUS_INVESTIGATING",
            status_actor={"name": "Ann", "email": {"user_email": "old@example.com"}},
        )
    )
    real.settle()
    assert assignee(sandbox) == ONCALL.display_name
    (ticket,) = sandbox.tickets()
    sandbox.person.assign(ticket.key, LEAD.name)
    real.deliver(issue_event("issue_updated", A, at=4, owners=owners("Finance")))
    real.settle()
    assert assignee(sandbox) == LEAD.display_name
    sandbox.person.assign(ticket.key)
    real.deliver(issue_event("issue_updated", A, at=5, owners=owners("Sales")))
    real.settle()
    assert assignee(sandbox) == ""
    assert all(row.parked is None for row in real.rows())


def test_who_a_person_chose_stays_and_nobody_is_looked_up_for_it(
    real: World, sandbox: JiraSandbox
) -> None:
    real.write_rules(rules(BY_OWNER))
    real.deliver(issue_event("issue_created", A, at=1, owners=owners("Finance")))
    real.settle()
    (ticket,) = sandbox.tickets()
    sandbox.person.assign(ticket.key, LEAD.name)
    real.deliver(issue_event("issue_updated", A, at=2, owners=owners("Finance"), title="later"))
    real.settle()
    before = asked(sandbox)
    # A whole day on, so that nothing remembered of people holds any more.
    real.clock.sleep(90_000)
    for at, title in enumerate(("Sales", "Finance", "Sales"), 3):
        event = issue_event("issue_updated", A, at=at, owners=owners(title), title="later")
        real.deliver(event)
        real.settle()
    assert asked(sandbox) == before
    assert assignee(sandbox) == LEAD.display_name


def test_a_settled_ticket_asks_for_no_people(real: World, sandbox: JiraSandbox) -> None:
    real.write_rules(rules(BY_OWNER))
    real.deliver(issue_event("issue_created", A, at=1, owners=owners("Finance")))
    real.settle()
    before = asked(sandbox)
    real.clock.sleep(90_000)
    real.deliver(issue_event("issue_updated", A, at=2, owners=owners("Finance", "Other")))
    real.settle()
    assert asked(sandbox) == before


def planned(real: World, *, live: bool = True) -> Forecast:
    rules, now = real.rules(), real.clock.time()
    return forecast_all(real.store, rules, {"main": real.tracker}, now, live=live).whole()


def test_the_plan_is_empty_once_settled_and_names_who_stays(
    real: World, sandbox: JiraSandbox
) -> None:
    real.write_rules(rules(BY_OWNER))
    real.deliver(issue_event("issue_created", A, at=1, owners=owners("Finance")))
    real.settle()
    assert (planned(real).tickets, planned(real, live=False).tickets) == ((), ())
    sandbox.person.assign(sandbox.tickets()[0].key, LEAD.name)
    real.write_rules(rules(f'"{ONCALL.email}"'))
    assert planned(real).tickets == ()
    real.write_rules(rules(f'"{ONCALL.email}"').replace('["data-quality"]', '["more"]'))
    (one,) = planned(real).tickets
    assert (len(one.plan.actions), one.plan.kept) == (1, ("Assignee",))
    real.deliver(issue_event("issue_updated", A, at=2, owners=owners("Sales"), title="again"))
    real.settle()
    assert assignee(sandbox) == LEAD.display_name
    assert planned(real, live=False).tickets == ()


def test_an_edit_that_begins_to_assign_leaves_who_is_there(
    real: World, sandbox: JiraSandbox
) -> None:
    real.write_rules(rules('""'))
    real.deliver(issue_event("issue_created", A, at=1))
    real.settle()
    sandbox.person.assign(sandbox.tickets()[0].key, LEAD.name)
    real.write_rules(rules(f'"{ONCALL.email}"'))
    assert planned(real).tickets == ()
    real.write_rules(rules(f'"{ONCALL.email}"').replace('["data-quality"]', '["more"]'))
    (one,) = planned(real).tickets
    assert (len(one.plan.actions), one.plan.kept) == (1, ("Assignee",))
    real.deliver(issue_event("issue_updated", A, at=2))
    real.settle()
    assert assignee(sandbox) == LEAD.display_name
    (row,) = real.rows()
    (field,) = [one for one in authors(Base.from_json(row.base)) if one.id == "assignee"]
    assert field.by == "a person"


def test_where_nobody_fits_it_is_said_why_and_the_rest_is_done(
    real: World, sandbox: JiraSandbox
) -> None:
    real.write_rules(rules(f'["nobody@example.com", "{FORMER.name}"]'))
    real.deliver(issue_event("issue_created", A, at=1))
    real.settle()
    assert assignee(sandbox) == ""
    said = str(real.rows()[0].parked)
    assert "none of 2 people named can have it: no Jira user has the address nobody@" in said
    assert FORMER.display_name in said or "goes by former.member" in said


@pytest.mark.parametrize("after", [True, False])
def test_a_lost_reply_to_the_assignment_is_no_act_of_a_person(
    real: World, sandbox: JiraSandbox, after: bool
) -> None:
    real.write_rules(rules(BY_OWNER))
    real.deliver(issue_event("issue_created", A, at=1, owners=owners("Finance")))
    real.settle()
    sandbox.faults.add(Effect.DROP, method="PUT", path=r"/issue/\d+$", count=1, after=after)
    real.deliver(issue_event("issue_updated", A, at=2, owners=owners("Sales")))
    real.settle()
    assert assignee(sandbox) == LEAD.display_name
    real.deliver(issue_event("issue_updated", A, at=3, owners=owners("Finance")))
    real.settle()
    assert assignee(sandbox) == OWNER.display_name


def test_who_a_person_chooses_while_jira_makes_us_wait_stays(
    real: World, sandbox: JiraSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    real.write_rules(rules(BY_OWNER))
    real.deliver(issue_event("issue_created", A, at=1, owners=owners("Finance")))
    real.settle()
    (ticket,) = sandbox.tickets()
    limit = sandbox.faults.add(
        Effect.RATE_LIMIT, method="PUT", path=r"/issue/\d+$", count=1, retry_after=3
    )
    sleep, chosen = real.clock.sleep, []

    def choosing(seconds: float) -> None:
        sleep(seconds)
        if limit.hits and not chosen:
            chosen.append(ticket.key)
            sandbox.person.assign(ticket.key, ONCALL.name)

    monkeypatch.setattr(real.clock, "sleep", choosing)
    real.deliver(issue_event("issue_updated", A, at=2, owners=owners("Sales"), title="later"))
    real.settle()
    (ticket,) = sandbox.tickets()
    assert chosen
    assert (ticket.summary, assignee(sandbox)) == ("later", ONCALL.display_name)


@pytest.mark.parametrize("chose", [ONCALL.name, ""])
def test_a_store_that_lost_the_ticket_leaves_whom_a_person_chose(
    real: World, sandbox: JiraSandbox, sqlite_template: Path, tmp_path: Path, chose: str
) -> None:
    real.write_rules(rules(BY_OWNER))
    real.deliver(issue_event("issue_created", A, at=1, owners=owners("Finance")))
    real.settle()
    sandbox.person.assign(sandbox.tickets()[0].key, chose)
    # Until Jira's search shows the ticket.
    real.clock.sleep(3600)
    shutil.copy(sqlite_template, tmp_path / "new.db")
    store = open_store(f"sqlite:///{tmp_path}/new.db")
    tracker = jira_tracker(sandbox, real.clock)
    again = World(store, tracker, real.clock, tmp_path / "rules", rules(BY_OWNER))
    again.deliver(issue_event("issue_updated", A, at=2, owners=owners("Finance"), title="later"))
    again.settle()
    again.deliver(issue_event("issue_updated", A, at=3, owners=owners("Sales"), title="last"))
    again.settle()
    again.close()
    store.close()
    (ticket,) = sandbox.tickets()
    assert (ticket.summary, ticket.assignee) == ("last", ONCALL.display_name if chose else "")


def test_a_rule_may_keep_the_assignee_for_itself(real: World, sandbox: JiraSandbox) -> None:
    kept = rules(BY_OWNER) + '[rule.ownership]\nassignee = "shared"\n'
    real.write_rules(kept)
    real.deliver(issue_event("issue_created", A, at=1, owners=owners("Finance")))
    real.settle()
    sandbox.person.assign(sandbox.tickets()[0].key, ONCALL.name)
    real.deliver(issue_event("issue_updated", A, at=2, owners=owners("Sales")))
    real.settle()
    assert assignee(sandbox) == LEAD.display_name


def test_a_list_of_components_comes_from_a_table(real: World, sandbox: JiraSandbox) -> None:
    table = '[tables.components]\n"Finance" = "Warehouse"\n"Sales" = ["Dashboards", "Ingestion"]\n'
    more = "components = \"{{ issue.owners | lookup_each('components') }}\""
    real.write_rules(table + rules('""', more))
    real.deliver(issue_event("issue_created", A, at=1, owners=owners("Finance", "Sales", "Other")))
    real.settle()
    (ticket,) = sandbox.tickets()
    assert ticket.fields["components"] == "Ingestion, Warehouse, Dashboards"
