"""The REST service of a site: recognise the caller, count the call, and hand it to a handler."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import unquote

from sync.sandbox.jira import language, scopes
from sync.sandbox.jira.auth import Gate
from sync.sandbox.jira.rest import webhooks
from sync.sandbox.jira.rest.routes import (
    Handler,
    agile_route,
    desk_route,
    no_route,
    route,
    webhook_route,
)
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import User
from sync.sandbox.jira.site.state import Site

T = TypeVar("T")

_AGILE = re.compile(r"/rest/agile/(1\.0|latest)/(.*)")
_DESK = "/rest/servicedeskapi/"
_API = re.compile(r"/rest/api/(2|3|latest)/(.*)")


@dataclass(slots=True)
class Service:
    """Answers calls on one site, one at a time. ``base`` is the site's address."""

    site: Site
    base: str
    lock: threading.RLock
    gate: Gate = field(init=False)
    _serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.gate = Gate(self.site)

    def answer(self, call: Call, *, user: User | None = None, anonymous: bool = False) -> Response:
        """Carry out a call.

        With ``user``, a person calls: without log-in and without rate limits. ``anonymous`` ignores the
        call's credentials.
        """
        headers = self._headers()
        try:
            with self.lock:
                handler = self.handler(call)
                if user is not None:
                    call.user = self.site.users.get(user.account_id, user)
                else:
                    self._admit(call, headers, anonymous=anonymous)
                if call.user is not None:
                    call.words = self.site.translations.get(call.user.language, {})
                self._store(call)
                # Told also after a refusal: a call that is refused half-way has done its first half.
                response = self.carry_out(lambda: handler(self.site, call))
        except Problem as problem:
            response = language.translated(problem, call.user).response()
        if call.user is not None and self.site.cloud:
            headers["X-AACCOUNTID"] = call.user.account_id
        elif call.user is not None:
            headers["X-AUSERNAME"] = call.user.name
        response.headers = {**headers, **response.headers}
        return response

    def carry_out(self, work: Callable[[], T]) -> T:
        """Do something that no REST call does, and tell of it as of a call."""
        with self.lock:
            try:
                return work()
            finally:
                self.site.tell()

    def handler(self, call: Call) -> Handler:
        """The handler for a call. Sets the call's API version, template and parameters.

        Raises Problem(404) or Problem(405).
        """
        start = call.path.find("/rest/")
        path = unquote(call.path[start:]) if start >= 0 else ""
        root = webhooks.root(self.site)
        if path == root or path.startswith(f"{root}/"):
            return webhook_route(call, path.removeprefix(root).strip("/"))
        if (agile := _AGILE.fullmatch(path)) is not None:
            return agile_route(call, agile.group(2))
        if path.startswith(_DESK):
            return desk_route(call, path.removeprefix(_DESK))
        found = _API.fullmatch(path)
        if found is None or (found.group(1) == "3" and not self.site.cloud):
            raise no_route(call)
        call.api = "3" if found.group(1) == "3" else "2"
        return route(call, found.group(2), cloud=self.site.cloud)

    def project_of(self, call: Call) -> str:
        """The key of the project that a call is about, "" for a call about none."""
        with suppress(Problem), self.lock:
            self.handler(call)
            issue = self.site.find(call.params.get("issue", ""))
            if issue is not None:
                return issue.project
            named = call.params.get("project", "")
            if call.template == "issue":
                fields = call.json().get("fields")
                given = fields.get("project") if isinstance(fields, dict) else None
                named = str(given.get("key") or given.get("id")) if isinstance(given, dict) else ""
            by_id = {one.id: key for key, one in self.site.projects.items()}
            return by_id.get(named, named)
        return ""

    def _admit(self, call: Call, headers: dict[str, str], *, anonymous: bool) -> None:
        """Recognise the caller and count the call. Raises Problem(401, 403 or 429)."""
        call.user = None if anonymous else self.gate.caller(call.headers, call.base)
        if call.user is not None and call.user.scopes is not None and self.site.cloud:
            try:
                scopes.check(call, call.user.scopes)
            except Problem:
                # This answer comes from the gateway, so its headers name no account.
                call.user = None
                raise
        if self.site.limits is not None:
            headers |= self.site.limits.call(call.method, call.template, call.now)
        if call.user is None and call.method != "GET" and not anonymous:
            raise Problem(401, "You do not have permission to perform this operation.")

    def _store(self, call: Call) -> None:
        """Raises Problem(500) where the database cannot store what a call says."""
        stored = call.any_json() if call.method != "GET" and call.body else ""
        if self.site.basic_plane_only and any(ord(char) > 0xFFFF for char in str(stored)):
            raise Problem(500, "Internal server error")

    def _headers(self) -> dict[str, str]:
        serial = next(self._serial)
        return {
            "Content-Type": "application/json;charset=UTF-8",
            "X-AREQUESTID": f"sandbox-{serial}",
            "Cache-Control": "no-cache, no-store, no-transform",
            **({"Atl-Traceid": f"{serial:032x}"} if self.site.cloud else {"X-ASEN": "SEN-0"}),
        }
