"""The REST API of the simulated workspace: tokens, scopes, refusals and routes."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sync.sandbox.coalesce.api_request import Answer, ApiError, Request, not_found, query_of
from sync.sandbox.coalesce.outbox import Outbox
from sync.sandbox.coalesce.rest_deliveries import DeliveriesApi
from sync.sandbox.coalesce.rest_subjects import SubjectsApi
from sync.sandbox.coalesce.webhook_body import ISSUE_STATUSES

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105
SCOPES = ("issues:read", "issues:edit", "incidents:read", "deliveries:read", "deliveries:edit")
Route = Callable[[Request, str], dict[str, Any]]


class CoalesceRest:
    """The API in front of a workspace and its outbox. Safe to share between threads.

    These attributes may change at any time: ``scopes`` (of every token), ``token_seconds`` (how long new
    tokens last), ``limited`` (how many of the next calls answer 429, with ``retry_after`` seconds) and
    ``failing`` (how many of the next calls answer 503). ``asked`` counts calls by method and path.
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
        self.asked: Counter[str] = Counter()
        self._tokens: dict[str, float] = {}
        self._routes = self._all_routes(SubjectsApi(self.sandbox))

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
                return Answer(200, self._answered(request))
            except ApiError as error:
                wait = error.retry_after
                more = {} if wait is None else {"retry-after": f"{max(0, round(wait))}"}
                refusal = {"code": error.code, "message": error.message, "details": []}
                return Answer(error.status, refusal, more)

    def _answered(self, request: Request) -> dict[str, Any]:
        if request.path == "/oauth2/token" and request.method == "POST":
            return self._token(request)
        if self.failing:
            self.failing -= 1
            raise ApiError(503, 14, "the service is unavailable")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self._tokens.get(token, 0.0) <= self.sandbox.clock.time():
            raise ApiError(401, 16, "the token is missing, unknown or no longer valid")
        for method, pattern, scope, route in self._routes:
            match = pattern.fullmatch(request.path)
            if match is None or method != request.method:
                continue
            if self.limited:
                self.limited -= 1
                raise ApiError(429, 8, "too many requests", retry_after=self.retry_after)
            if scope not in self.scopes:
                raise ApiError(403, 7, f"the token lacks {scope}")
            return route(request, match.groupdict().get("id", ""))
        raise not_found(f"{request.method} {request.path}")

    def _token(self, request: Request) -> dict[str, Any]:
        form = query_of(request.body.decode("utf-8", "replace"))
        given = (form.get("client_id"), form.get("client_secret"), form.get("grant_type"))
        if given != ([self.client_id], [self.client_secret], ["client_credentials"]):
            raise ApiError(401, 16, "invalid_client")
        token = secrets.token_urlsafe(24)
        self._tokens[token] = self.sandbox.clock.time() + self.token_seconds
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.token_seconds}

    def _all_routes(self, subjects: SubjectsApi) -> list[tuple[str, re.Pattern[str], str, Route]]:
        issues, incidents, deliveries = "/api/issues/v2", "/api/incidents/v1", "/api/deliveries/v1"
        issue, delivery = f"{issues}/(?P<id>[^/]+)", f"{deliveries}/(?P<id>[^/]+)"
        sent, read, edit = self.deliveries, "deliveries:read", "deliveries:edit"
        routes: list[tuple[str, str, str, Route]] = [
            ("GET", issues, "issues:read", lambda r, _: subjects.list_issues(r)),
            ("POST", f"{issues}/by-id", "issues:read", lambda r, _: subjects.issues_by_id(r)),
            ("POST", f"{issue}/comment", "issues:edit", subjects.comment),
            ("GET", incidents, "incidents:read", lambda r, _: subjects.list_incidents(r)),
            (
                "POST",
                f"{incidents}/by-id",
                "incidents:read",
                lambda r, _: subjects.incidents_by_id(r),
            ),
            ("GET", deliveries, read, lambda r, _: sent.list_deliveries(r)),
            ("POST", f"{deliveries}/summarise", read, lambda r, _: sent.summarise(r)),
            ("GET", f"{delivery}/attempts", read, lambda _, id_: sent.attempts(id_)),
            ("POST", f"{delivery}/redeliver", edit, lambda _, id_: sent.redeliver(id_)),
        ]
        for status in ISSUE_STATUSES:
            path = f"{issue}/mark-{status.replace('_', '-')}"
            routes.append(("PATCH", path, "issues:edit", partial(subjects.mark, status)))
        return [(method, re.compile(path), scope, route) for method, path, scope, route in routes]
