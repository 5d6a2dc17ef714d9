"""The demo's judge: it sees a ticket that is lost, doubled or in a wrong state."""

from __future__ import annotations

import base64
import json

import pytest

from sync.bootstrap.demo_people import Scene
from sync.bootstrap.demo_result import judge
from sync.sandbox.coalesce import CoalesceSandbox
from sync.sandbox.jira import JiraSandbox
from sync.sandbox.jira.ready_site import BOT


@pytest.fixture
def upstream() -> CoalesceSandbox:
    return CoalesceSandbox()


@pytest.fixture
def jira() -> JiraSandbox:
    return JiraSandbox()


def call(jira: JiraSandbox, path: str, body: object) -> dict[str, str]:
    token = base64.b64encode(f"{BOT.email}:{BOT.secret}".encode()).decode()
    headers = {"authorization": f"Basic {token}", "content-type": "application/json"}
    answer = jira.handle(
        "POST", f"/rest/api/2/{path}", headers=headers, body=json.dumps(body).encode()
    )
    assert answer.status < 300, answer.data
    return dict(answer.data or {})


def ticket(jira: JiraSandbox, key: str) -> str:
    fields = {"project": {"key": "DATA"}, "issuetype": {"name": "Bug"}, "summary": "s"}
    marked = [{"key": "ticket-sync", "value": {"key": key}}]
    return call(jira, "issue", {"fields": fields, "properties": marked})["key"]


def test_one_ticket_in_the_right_state_for_each_subject_is_good(
    upstream: CoalesceSandbox, jira: JiraSandbox
) -> None:
    issue = upstream.open_issue()
    incident = upstream.open_incident([issue.id])
    upstream.cancel_incident(incident.id)
    ticket(jira, f"coalesce:issue:{issue.id}")
    over = ticket(jira, f"coalesce:incident:{incident.id}")
    jira.person.transition(over, "Done")
    result = judge(upstream, jira)
    assert result.good
    assert (result.subjects, result.created, result.closed, result.moved) == (2, 2, 1, 1)


def test_a_subject_without_a_ticket_is_lost(upstream: CoalesceSandbox, jira: JiraSandbox) -> None:
    issue = upstream.open_issue()
    assert judge(upstream, jira).lost == (f"coalesce:issue:{issue.id} has no ticket",)


def test_two_tickets_of_one_subject_are_a_double(
    upstream: CoalesceSandbox, jira: JiraSandbox
) -> None:
    issue = upstream.open_issue()
    for _ in range(2):
        ticket(jira, f"coalesce:issue:{issue.id}")
    result = judge(upstream, jira)
    assert result.doubled == (f"coalesce:issue:{issue.id} has 2 tickets: DATA-1, DATA-2",)
    assert not result.good


def test_a_comment_made_twice_is_a_double(upstream: CoalesceSandbox, jira: JiraSandbox) -> None:
    issue = upstream.open_issue()
    key = ticket(jira, f"coalesce:issue:{issue.id}")
    for _ in range(2):
        marked = [{"key": "ticket-sync", "value": {"marker": "m"}}]
        call(jira, f"issue/{key}/comment", {"body": "b", "properties": marked})
    (words,) = judge(upstream, jira).doubled
    assert words.startswith("DATA-1: the comment marked ")
    assert words.endswith(" was made 2 times")


def test_a_ticket_in_another_state_or_of_no_subject_is_wrong(
    upstream: CoalesceSandbox, jira: JiraSandbox
) -> None:
    issue = upstream.open_issue()
    upstream.mark(issue.id, "investigating")
    ticket(jira, f"coalesce:issue:{issue.id}")
    ticket(jira, "coalesce:issue:unheard-of")
    assert judge(upstream, jira).wrong == (
        f"DATA-1 stands in 'To Do' (new); coalesce:issue:{issue.id} calls for indeterminate",
        "DATA-2 stands in 'To Do' (new); coalesce:issue:unheard-of calls for no ticket",
    )


def test_what_people_did_is_to_be_on_the_other_side_once(
    upstream: CoalesceSandbox, jira: JiraSandbox
) -> None:
    issue = upstream.open_issue()
    key = ticket(jira, f"coalesce:issue:{issue.id}")
    scene = Scene(issue.id, key, said="it was us", answered="thank you", closed=True)
    jira.person.transition(key, "Done")
    result = judge(upstream, jira, [scene])
    assert result.untold == (
        f"{key}: what was said in Jira is upstream 0 times",
        f"{key}: what was said upstream is on the ticket 0 times",
        f"{key} was closed in Jira, but its issue is marked not at all",
    )
    assert not result.good
    upstream.mark(issue.id, "fixed")
    upstream.comment(issue.id, "Data Owner in Jira: it was us", {"name": "bridge"})
    jira.person.comment(key, "Elsa upstream: thank you")
    result = judge(upstream, jira, [scene])
    assert (result.good, result.told) == (True, 3)
    upstream.comment(issue.id, "Data Owner in Jira: it was us", {"name": "bridge"})
    assert judge(upstream, jira, [scene]).untold == (
        f"{key}: what was said in Jira is upstream 2 times",
    )
