"""The API answers as its document says, whatever it is asked."""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sync.web.api.endpoints import ROOT
from tests.walks.conftest import clock, jira, world  # noqa: F401
from tests.walks.world import issue_event
from tests.web.pages.conftest import Pages, pages  # noqa: F401

EXAMPLES = int(os.environ.get("TICKET_SYNC_EXAMPLES") or 8)
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


@pytest.fixture
def described(pages: Pages) -> Any:  # noqa: F811
    """The document, of an API over a ticket, a parked one and a dead letter."""
    pages.world.deliver(issue_event("issue_created", "i-1", at=1), b"no event")
    pages.world.settle()
    return schemathesis.openapi.from_asgi(f"{ROOT}/openapi.json", pages.client.app)


def test_every_call_is_answered_as_the_document_says(described: Any) -> None:
    for found in described.get_all_operations():
        _hold(found.ok())


def _hold(operation: Any) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def as_the_document_says(case: Any) -> None:
        answer = case.call(headers={"x-csrf-token": "the-token-of-the-form"})
        case.validate_response(answer, checks=CHECKS)

    as_the_document_says()
