"""The issues API (v2) and the incidents API (v1), simulated."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from sync.sandbox.coalesce.api_request import Request, invalid, nanos_of, not_found
from sync.sandbox.coalesce.subjects import NANOS, Incident, Issue
from sync.sandbox.coalesce.workspace import CoalesceSandbox

_ACTOR_IDS = {"email": "userEmail", "slack": "userId", "pagerduty": "userId"}
_CAPITALS = re.compile(r"(?=[A-Z])")
Key = tuple[int, str]
Row = TypeVar("Row", Issue, Incident)


class SubjectsApi:
    """The issues API and the incidents API of a workspace."""

    def __init__(self, sandbox: CoalesceSandbox) -> None:
        self._sandbox = sandbox
        # The sort key of each page's last entry, by cursor. The next page starts after this key, even
        # where the entry has another key by then.
        self._last_keys: dict[str, Key] = {}

    def list_issues(self, request: Request) -> dict[str, Any]:
        """``GET /api/issues/v2``: a page of ids."""
        by_start = request.first("time.field", "FIELD_UPDATED_AT") == "FIELD_STARTED_AT"
        wanted = request.first("lifecycleState")

        def at(issue: Issue) -> int:
            return issue.started_at if by_start else issue.updated_at

        issues = self._sandbox.issues.values()
        page, last = self._page(
            request, [((at(i), i.id), i) for i in issues if wanted in ("", i.lifecycle)]
        )
        info = {"totalCount": len(issues), "count": len(page), "lastId": last}
        return {"issueIds": [issue.id for issue in page], "pageInfo": info}

    def issues_by_id(self, request: Request) -> dict[str, Any]:
        """``POST /api/issues/v2/by-id``: the issues that exist."""
        ids = _ids(request, "issueIds")
        issues = self._sandbox.issues
        return {"issues": {id_: issues[id_].api() for id_ in ids if id_ in issues}}

    def mark(self, status: str, request: Request, issue_id: str) -> dict[str, Any]:
        """``PATCH /api/issues/v2/{id}/mark-…``."""
        body, actor = self._acting(request)
        issue = self._issue(issue_id)
        if not (body.get("requireNoExistingStatus") and issue.status):
            self._sandbox.mark(issue_id, status, actor=actor)
        return {}

    def comment(self, request: Request, issue_id: str) -> dict[str, Any]:
        """``POST /api/issues/v2/{id}/comment``."""
        body, actor = self._acting(request)
        if not isinstance(body.get("comment"), str):
            raise invalid("comment is required")
        self._issue(issue_id)
        return {"commentId": self._sandbox.comment(issue_id, body["comment"], actor).id}

    def list_incidents(self, request: Request) -> dict[str, Any]:
        """``GET /api/incidents/v1``: a page of whole incidents, without a cursor."""
        by_creation = request.first("time.field", "FIELD_UPDATED_AT") == "FIELD_CREATED_AT"
        states = request.query.get("states", [])

        def at(incident: Incident) -> int:
            return incident.created_at if by_creation else incident.updated_at

        found = [
            ((at(one), one.id), one)
            for one in self._sandbox.incidents.values()
            if not states or f"STATE_{one.state.upper()}" in states
        ]
        return {"incidents": [one.api() for one in self._page(request, found)[0]]}

    def incidents_by_id(self, request: Request) -> dict[str, Any]:
        """``POST /api/incidents/v1/by-id``: the incidents that exist."""
        ids = _ids(request, "incidentIds")
        incidents = self._sandbox.incidents
        return {"incidents": {id_: incidents[id_].api() for id_ in ids if id_ in incidents}}

    def _page(self, request: Request, rows: Iterable[tuple[Key, Row]]) -> tuple[list[Row], str]:
        """The page that the request asks for, and the cursor of the next page, "" after the last page.

        Each row comes with its sort key, a time and an id. Raises ApiError(400).
        """
        since = request.whole("time.from.seconds", 0) * NANOS
        until = request.whole("time.to.seconds", 0) * NANOS or math.inf
        newest_first = request.first("sort.order", "ORDER_DESC") == "ORDER_DESC"
        cursor = request.first("pagination.cursor")
        if cursor and cursor not in self._last_keys:
            raise invalid("pagination.cursor is unknown")
        last = self._last_keys.get(cursor)

        def after(key: Key) -> bool:
            """Whether the key comes after the last key of the page before."""
            return last is None or (key < last if newest_first else key > last)

        wanted = sorted(
            ((key, row) for key, row in rows if since <= key[0] < until and after(key)),
            key=lambda one: one[0],
            reverse=newest_first,
        )
        size = request.page_size()
        page = wanted[:size]
        if page:
            self._last_keys[page[-1][0][1]] = page[-1][0]
        more = len(wanted) > size
        return [row for _, row in page], page[-1][0][1] if more else ""

    def _issue(self, issue_id: str) -> Issue:
        issue = self._sandbox.issues.get(issue_id)
        if issue is None:
            raise not_found("issue")
        return issue

    def _acting(self, request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
        """The body, and the actor that it names. Raises ApiError(400).

        An actor needs a name and one id; the time of the act must lie in the past.
        """
        body = request.json()
        actor = body.get("actor")
        if not isinstance(actor, dict) or not actor.get("name"):
            raise invalid("actor.name is required")
        found: dict[str, Any] = {"name": actor["name"], "via": "api"}
        for way, key in _ACTOR_IDS.items():
            if isinstance(actor.get(way), Mapping) and actor[way].get(key):
                found[way] = {_snake(key): actor[way][key]}
        if len(found) != 3:
            raise invalid("actor needs one of email, slack, pagerduty")
        if "time" not in body:
            raise invalid("time is required")
        if nanos_of(body["time"], "time") >= self._sandbox.clock.time() * NANOS:
            raise invalid("time must lie in the past")
        return body, found


def _ids(request: Request, name: str) -> list[str]:
    ids = request.json().get(name)
    if not isinstance(ids, list) or not ids:
        raise invalid(f"{name} is required")
    for id_ in ids:
        try:
            uuid.UUID(str(id_))
        except ValueError:
            raise invalid(f"{name}: not a UUID: {id_}") from None
    return [str(id_) for id_ in ids]


def _snake(name: str) -> str:
    return _CAPITALS.sub("_", name).lower()
