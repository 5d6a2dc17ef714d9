"""Which Jira this is: Cloud (API v3, ADF, account ids) or Data Center (API v2, wiki, user names).

Taken from the setting, or asked of ``serverInfo`` once, on first need.
"""

from __future__ import annotations

import threading
from enum import Enum

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.faults import Safety
from sync.domain.errors import Refused, Scope


class Dialect(Enum):
    """The value is the REST API version that the dialect is spoken in."""

    CLOUD = "3"
    DATACENTER = "2"

    @property
    def cloud(self) -> bool:
        return self is Dialect.CLOUD


class Deployment:
    """Knows the dialect of one site. Shared by threads."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._lock = threading.Lock()
        named = calls.site.deployment.strip().lower()
        self._dialect: Dialect | None = {
            "cloud": Dialect.CLOUD,
            "datacenter": Dialect.DATACENTER,
        }.get(named)

    def dialect(self) -> Dialect:
        """Raises Refused or SiteDown while it cannot be found out."""
        if self._dialect is None:
            if not self._lock.acquire(timeout=self._calls.site.hang_after):
                # Who asks is not answered; to wait in line for that helps nobody.
                raise Refused("somebody waits for the site's answer already", scope=Scope.SITE)
            try:
                if self._dialect is None:
                    self._dialect = self._ask()
            finally:
                self._lock.release()
        return self._dialect

    def _ask(self) -> Dialect:
        info = self._calls.call(
            "GET",
            "serverInfo",
            what="asking what kind of Jira this is",
            safety=Safety.READ,
            api="2",
        )
        kind = str(info.get("deploymentType", "")) if isinstance(info, dict) else ""
        if not kind:
            raise Refused(
                "the site does not say what kind of Jira it is; set `deployment` to cloud or "
                "datacenter in config.toml",
                scope=Scope.SITE,
            )
        return Dialect.CLOUD if kind.lower() == "cloud" else Dialect.DATACENTER
