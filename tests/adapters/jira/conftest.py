"""The adapter in front of a simulated Jira, Cloud and Data Center in turn.

All traffic is held against Atlassian's API documents, where they are at hand.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync.sandbox.jira import Exchange
from tests.adapters.jira.world import World
from tests.contracts.openapi import JiraContract
from tests.reference import reference


@pytest.fixture(scope="session")
def documents() -> list[JiraContract]:
    """Both documents; none on a machine that does not have them."""
    try:
        return [JiraContract(reference(f"jira/openapi-v{version}.json")) for version in (2, 3)]
    except pytest.skip.Exception:
        return []


@pytest.fixture(params=["cloud", "datacenter"])
def world(request: pytest.FixtureRequest, documents: list[JiraContract]) -> Iterator[World]:
    world = World(str(request.param))
    breaches: list[AssertionError] = []

    def check(exchange: Exchange) -> None:
        for document in documents:
            try:
                document.check(
                    exchange.method,
                    exchange.path,
                    exchange.query,
                    exchange.request_body,
                    0 if exchange.faulted else exchange.status,
                    exchange.response_body,
                )
            except AssertionError as breach:
                breaches.append(breach)

    world.jira.observers.append(check)
    yield world
    assert not breaches, "\n".join(map(str, breaches))
