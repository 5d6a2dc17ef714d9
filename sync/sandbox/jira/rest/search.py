"""Search: Cloud's ``/search/jql`` with page tokens, Data Center's ``/search``, and bulk fetch."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable
from functools import partial
from typing import Any

import msgspec

from sync.sandbox.jira.jql import parser
from sync.sandbox.jira.jql.conditions import canonical, compile_node
from sync.sandbox.jira.rest.issue_json import present, properties_of
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import Issue
from sync.sandbox.jira.site.state import NO_ISSUE, Site

_API_REMOVED = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. "
    "A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)
_UNBOUNDED = (
    "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
)


def find(
    site: Site, call: Call, text: str, fresh: Iterable[int] = (), *, bounded: bool = False
) -> list[Issue]:
    """The issues that the index finds, in the query's order. Raises Problem(400).

    Issues with an id in ``fresh`` are tested as they are now. ``bounded`` refuses a query without a
    condition.
    """
    site.index.settle(call.now)
    query = parser.parse(text)
    if bounded and query.where is None:
        raise Problem(400, _UNBOUNDED)
    test = _anything if query.where is None else compile_node(site, call, query.where)
    candidates = {number: site.index.docs[number] for number in _candidates(site, query.where)}
    for number in fresh:
        issue = site.find(str(number))
        if issue is not None:
            candidates[number] = issue
    found = [issue for issue in candidates.values() if site.sees(call, issue) and test(issue)]
    found.sort(key=lambda issue: issue.id, reverse=not query.order)
    for name, descending in reversed(query.order):
        field = canonical(site, name)
        found.sort(key=partial(_rank, site, field), reverse=descending)
    return found


def _anything(_issue: Issue) -> bool:
    return True


def _candidates(site: Site, node: parser.Node | None) -> Collection[int]:
    """The ids of all matches, and possibly of more issues.

    The smallest set that the indexes on label and project give spares a test of every issue.
    """
    parts = node.parts if isinstance(node, parser.Both) else (node,)
    sets = [_indexed(site, part) for part in parts if isinstance(part, parser.Clause)]
    return min((one for one in sets if one is not None), key=len, default=site.index.docs)


def _indexed(site: Site, clause: parser.Clause) -> Collection[int] | None:
    """The ids of a clause's matches by way of an index, None where no index serves the clause."""
    if clause.operator not in ("=", "in") or any(one.function for one in clause.operands):
        return None
    names = [operand.text for operand in clause.operands]
    if clause.field in ("labels", "label"):
        index = site.index.by_label
        return {number for name in names for number in index.get(name.lower(), ())}
    if clause.field == "project" and len(names) == 1 and names[0].upper() in site.projects:
        return site.index.by_project.get(names[0].upper(), ())
    return None


def _rank(site: Site, field: str, issue: Issue) -> Any:
    """The value by which ``ORDER BY field`` sorts."""
    match field:
        case "created" | "id":
            return (issue.created, issue.id)
        case "updated":
            return issue.updated
        case "resolved":
            return issue.resolved or 0.0
        case "key":
            project, _, number = issue.key.rpartition("-")
            return (project, int(number))
        case "project":
            return issue.project
        case "status" | "statuscategory":
            return site.statuses[issue.status].name
        case "issuetype":
            return site.types[issue.type].name
        case "priority":
            value = issue.values.get("priority")
            return -int(value.id) if value else 0
    return site.value_text(field, issue.values.get(field)) if field in site.fields else ""


def _given(call: Call) -> dict[str, Any]:
    """A search's parameters, from the body of a POST or from the query."""
    if call.method == "POST":
        return call.json()
    return dict(call.query)


def _number(given: dict[str, Any], name: str, default: int) -> int:
    try:
        return int(given.get(name) or default)
    except (TypeError, ValueError, OverflowError):
        raise Problem(400, f"{name} must be a number") from None


def _size(given: dict[str, Any], default: int, most: int) -> int:
    return max(1, min(most, _number(given, "maxResults", default)))


