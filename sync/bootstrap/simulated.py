"""The simulated Jira and the simulated Coalesce Quality on real sockets, and the settings that fit."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sync.bootstrap.http import Background
from sync.sandbox.coalesce import CoalesceRest, CoalesceSandbox, HttpPost, Outbox, Sender
from sync.sandbox.coalesce.app import create_app as create_coalesce
from sync.sandbox.coalesce.rest import CLIENT_ID, CLIENT_SECRET
from sync.sandbox.jira import Dialect, JiraSandbox, Limits
from sync.sandbox.jira.app import create_app
from sync.sandbox.jira.ready_site import BOT
from sync.web.server import listen

PROJECT = "DATA"
# What signs the webhooks of the simulated Jira, where it sends any.
WEBHOOK_SECRET = "sandbox-webhook"  # noqa: S105


@dataclass(frozen=True, slots=True)
class SimulatedJira:
    """A site in memory and the server in front of it."""

    site: JiraSandbox
    server: Background

    @property
    def url(self) -> str:
        return self.server.url

    def stop(self) -> None:
        self.server.stop(3.0)

    def settings(self) -> dict[str, str]:
        """The keys of ``[sites.main]`` for signing in to this site."""
        cloud = self.site.dialect is Dialect.CLOUD
        email = {"email": BOT.email} if cloud else {}
        return {"url": self.url, **email, "token": BOT.secret, "project": PROJECT}


def start_jira(
    *, port: int = 0, datacenter: bool = False, index_lag: float = 1.0, rate_limits: bool = True
) -> SimulatedJira:
    """A fresh site, answering on 127.0.0.1. Raises CannotListen."""
    bound = listen("127.0.0.1", port)
    site = JiraSandbox(
        Dialect.DATACENTER if datacenter else Dialect.CLOUD,
        index_lag=index_lag,
        limits=Limits(cloud=not datacenter) if rate_limits else None,
        base=f"http://127.0.0.1:{bound.getsockname()[1]}",
    )
    server = Background(create_app(site), bound, name="jira", grace=1.0)
    server.start()
    return SimulatedJira(site, server)


@dataclass(frozen=True, slots=True)
class SimulatedCoalesce:
    """A workspace in memory, the server in front of it, and the sender of its deliveries."""

    sandbox: CoalesceSandbox
    rest: CoalesceRest
    server: Background
    sender: Sender
    post: HttpPost

    @property
    def url(self) -> str:
        return self.server.url

    def stop(self) -> None:
        self.sender.stop(1.0)
        self.post.close()
        self.server.stop(3.0)

    def settings(self) -> dict[str, dict[str, Any]]:
        """The keys of ``[coalesce]`` and ``[coalesce.api]`` for this workspace."""
        return {
            "coalesce": {"signing_secrets": [self.sandbox.secret]},
            "coalesce.api": {
                "url": self.url,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "integration_id": self.sandbox.integration_id,
                "actor_email": "ticket-sync@example.com",
            },
        }


def start_coalesce(receiver: str, *, port: int = 0) -> SimulatedCoalesce:
    """A fresh workspace, answering on 127.0.0.1, that sends to the daemon at the address ``receiver``.
    Raises CannotListen."""
    bound = listen("127.0.0.1", port)
    # A daemon keeps each event once, by its id. If a workspace began with the ids of the one before, all
    # that it sends would be a repetition.
    sandbox = CoalesceSandbox(seed=secrets.randbits(64))
    outbox = Outbox(sandbox)
    post = HttpPost(f"{receiver.rstrip('/')}/webhooks/coalesce")
    rest = CoalesceRest(outbox)
    server = Background(create_coalesce(rest), bound, name="coalesce", grace=1.0)
    server.start()
    sender = Sender(outbox, post)
    sender.start()
    return SimulatedCoalesce(sandbox, rest, server, sender, post)
