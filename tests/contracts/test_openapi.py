"""The checker finds what does not fit Atlassian's documents."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.openapi import ContractBreach, JiraContract
from tests.reference import reference

ISSUE = "/rest/api/3/issue"


@pytest.fixture
def contract() -> JiraContract:
    return JiraContract(reference("jira/openapi-v3.json"))


def test_good_traffic_passes_and_is_counted(contract: JiraContract) -> None:
    made = {"id": "1", "key": "DATA-1", "self": "http://jira.sandbox/rest/api/3/issue/1"}
    body = {"fields": {"summary": "x", "assignee": None}}
    assert contract.check("POST", ISSUE, {}, body, 201, made)
    assert contract.check(
        "GET", f"/ex/jira/1{ISSUE}/DATA-1", {"fields": "summary"}, None, 200, {"id": "1"}
    )
    assert contract.check("GET", f"{ISSUE}/DATA-1", {}, None, 429, None)
    assert contract.checked["POST /rest/api/3/issue"] == 1


def test_what_the_document_does_not_know_is_passed_over(contract: JiraContract) -> None:
    assert not contract.check("GET", "/rest/api/2/issue/1", {}, None, 200, {})
    assert not contract.check("GET", "/rest/api/3/nothing", {}, None, 200, {})


@pytest.mark.parametrize(
    "method, path, query, sent, status, answer, words",
    [
        ("PATCH", ISSUE, {}, None, 200, None, "no such method"),
        ("POST", ISSUE, {"when": "now"}, {}, 201, None, "no query parameter 'when'"),
        ("POST", ISSUE, {}, None, 201, None, "a request body is required"),
        ("POST", ISSUE, {}, {"properties": {}}, 201, None, "at properties"),
        ("POST", ISSUE, {}, {}, 201, {"id": 1}, "at id"),
        ("POST", ISSUE, {}, {}, 201, {"number": "1"}, "number"),
        ("POST", ISSUE, {}, {}, 202, {}, "answered 202"),
        ("POST", ISSUE, {}, {}, 400, {"errorMessages": "x"}, "at errorMessages"),
        (
            "GET",
            f"{ISSUE}/1/transitions",
            {"skipRemoteOnlyCondition": "7"},
            None,
            200,
            {},
            "does not fit",
        ),
        ("GET", f"{ISSUE}/1", {}, {"a": 1}, 200, {}, "no request body"),
        (
            "POST",
            f"{ISSUE}/1/remotelink",
            {},
            {"globalId": "x"},
            201,
            None,
            "'object' is a required",
        ),
    ],
)
def test_a_breach_is_named(
    contract: JiraContract,
    method: str,
    path: str,
    query: dict[str, Any],
    sent: Any,
    status: int,
    answer: Any,
    words: str,
) -> None:
    with pytest.raises(ContractBreach, match=words):
        contract.check(method, path, query, sent, status, answer)