def _names(given: dict[str, Any], name: str) -> list[str]:
    """A list of names: an array in a body, separated by commas in a query. Raises Problem(400)."""
    found = given.get(name) or []
    if isinstance(found, str):
        found = found.split(",")
    if not isinstance(found, list):
        raise Problem(400, f"{name} must be an array")
    return [str(one).strip() for one in found]


def cloud_search(site: Site, call: Call) -> Response:
    given = _given(call)
    text = given.get("jql")
    if not isinstance(text, str) or not text.strip():
        raise Problem(400, _UNBOUNDED)
    fresh = _names(given, "reconcileIssues")
    if len(fresh) > 50 or not all(re.fullmatch(r"\d+", name) for name in fresh):
        raise Problem(400, "reconcileIssues must be at most 50 numeric ids")
    start = _start_of(given.get("nextPageToken"), text)
    issues = find(site, call, text, map(int, fresh), bounded=True)
    size = _size(given, 50, 5000)
    page = issues[start : start + size]
    last = start + size >= len(issues)
    out: dict[str, Any] = {
        "issues": [_cloud_row(site, call, issue, given) for issue in page],
        "isLast": last,
    }
    if not last:
        out["nextPageToken"] = _token(start + size, text)
    return Response(200, out)


def _cloud_row(site: Site, call: Call, issue: Issue, given: dict[str, Any]) -> dict[str, Any]:
    wanted = _names(given, "fields") or ["id"]
    if wanted == ["id"] and not given.get("expand"):
        return {"id": str(issue.id)}  # By default Cloud gives the id alone, without the key.
    return _row(site, call, issue, given, [w for w in wanted if w not in ("id", "key")] or ["id"])


def _row(
    site: Site, call: Call, issue: Issue, given: dict[str, Any], wanted: list[str]
) -> dict[str, Any]:
    row = present(site, call, issue, wanted, _names(given, "expand"))
    if given.get("properties"):
        row["properties"] = properties_of(issue, _names(given, "properties"))
    return row


def _token(start: int, text: str) -> str:
    """A page token: the position of the next page, and the query that the token belongs to."""
    return base64.urlsafe_b64encode(msgspec.json.encode([start, text])).decode()


def _start_of(token: Any, text: str) -> int:
    if not token:
        return 0
    try:
        start, query = msgspec.json.decode(base64.urlsafe_b64decode(str(token)))
    except (ValueError, msgspec.DecodeError):
        raise Problem(400, "The nextPageToken is invalid.") from None
    if query != text:
        raise Problem(400, "The nextPageToken belongs to another query.")
    return int(start)


def server_search(site: Site, call: Call) -> Response:
    if site.cloud:
        raise Problem(410, _API_REMOVED)
    given = _given(call)
    call.lenient = str(given.get("validateQuery", "")).lower() in ("false", "none", "warn")
    issues = find(site, call, str(given.get("jql") or ""))
    size = _size(given, 50, 1000)
    start = max(0, _number(given, "startAt", 0))
    wanted = _names(given, "fields") or ["*navigable"]
    expand = _names(given, "expand")
    return Response(
        200,
        {
            "expand": "schema,names",
            "startAt": start,
            "maxResults": size,
            "total": len(issues),
            "issues": [
                present(site, call, issue, wanted, expand) for issue in issues[start : start + size]
            ],
        },
    )


def bulk_fetch(site: Site, call: Call) -> Response:
    given = call.json()
    names = given.get("issueIdsOrKeys")
    if not isinstance(names, list) or not names:
        raise Problem(400, "issueIdsOrKeys must not be empty")
    if len(names) > 100:
        raise Problem(400, "The maximum number of issues that can be fetched is 100.")
    wanted = _names(given, "fields") or ["*navigable"]
    shown: dict[int, dict[str, Any]] = {}
    failed = []
    for name in names:
        issue = site.visible(call, str(name))
        if issue is None:
            failed.append({"id": str(name), "errorMessage": NO_ISSUE})
        else:
            shown[issue.id] = _row(site, call, issue, given, wanted)
    return Response(
        200, {"issues": [shown[number] for number in sorted(shown)], "issueErrors": failed}
    )
