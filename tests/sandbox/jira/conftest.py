"""A simulated Jira of each dialect, the real client on it, and Atlassian's documents over both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jira import JIRA

from sync.sandbox.jira import Exchange, JiraSandbox, SandboxTransport
from tests.clock import SimulatedClock
from tests.contracts.openapi import JiraContract
from tests.reference import reference

ADDRESS = "http://jira.sandbox"


class Site:
    """A sandbox and two ways to call it: ``client`` (the ``jira`` package) and ``call``."""

    def __init__(self, dialect: str) -> None:
        self.clock = SimulatedClock()
        self.sandbox = JiraSandbox(dialect, self.clock)
        self.cloud = dialect == "cloud"
        self.api = "3" if self.cloud else "2"
        self.client = connect(self.sandbox, ADDRESS)
        self.client._session.mount(ADDRESS, SandboxTransport(self.sandbox))

    def text(self, words: str) -> Any:
        """Rich text in the form this dialect takes."""
        return document(words) if self.cloud else words

    def call(self, method: str, path: str, body: Any = None, query: str = "", api: str = "") -> Any:
        """One call by the daemon's account; returns the sandbox's Response."""
        return self.sandbox.handle(
            method,
            f"/rest/api/{api or self.api}/{path}",
            query,
            {"Authorization": "Bearer sandbox-token"},
            msgspec.json.encode(body) if body is not None else b"",
        )

    def create(self, project: str = "DATA", kind: str = "Bug", **fields: Any) -> str:
        """Returns the new key."""
        given = {"project": {"key": project}, "issuetype": {"name": kind}, "summary": "Late orders"}
        response = self.call("POST", "issue", {"fields": {**given, **fields}})
        assert response.status == 201, response.data
        return str(response.data["key"])


def document(words: str) -> dict[str, Any]:
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": words}]}
    return {"type": "doc", "version": 1, "content": [paragraph]}


def connect(sandbox: JiraSandbox, address: str) -> JIRA:
    """The real client, set up as for a real site."""
    cloud = sandbox.site.cloud
    who: dict[str, Any] = (
        {"basic_auth": ("ticket-sync@example.com", "sandbox-token")}
        if cloud
        else {"token_auth": "sandbox-token"}
    )
    client = JIRA(
        address,
        options={"rest_api_version": "3" if cloud else "2"},
        max_retries=0,
        timeout=(20, 20),
        get_server_info=False,
        **who,
    )
    client._session.trust_env = False
    client.deploymentType = "Cloud" if cloud else "Server"
    client._version = (1001, 0, 0) if cloud else (10, 3, 5)
    return client


@pytest.fixture(params=["cloud", "datacenter"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    yield from _held_to_the_documents(Site(request.param))


@pytest.fixture
def cloud() -> Iterator[Site]:
    yield from _held_to_the_documents(Site("cloud"))


@pytest.fixture
def server() -> Iterator[Site]:
    yield from _held_to_the_documents(Site("datacenter"))


def _held_to_the_documents(site: Site) -> Iterator[Site]:
    """Every exchange of the test is checked against Atlassian's documents."""
    contracts = [JiraContract(reference(f"jira/openapi-v{version}.json")) for version in (2, 3)]
    breaches: list[AssertionError] = []

    def check(exchange: Exchange) -> None:
        for contract in contracts:
            try:
                contract.check(
                    exchange.method,
                    exchange.path,
                    exchange.query,
                    exchange.request_body,
                    0 if exchange.faulted else exchange.status,
                    exchange.response_body,
                )
            except AssertionError as breach:
                breaches.append(breach)

    site.sandbox.observers.append(check)
    yield site
    assert not breaches, "\n".join(map(str, breaches))
