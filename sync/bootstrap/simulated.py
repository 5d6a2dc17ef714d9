"""The simulated Jira on a real socket, and the settings that fit it."""

from __future__ import annotations

from dataclasses import dataclass

from sync.bootstrap.http import Background
from sync.sandbox.jira import Dialect, JiraSandbox, Limits
from sync.sandbox.jira.app import create_app
from sync.sandbox.jira.ready_site import BOT
from sync.web.server import listen

PROJECT = "DATA"


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
