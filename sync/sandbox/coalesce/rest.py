"""The REST API of the simulated workspace: tokens, scopes, refusals and routes."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sync.sandbox.coalesce.api_request import Answer, ApiError, Request, not_found, query_of
from sync.sandbox.coalesce.faults import Faults, refusal
from sync.sandbox.coalesce.outbox import Outbox
from sync.sandbox.coalesce.rest_catalog import CatalogApi
from sync.sandbox.coalesce.rest_deliveries import DeliveriesApi
from sync.sandbox.coalesce.rest_subjects import SubjectsApi
from sync.sandbox.coalesce.rest_writes import WritesApi
from sync.sandbox.coalesce.webhook_body import ISSUE_STATUSES

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105
SCOPES = (
    "issues:read", "issues:edit", "incidents:read", "incidents:edit", "deliveries:read",
    "deliveries:edit", "entities:read", "lineage:read", "owners:read",
)  # fmt: skip
_CALLBACK = re.compile("/callbacks/(?P<token>[^/]+)")
Handler = Callable[[Request, str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API. ``ability`` is its name in ``CoalesceRest.off``; a token needs one of
    ``scopes``, or ``every`` one."""

    method: str
    pattern: re.Pattern[str]
    ability: str
    scopes: frozenset[str]
    handler: Handler
    every: bool = False


