"""What Jira's refusals are about: one ticket's values, or every new ticket of a project and type."""

from __future__ import annotations

import json

import pytest
import requests

from sync.adapters.jira.calls.faults import of_reply
from sync.adapters.jira.calls.request import Call, Safety
from sync.domain.errors import Cause, Rejected, Scope

CALL = Call("POST", "issue", "creating", Safety.ONCE)
CREATE = "You do not have permission to create issues in this project."


def _rejected(status: int, *messages: str, **errors: str) -> Rejected:
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps({"errorMessages": messages, "errors": errors}).encode()
    fault = of_reply(CALL, response, now=0.0).fault
    assert isinstance(fault, Rejected)
    return fault


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (_rejected(400, project="Specify a valid project ID or key"), Cause.PROJECT),
        (_rejected(400, pid="valid project is required"), Cause.PROJECT),
        (_rejected(400, "No project could be found with key 'NOPE'."), Cause.PROJECT),
        (_rejected(400, "The project is archived."), Cause.PROJECT),
        (_rejected(400, "Project 'NOPE' does not exist."), Cause.PROJECT),
        (_rejected(400, issuetype="The issue type selected is invalid."), Cause.ISSUE_TYPE),
        (_rejected(400, CREATE), Cause.PERMISSION),
        (_rejected(400, "You cannot create issues in this project."), Cause.PERMISSION),
        (_rejected(403, CREATE), Cause.PERMISSION),
    ],
    ids=str,
)
def test_what_is_about_the_project_as_a_whole_is_about_all_its_tickets(
    said: Rejected, cause: Cause
) -> None:
    assert (said.cause, said.scope) == (cause, Scope.PROJECT)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (_rejected(400, "The data product 'x' is unknown in this project."), Cause.OTHER),
        (_rejected(400, "Component 'x' of the project DATA does not exist."), Cause.OTHER),
        (_rejected(400, "Name the project that owns the table."), Cause.OTHER),
        (_rejected(400, "You cannot create issues without an owner."), Cause.OTHER),
        (_rejected(400, "'High' is not allowed for this project."), Cause.OTHER),
        (_rejected(400, "ana has no permission to own this table."), Cause.PERMISSION),
        (_rejected(400, customfield_1="Choose a project."), Cause.FIELD),
        (_rejected(403, "Request blocked"), Cause.PERMISSION),
    ],
    ids=str,
)
def test_what_a_validator_says_of_one_ticket_is_about_that_ticket(
    said: Rejected, cause: Cause
) -> None:
    assert (said.cause, said.scope) == (cause, Scope.TICKET)
