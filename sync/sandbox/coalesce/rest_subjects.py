"""What the issues API (v2) and the incidents API (v1) let their callers read, simulated."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeVar

from sync.sandbox.coalesce.api_request import Request, invalid, uuid_of
from sync.sandbox.coalesce.subjects import NANOS, Incident, Issue
from sync.sandbox.coalesce.workspace import CoalesceSandbox

Key = tuple[int, str]
Row = TypeVar("Row", Issue, Incident)


class SubjectsApi:
    """Reads of the issues and incidents of a workspace."""

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


def _ids(request: Request, name: str) -> list[str]:
    ids = request.json().get(name)
    if not isinstance(ids, list) or not ids:
        raise invalid(f"{name} is required")
    return [uuid_of(id_, name) for id_ in ids]
