"""The history of an issue, and of many issues at once. Only Cloud has these."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sync.sandbox.jira.rest.catalogue import values_page
from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import History
from sync.sandbox.jira.site.state import Site

MOST_ISSUES, MOST_FIELDS, MOST_ENTRIES = 1000, 10, 10_000


def changelog(site: Site, call: Call) -> Response:
    """``GET issue/{issue}/changelog``: oldest entry first."""
    issue = site.issue(call)
    rows = [as_json.history(site, call, one) for one in issue.history]
    return Response(200, values_page(call, rows, 100))


def changelogs(site: Site, call: Call) -> Response:
    """``POST changelog/bulkfetch``: the histories of many issues, oldest entry first."""
    body = call.json()
    rows = list(_entries(site, call, body))
    start, size = _page(body)
    found = [
        {
            "issueId": str(number),
            "changeHistories": [as_json.history(site, call, entry) for _, entry in entries],
        }
        for number, entries in groupby(rows[start : start + size], key=lambda row: row[0])
    ]
    more = {"nextPageToken": str(start + size)} if start + size < len(rows) else {}
    return Response(200, {"issueChangeLogs": found, **more})


def _entries(site: Site, call: Call, body: dict[str, Any]) -> Iterator[tuple[int, History]]:
    """The entries that a body asks for, each with its issue's id. Raises Problem(400)."""
    asked = _names(body, "issueIdsOrKeys", MOST_ISSUES)
    fields = _names(body, "fieldIds", MOST_FIELDS)
    if not asked:
        raise Problem(400, "'issueIdsOrKeys' must name an issue.")
    seen = (site.visible(call, str(name)) for name in asked)
    for number, issue in sorted({one.id: one for one in seen if one is not None}.items()):
        for entry in issue.history:
            if not fields or any(item.field_id in fields for item in entry.items):
                yield number, entry


def _names(body: dict[str, Any], name: str, most: int) -> list[Any]:
    """A list in a body, empty where absent. Raises Problem(400)."""
    given = body.get(name) or []
    if not isinstance(given, list) or len(given) > most:
        raise Problem(400, f"'{name}' must be a list of at most {most}.")
    return given


def _page(body: dict[str, Any]) -> tuple[int, int]:
    """The place of the first entry, and the most entries. Raises Problem(400)."""
    start, size = str(body.get("nextPageToken") or 0), body.get("maxResults", 1000)
    if not (start.isascii() and start.isdigit()):
        raise Problem(400, "'nextPageToken' is not valid.")
    if not isinstance(size, int) or not 1 <= size <= MOST_ENTRIES:
        raise Problem(400, f"'maxResults' must be a number from 1 to {MOST_ENTRIES}.")
    return int(start), size
