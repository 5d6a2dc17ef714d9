"""Tickets in a service project: request type and organizations by name, on both kinds of Jira."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.sandbox.jira import Effect, JiraSandbox
from sync.sandbox.jira.ready_site import BOT
from sync.sandbox.jira.site.model import Option
from tests.walks.test_jira import real, sandbox
from tests.walks.test_lifecycle import A
from tests.walks.test_lists_and_levels import made, parked, rules, shown
from tests.walks.world import World, issue_event

__all__ = ["real", "sandbox"]

TYPE, ORGANIZATIONS = "customfield_10032", "customfield_10033"


def offered(sandbox: JiraSandbox, field: str, *options: Option) -> None:
    known = sandbox.site.fields[field]
    sandbox.site.fields[field] = replace(known, options=options)


def is_cloud(sandbox: JiraSandbox) -> bool:
    return sandbox.dialect.value == "cloud"


def desk_calls(sandbox: JiraSandbox) -> int:
    return sum(n for call, n in sandbox.calls.items() if call[1].startswith("servicedesk"))


def test_the_request_type_goes_by_name_on_cloud_and_by_keys_on_data_center(
    real: World, sandbox: JiraSandbox
) -> None:
    made(real, '"Request Type" = "report BROKEN data"', "HELP")
    if not is_cloud(sandbox):
        assert "Jira Data Center takes no names" in parked(real)
        assert desk_calls(sandbox) == 0
        real.write_rules(rules('"Request Type" = "help/report-broken-data"', "HELP"))
        real.deliver(issue_event("issue_updated", A, at=2, title="again"))
        real.settle()
    assert (shown(sandbox, TYPE), parked(real)) == ("Report broken data", "")
    before = sum(sandbox.calls.values())
    real.settle(within=3600)
    assert sum(sandbox.calls.values()) == before


def test_organizations_go_by_name_and_by_number_in_one_list(
    real: World, sandbox: JiraSandbox
) -> None:
    made(real, "Organizations = ['acme', 9]", "HELP")
    assert (shown(sandbox, ORGANIZATIONS), parked(real)) == ("Acme, Core", "")
    real.deliver(issue_event("issue_updated", A, at=2, title="again"))
    real.settle()
    assert sandbox.tickets()[0].summary == "again"
    # One page of organizations and, on Data Center, one of desks: once for all walks.
    assert desk_calls(sandbox) == (1 if is_cloud(sandbox) else 2)


def test_numbers_ask_for_no_names(real: World, sandbox: JiraSandbox) -> None:
    more = '\n"Request Type" = "25"' if is_cloud(sandbox) else ""
    made(real, f'Organizations = "7, 8"{more}', "HELP")
    assert (shown(sandbox, ORGANIZATIONS), desk_calls(sandbox)) == ("Acme, Bolt", 0)


def test_a_name_with_a_comma_and_one_on_a_later_page_are_found(
    real: World, sandbox: JiraSandbox
) -> None:
    many = [Option(str(number), f"Customer {number}") for number in range(100, 220)]
    offered(sandbox, ORGANIZATIONS, *many, Option("300", "Acme, Inc."))
    made(real, 'Organizations = "Acme, Inc."', "HELP")
    assert shown(sandbox, ORGANIZATIONS) == "Acme, Inc."
    real.write_rules(rules('Organizations = ["Customer 219", "Acme, Inc."]', "HELP"))
    real.deliver(issue_event("issue_updated", A, at=2, title="again"))
    real.settle()
    assert shown(sandbox, ORGANIZATIONS) == "Customer 219, Acme, Inc."


def test_an_organization_that_is_not_there_is_named_and_the_others_are_set(
    real: World, sandbox: JiraSandbox
) -> None:
    made(real, 'Organizations = ["Acne", "Bolt"]', "HELP")
    assert shown(sandbox, ORGANIZATIONS) == "Bolt"
    assert "'Acne' is not a value of this field; the others are set" in parked(real)
    assert "It may be: Acme, Bolt, Core." in parked(real)


def test_two_of_one_name_are_asked_about(real: World, sandbox: JiraSandbox) -> None:
    offered(sandbox, ORGANIZATIONS, Option("7", "Acme"), Option("8", "Acme"))
    made(real, 'Organizations = "Acme"', "HELP")
    assert shown(sandbox, ORGANIZATIONS) == ""
    assert "several values are named 'Acme'" in parked(real)
    assert "one of '7' (Acme), '8' (Acme)" in parked(real)


def test_without_a_licence_names_are_not_known_and_it_is_said_what_to_do(
    real: World, sandbox: JiraSandbox
) -> None:
    sandbox.site.no_agents.add(BOT.account_id)
    made(real, 'Organizations = ["Acme", 8]', "HELP")
    assert shown(sandbox, ORGANIZATIONS) == "Bolt"
    assert "does not show our account the organizations of HELP" in parked(real)
    assert "You must be an agent of the service desk" in parked(real)
    assert "with a licence for Jira Service Management" in parked(real)
    before = desk_calls(sandbox)
    real.deliver(issue_event("issue_updated", A, at=2, title="again"))
    real.settle(within=5)
    assert sandbox.tickets()[0].summary == "again"
    assert desk_calls(sandbox) == before
    sandbox.site.no_agents.clear()
    real.clock.sleep(90_000)
    real.deliver(issue_event("issue_updated", A, at=3, title="at last"))
    real.settle()
    assert (shown(sandbox, ORGANIZATIONS), parked(real)) == ("Acme, Bolt", "")


def test_what_was_renamed_since_holds_nothing_up(real: World, sandbox: JiraSandbox) -> None:
    made(real, 'Organizations = "Acme"', "HELP")
    offered(sandbox, ORGANIZATIONS, Option("7", "Acme Europe"))
    real.clock.sleep(90_000)
    real.deliver(issue_event("issue_updated", A, at=2, title="again"))
    real.settle()
    assert (sandbox.tickets()[0].summary, parked(real)) == ("again", "")


def test_a_desk_that_is_found_by_its_number_alone_offers_its_names(
    real: World, sandbox: JiraSandbox
) -> None:
    sandbox.faults.add(Effect.STATUS, status=404, path=r"servicedesk/HELP")
    made(real, 'Organizations = "Acme"', "HELP")
    assert (shown(sandbox, ORGANIZATIONS), parked(real)) == ("Acme", "")


def test_a_project_without_a_desk_says_so(real: World, sandbox: JiraSandbox) -> None:
    sandbox.site.projects["HELP"].service = False
    made(real, 'Organizations = "Acme"', "HELP")
    assert "HELP is no service project, or our account may not see its service desk" in parked(real)


@pytest.mark.parametrize("effect", [Effect.DROP, Effect.READ_TIMEOUT])
def test_a_lost_reply_makes_one_request(real: World, sandbox: JiraSandbox, effect: Effect) -> None:
    sandbox.faults.add(effect, method="POST", path=r"/issue$", count=1, after=True)
    made(real, 'Organizations = "Acme"', "HELP")
    assert [shown(sandbox, ORGANIZATIONS)] == ["Acme"]
    assert len(sandbox.tickets()) == 1


def test_a_desk_that_does_not_answer_delays_the_ticket_and_loses_nothing(
    real: World, sandbox: JiraSandbox
) -> None:
    sandbox.faults.add(Effect.STATUS, status=503, path=r"servicedeskapi", count=4)
    made(real, 'Organizations = "Acme"', "HELP")
    assert (shown(sandbox, ORGANIZATIONS), parked(real)) == ("Acme", "")
