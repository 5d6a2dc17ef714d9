"""Several components and versions, some of them by pattern, people who take part, and who may see it: on
both kinds of Jira."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.sandbox.jira import JiraSandbox
from sync.sandbox.jira.ready_site import LEAD, ONCALL, OWNER
from sync.sandbox.jira.site.model import Named
from sync.worker.foresight.why import story_of
from tests.walks.test_jira import real, sandbox
from tests.walks.test_lifecycle import A
from tests.walks.world import RULES, World, issue_event

pytestmark = pytest.mark.proof

__all__ = ["real", "sandbox"]


def rules(fields: str, project: str = "DATA") -> str:
    body = RULES.replace('issue_type = "Bug"', 'issue_type = ["Bug", "Task"]')
    body = body.replace('project = "DATA"', f'project = "{project}"')
    return body.replace("[rule.fields]", f"[rule.fields]\n{fields}\n")


def made(real: World, fields: str, project: str = "DATA") -> None:
    real.write_rules(rules(fields, project))
    real.deliver(issue_event("issue_created", A, at=1))
    real.settle()


def shown(sandbox: JiraSandbox, field: str) -> str:
    (ticket,) = sandbox.tickets()
    return str(ticket.fields.get(field, ""))


def parked(real: World) -> str:
    return str(real.rows()[0].parked or "")


def test_the_components_that_are_there_are_set_and_the_others_named(
    real: World, sandbox: JiraSandbox
) -> None:
    made(real, 'components = ["Roof", "warehouse", "Attic", "Ingestion"]')
    assert shown(sandbox, "components") == "Ingestion, Warehouse"
    assert "'Roof' is not a value of this field; 'Attic' is not" in parked(real)
    assert "the others are set" in parked(real)
    before = sum(sandbox.calls.values())
    real.settle(within=20)
    assert sum(sandbox.calls.values()) == before
    # Once somebody adds one, it is set as well, and the other is still named.
    sandbox.site.projects["DATA"].components.append(Named("77", "Attic"))
    real.clock.sleep(90_000)
    real.deliver(issue_event("issue_updated", A, at=2, title="again"))
    real.settle()
    assert shown(sandbox, "components") == "Attic, Ingestion, Warehouse"
    assert "'Roof'" in parked(real)
    assert "'Attic'" not in parked(real)
    sandbox.site.projects["DATA"].components.append(Named("78", "Roof"))
    real.clock.sleep(90_000)
    real.deliver(issue_event("issue_updated", A, at=3, title="at last"))
    real.settle()
    assert "Roof" in shown(sandbox, "components")
    assert parked(real) == ""


def test_what_a_person_made_of_a_list_that_lacks_something_stays(
    real: World, sandbox: JiraSandbox
) -> None:
    made(real, 'components = ["Roof", "Warehouse"]')
    (ticket,) = sandbox.tickets()
    sandbox.person.edit(ticket.key, components=[{"name": "Dashboards"}])
    real.deliver(issue_event("issue_updated", A, at=2, title="again"))
    real.settle()
    assert shown(sandbox, "components") == "Dashboards"
    assert sandbox.tickets()[0].summary == "again"


VERSIONS = [
    Named("1", "2026.1", released=True),
    Named("2", "2026.2"),
    Named("3", "2026.3"),
    Named("4", "2026.4", archived=True),
    Named("5", "2027.1"),
]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('versions = { like = "2026.*" }', "2026.1, 2026.2, 2026.3"),
        ('versions = { like = "2026.*", released = false }', "2026.2, 2026.3"),
        ('versions = { like = "*", released = false, take = "first" }', "2026.2"),
        ('versions = { like = "*", released = true, take = "last" }', "2026.1"),
        ('versions = ["2027.1", { like = ["2026.1", "*.3"] }]', "2026.1, 2026.3, 2027.1"),
        ('versions = "2026.4"', "2026.4"),
    ],
)
def test_versions_are_named_by_pattern(
    real: World, sandbox: JiraSandbox, line: str, expected: str
) -> None:
    sandbox.site.projects["DATA"].versions[:] = VERSIONS
    made(real, line)
    assert shown(sandbox, "versions") == expected
    assert parked(real) == ""


def test_a_pattern_in_text_from_upstream_is_a_name(real: World, sandbox: JiraSandbox) -> None:
    sandbox.site.projects["DATA"].components.append(Named("99", "D*"))
    real.write_rules(rules('components = "{{ subject.title }}"'))
    real.deliver(issue_event("issue_created", A, at=1, title="D*"))
    real.settle()
    assert shown(sandbox, "components") == "D*"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('components = { like = "Z*" }', "nothing here is like 'Z*'"),
        ('components = { like = "*", relesed = true }', "a pattern has no 'relesed'"),
        ('versions = { like = "*", released = "no" }', "released is 'no'"),
        ('versions = { like = "*", take = "newest" }', "It may be: all, first, last"),
        ('versions = { like = "*", released = true }', "nothing here is like '*' and is released"),
        ('priority = { like = "*" }', "several values are named '*'"),
    ],
)
def test_a_pattern_that_says_nothing_is_told_of(
    real: World, sandbox: JiraSandbox, line: str, words: str
) -> None:
    made(real, line)
    assert words in parked(real)
    assert len(sandbox.tickets()) == 1


def test_a_pattern_may_name_one_value_of_a_field_for_one(real: World, sandbox: JiraSandbox) -> None:
    made(real, 'priority = { like = "Highe*" }')
    assert shown(sandbox, "priority") == "Highest"


@pytest.mark.parametrize("level", ["Internal", "internal", "10200"])
def test_the_security_level_is_given_by_name_or_id(
    real: World, sandbox: JiraSandbox, level: str
) -> None:
    made(real, f'security = "{level}"', "HELP")
    assert shown(sandbox, "security") == "Internal"
    before = sum(sandbox.calls.values())
    real.settle(within=3600)
    assert (parked(real), sum(sandbox.calls.values())) == ("", before)


def test_a_level_that_our_account_is_not_in_would_hide_the_ticket_from_us(
    real: World, sandbox: JiraSandbox
) -> None:
    made(real, 'security = "Auditors"', "HELP")
    assert shown(sandbox, "security") == ""
    assert "'Auditors' is not a value of this field" in parked(real)
    assert "It may be: Internal" in parked(real)


def test_without_the_permission_the_security_level_alone_is_left_out(
    real: World, sandbox: JiraSandbox
) -> None:
    sandbox.deny("HELP", "SET_ISSUE_SECURITY")
    made(real, 'security = "Internal"', "HELP")
    assert shown(sandbox, "summary") == "orders is stale"
    assert "permission 'Set issue security'" in parked(real)


def test_participants_are_people_by_address_and_those_who_are_not_there_are_named(
    real: World, sandbox: JiraSandbox
) -> None:
    line = f'"Request participants" = ["{OWNER.email}", "gone@example.com", "{LEAD.email}"]'
    made(real, line, "HELP")
    assert shown(sandbox, "customfield_10036") == ", ".join(
        sorted([OWNER.display_name, LEAD.display_name])
    )
    assert "no Jira user has the address gone@example.com; the others are set" in parked(real)
    with real.store.read() as session:
        story = story_of(session, sandbox.tickets()[0].key)
    assert story is not None
    assert any("gone@example.com" in one.words for one in story.lines)


def test_a_person_who_left_among_several_does_not_hold_up_the_others(
    real: World, sandbox: JiraSandbox
) -> None:
    line = f'"Request participants" = ["{OWNER.email}", "{ONCALL.email}"]'
    made(real, line, "HELP")
    site = sandbox.site
    site.users[ONCALL.account_id] = replace(site.users[ONCALL.account_id], active=False)
    real.deliver(issue_event("issue_updated", A, at=2, title="again"))
    real.settle()
    assert (sandbox.tickets()[0].summary, parked(real)) == ("again", "")
