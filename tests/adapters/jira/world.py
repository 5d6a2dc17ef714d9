"""A simulated Jira with the real adapter in front of it, on a simulated clock."""

from __future__ import annotations

from typing import Any

import requests

from sync.adapters.jira import JiraSite, JiraTracker
from sync.domain.rule import Category, Desired, FieldWish, RemoteLink, RuleRef, StatusTarget
from sync.domain.subject import Status
from sync.domain.ticket import TicketRef, marker_label
from sync.sandbox.jira import Exchange, JiraSandbox, SandboxTransport
from sync.sandbox.jira.ready_site import BOT
from tests.clock import SimulatedClock

URL = "http://jira.sandbox"
LINK = RemoteLink("coalesce:issue:1", "https://app.example.com/issues/1", "Issue 1")


class World:
    """One site: ``jira`` is the state of the world, ``tracker`` the adapter under test."""

    def __init__(self, kind: str, **site: Any) -> None:
        self.kind = kind
        self.cloud = kind == "cloud"
        self.clock = SimulatedClock()
        self.jira = JiraSandbox(kind, self.clock)
        self.exchanges: list[Exchange] = []
        self.jira.observers.append(self.exchanges.append)
        self.tracker = self.another(**site)

    def another(self, **site: Any) -> JiraTracker:
        """One more adapter for the same site, that knows nothing yet."""
        settings: dict[str, Any] = {
            "name": "main",
            "url": URL,
            "token": BOT.secret,
            "email": BOT.email if self.cloud else "",
            "deployment": self.kind,
            "browse_url": "https://jira.example.com",
            **site,
        }
        return JiraTracker(JiraSite(**settings), self.clock, self._mount)

    def _mount(self, session: requests.Session) -> None:
        session.mount(URL, SandboxTransport(self.jira))

    def calls(self) -> list[str]:
        """Method and path template of each call so far."""
        return [f"{one.method} {one.template}" for one in self.exchanges]

    def make(self, key: str = "coalesce:issue:1", **how: Any) -> TicketRef:
        """A ticket made through the adapter."""
        return self.tracker.create(self.tracker.draft(desired(key, **how)))


def desired(
    key: str = "coalesce:issue:1",
    *,
    project: str = "DATA",
    issue_type: tuple[str, ...] = ("Bug",),
    links: tuple[RemoteLink, ...] = (LINK,),
    **fields: Any,
) -> Desired:
    """What a rule asks; ``fields`` by the rule's names, summary given unless named."""
    wishes = {"summary": "Rows are missing", **fields}
    return Desired(
        key=key,
        rule=RuleRef("checks", "mappings/checks.toml", 3),
        site="main",
        project=project,
        issue_type=issue_type,
        fields={name: FieldWish(value) for name, value in wishes.items()},
        status=Status.OPEN,
        target=StatusTarget(category=Category.NEW),
        version="1",
        remote_links=links,
    )


def label(key: str = "coalesce:issue:1") -> str:
    return marker_label(key)