class CoalesceRest:
    """The API in front of a workspace and its outbox. Safe to share between threads.

    These attributes may change at any time: ``scopes`` (of every token), ``token_seconds`` (how long new
    tokens last), ``limited`` (how many of the next calls answer 429, with ``retry_after`` seconds),
    ``failing`` (how many of the next calls answer 503), ``faults`` (on certain calls, also after the
    work), and ``off``: the status that is answered in place of an ability, such as 404 for
    ``issues/clear-status`` or ``incidents/comment``. ``asked`` counts calls by method and path.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        client_id: str = CLIENT_ID,
        client_secret: str = CLIENT_SECRET,
        token_seconds: int = 3600,
    ) -> None:
        self.sandbox = outbox.sandbox
        self.deliveries = DeliveriesApi(outbox)
        self.client_id, self.client_secret = client_id, client_secret
        self.token_seconds = token_seconds
        self.scopes = set(SCOPES)
        self.limited = 0
        self.retry_after: float | None = 1.0
        self.failing = 0
        self.off: dict[str, int] = {}
        self.faults = Faults()
        self.writes = WritesApi(self.sandbox)
        self.asked: Counter[str] = Counter()
        self._tokens: dict[str, float] = {}
        self._routes = [
            *self._reads(SubjectsApi(self.sandbox)),
            *self._edits(self.writes),
            *_of_catalog(CatalogApi(self.sandbox)),
        ]

    def revoke_tokens(self) -> None:
        """Revoke every token that the API has issued."""
        with self.sandbox.lock:
            self._tokens.clear()

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Answer one request. ``headers`` have lower-case names."""
        request = Request(method, path, query_of(query), headers, body)
        with self.sandbox.lock:
            self.asked[f"{method} {path}"] += 1
            try:
                return Answer(200, self._served(request))
            except ApiError as error:
                told = {"code": error.code, "message": error.message, "details": []}
                return Answer(error.status, told, error.headers)

    def _served(self, request: Request) -> dict[str, Any]:
        """The answer of the API, unless a fault strikes the call."""
        fault = self.faults.strike(request)
        if fault is None:
            return self._answered(request)
        if fault.after:
            self._answered(request)
        raise fault.error()

    def _answered(self, request: Request) -> dict[str, Any]:
        if request.path == "/oauth2/token" and request.method == "POST":
            return self._token(request)
        if self.failing:
            self.failing -= 1
            raise ApiError(503, 14, "the service is unavailable")
        callback = _CALLBACK.fullmatch(request.path)
        if callback is not None and request.method == "POST":
            return self._called_back(request, callback["token"])
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self._tokens.get(token, 0.0) <= self.sandbox.clock.time():
            raise ApiError(401, 16, "the token is missing, unknown or no longer valid")
        for route in self._routes:
            match = route.pattern.fullmatch(request.path)
            if match is None or route.method != request.method:
                continue
            self._admit(route)
            return route.handler(request, match.groupdict().get("id", ""))
        raise not_found(f"{request.method} {request.path}")

    def _admit(self, route: Route) -> None:
        """Raises ApiError where a call is limited, its ability is off, or the token lacks a scope."""
        if self.limited:
            self.limited -= 1
            raise ApiError(429, 8, "too many requests", retry_after=self.retry_after)
        if route.ability in self.off:
            raise refusal(self.off[route.ability], "no such method")
        lacking = route.scopes - self.scopes
        if lacking and (route.every or lacking == route.scopes):
            between = " and " if route.every else " or "
            raise ApiError(403, 7, f"the token lacks {between.join(sorted(lacking))}")

    def _called_back(self, request: Request, token: str) -> dict[str, Any]:
        """A callback needs no token: who knows its address may call it."""
        issue_id = self.sandbox.callbacks.issue_of(token, self.sandbox.clock.time())
        if not issue_id:
            raise ApiError(401, 16, "the address is unknown or no longer valid")
        self.writes.command(request.json(), issue_id)
        return {}

    def _token(self, request: Request) -> dict[str, Any]:
        form = query_of(request.body.decode("utf-8", "replace"))
        given = (form.get("client_id"), form.get("client_secret"), form.get("grant_type"))
        if given != ([self.client_id], [self.client_secret], ["client_credentials"]):
            raise ApiError(401, 16, "invalid_client")
        token = secrets.token_urlsafe(24)
        self._tokens[token] = self.sandbox.clock.time() + self.token_seconds
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.token_seconds}

    def _reads(self, subjects: SubjectsApi) -> list[Route]:
        sent, read, edit = self.deliveries, "deliveries:read", "deliveries:edit"
        issues, incidents = "issues:read", "incidents:read"
        return [
            _route("GET", "issues", "", issues, lambda r, _: subjects.list_issues(r)),
            _route("POST", "issues", "by-id", issues, lambda r, _: subjects.issues_by_id(r)),
            _route("GET", "incidents", "", incidents, lambda r, _: subjects.list_incidents(r)),
            _route(
                "POST", "incidents", "by-id", incidents, lambda r, _: subjects.incidents_by_id(r)
            ),
            _route("GET", "deliveries", "", read, lambda r, _: sent.list_deliveries(r)),
            _route("POST", "deliveries", "summarise", read, lambda r, _: sent.summarise(r)),
            _route("POST", "deliveries", "test", edit, lambda r, _: sent.test(r)),
            _route("GET", "deliveries", "*attempts", read, lambda _, id_: sent.attempts(id_)),
            _route("POST", "deliveries", "*redeliver", edit, lambda _, id_: sent.redeliver(id_)),
        ]

    @staticmethod
    def _edits(writes: WritesApi) -> list[Route]:
        issues, incidents = "issues:edit", "incidents:edit"
        routes = [
            _route("PATCH", "issues", "*clear-status", issues, writes.clear_status),
            _route("POST", "issues", "*comment", f"{issues} mcp:write", writes.comment),
            _route("PATCH", "incidents", "*close", incidents, partial(writes.move, "closed")),
            _route("PATCH", "incidents", "*cancel", incidents, partial(writes.move, "cancelled")),
            _route("PATCH", "incidents", "*state", incidents, writes.set_state),
            _route("PATCH", "incidents", "*rename", incidents, writes.rename),
            _route("PATCH", "incidents", "*assign-owner", incidents, writes.assign_owner),
            _route("POST", "incidents", "*issues", incidents, writes.add_issues),
            _route(
                "POST", "incidents", "*comment", f"{incidents} mcp:write", writes.comment_incident
            ),
        ]
        for status in ISSUE_STATUSES:
            end = f"*mark-{status.replace('_', '-')}"
            routes.append(_route("PATCH", "issues", end, issues, partial(writes.mark, status)))
        return routes


_ROOTS = {
    "issues": "/api/issues/v2",
    "incidents": "/api/incidents/v1",
    "deliveries": "/api/deliveries/v1",
    "impact": "/api/impact/v1",
    "owners": "/api/owners/v1",
}


def _of_catalog(catalog: CatalogApi) -> list[Route]:
    impact = _route(
        "POST", "impact", "", "entities:read lineage:read", lambda r, _: catalog.impact(r)
    )
    return [
        replace(impact, every=True),
        _route("POST", "owners", "batch-get", "owners:read", lambda r, _: catalog.owners(r)),
    ]


def _route(method: str, kind: str, end: str, scopes: str, handler: Handler) -> Route:
    """A route below the root of a kind. An ``end`` with a star follows an id."""
    word = end.removeprefix("*")
    path = _ROOTS[kind] + ("/(?P<id>[^/]+)" if end != word else "") + (f"/{word}" if word else "")
    return Route(method, re.compile(path), f"{kind}/{word}", frozenset(scopes.split()), handler)
