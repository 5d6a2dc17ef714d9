"""Which Jira a site is: Cloud (API v3, ADF, account ids) or Data Center (API v2, wiki, user names)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sync.adapters.jira.calls.request import Call, no_jira
from sync.adapters.jira.calls.site import JiraSite
from sync.domain.errors import Refused, Scope

# API version 2 exists on every Jira, so this call needs no knowledge of the deployment.
_SERVER_INFO = Call.get("serverInfo", "asking what kind of Jira this is", api="2")


class Deployment:
    """The site's ``deployment`` setting or, if that is ``auto``, the site's own answer, asked for once
    on first need. Shared by threads."""

    def __init__(self, site: JiraSite, ask: Callable[[Call], Any]) -> None:
        self._ask = ask
        self._patience = site.hang_after
        self._lock = threading.Lock()
        named = site.deployment.strip().lower()
        self._cloud = {"cloud": True, "datacenter": False}.get(named)

    def cloud(self) -> bool:
        """Whether the site is Jira Cloud. Raises Refused or SiteDown while the site does not say."""
        if self._cloud is None:
            # The thread that holds the lock may hang in its call. Do not hang with it.
            if not self._lock.acquire(timeout=self._patience):
                raise Refused("another thread waits for the site's answer", scope=Scope.SITE)
            try:
                if self._cloud is None:
                    self._cloud = self._asked()
            finally:
                self._lock.release()
        return self._cloud

    def _asked(self) -> bool:
        info = self._ask(_SERVER_INFO)
        if not isinstance(info, dict) or not {"deploymentType", "version", "baseUrl"} & set(info):
            raise no_jira(_SERVER_INFO.what)
        kind = str(info.get("deploymentType", ""))
        if not kind:
            raise Refused(
                "the site does not say what kind of Jira it is; set `deployment` to cloud or "
                "datacenter in config.toml",
                scope=Scope.SITE,
            )
        return kind.lower() == "cloud"
