"""A simulated Jira of each dialect with a receiver of its webhooks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from sync.sandbox.jira import Sender
from sync.sandbox.sending import Reply
from tests.sandbox.jira.conftest import Site

URL = "http://127.0.0.1/webhooks/jira/main"


class Receiver:
    """Answers with the given statuses in turn, the last of them for ever, and keeps what came."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.statuses = [200]
        self.came: list[tuple[float, bytes, Mapping[str, str], str]] = []
        self.sender = Sender(site.sandbox.outbox, self)

    def __call__(self, body: bytes, headers: Mapping[str, str], url: str) -> Reply:
        self.came.append((self.site.sandbox.site.now(), body, dict(headers), url))
        return Reply(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])

    def pump(self) -> list[dict[str, Any]]:
        """Deliver what is due; returns the bodies that came, and forgets them."""
        self.sender.pump()
        bodies = [json.loads(body) if body else {} for _, body, _, _ in self.came]
        self.came.clear()
        return bodies

    def let_pass(self) -> None:
        """Let time pass until no delivery waits any more."""
        self.sender.pump()
        outbox = self.site.sandbox.outbox
        while (due := outbox.next_at()) is not None:
            self.site.clock.now = max(self.site.clock.now, due)
            self.sender.pump()


def names(bodies: list[dict[str, Any]]) -> list[str]:
    return [body["webhookEvent"] for body in bodies]


def as_admin(
    site: Site, method: str, path: str, body: Any = None, token: str = "admin-token"
) -> Any:
    """One call below ``/rest/`` by an administrator; returns the sandbox's Response."""
    return site.sandbox.handle(
        method,
        f"/rest/{path}",
        "",
        {"Authorization": f"Bearer {token}"} if token else {},
        msgspec.json.encode(body) if body is not None else b"",
    )
