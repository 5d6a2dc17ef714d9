"""Search: Cloud's ``/search/jql`` with page tokens, Data Center's ``/search``, and bulk fetch."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import msgspec

from sync.sandbox.jira.jql import parser
from sync.sandbox.jira.jql.conditions import Test, canonical, compile_node
from sync.sandbox.jira.rest.issue_json import present
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import Issue
from sync.sandbox.jira.site.state import Site

GONE = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. "
    "A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)
_UNBOUNDED = (
    "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
)


def find(
    site: Site, call: Call, text: str, fresh: Iterable[int] = (), *, bounded: bool = False
) -> list[Issue]:
    """Issues as the index has them (``fresh`` ids as they are now), in the query's order."""
    site.index.settle(call.now)
    query = parser.parse(text)
    if bounded and query.where is None:
        raise Problem(400, _UNBOUNDED)
    test: Test = _anything if query.where is None else compile_node(site, call, query.where)
    visible = {project.key for project in site.visible_projects(call)}
    docs = site.index.docs
    candidates: dict[int, Issue] = {number: docs[number] for number in _narrow(site, query.where)}
    for number in fresh:
        issue = site.issues.get(number)
        if issue is not None and not issue.deleted:
            candidates[number] = issue
    found = [issue for issue in candidates.values() if issue.project in visible and test(issue)]
    found.sort(key=lambda issue: issue.id, reverse=not query.order)
    for name, descending in reversed(query.order):
        field = canonical(site, name)
        found.sort(key=partial(_rank, site, field), reverse=descending)
    return found


def _anything(_issue: Issue) -> bool:
    return True


def _narrow(site: Site, node: parser.Node | None) -> Iterable[int]:
    """A superset of the matches, by way of the indexes on label and project."""
    parts: Sequence[parser.Node] = (
        node.parts if isinstance(node, parser.Both) else (node,) if node else ()
    )
    sets: list[set[int]] = []
    for part in parts:
        if isinstance(part, parser.Clause) and part.operator in ("=", "in"):
            if any(operand.function for operand in part.operands):
                continue
            if part.field in ("labels", "label"):
                wanted = {operand.text.lower() for operand in part.operands}
                index = site.index.by_label
                sets.append({number for label in wanted for number in index.get(label, ())})
            elif part.field == "project" and len(part.operands) == 1:
                key = part.operands[0].text.upper()
                if key in site.projects:
                    sets.append(site.index.by_project.get(key, set()))
    return list(min(sets, key=len) if sets else site.index.docs)


def _rank(site: Site, field: str, issue: Issue) -> Any:
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
    return site.word_value(field, issue.values.get(field)) if field in site.fields else ""


def _given(call: Call) -> dict[str, Any]:
    """Parameters of a search, from query or body."""
    if call.method == "POST":
        return call.json()
    out: dict[str, Any] = dict(call.query)
    if "reconcileIssues" in out:
        out["reconcileIssues"] = call.names("reconcileIssues")
    return out


def _number(given: dict[str, Any], name: str, default: int) -> int:
    try:
        return int(given.get(name) or default)
    except (TypeError, ValueError, OverflowError):
        raise Problem(400, f"{name} must be a number") from None


def _size(given: dict[str, Any], default: int, most: int) -> int:
    return max(1, min(most, _number(given, "maxResults", default)))


def _names(given: dict[str, Any], name: str) -> list[str]:
    """A list of names, as a body or a query gives it."""
    found = given.get(name) or []
    if isinstance(found, str):
        found = found.split(",")
    if not isinstance(found, list):
        raise Problem(400, f"{name} must be an array")
    return [str(one).strip() for one in found]


def cloud_search(site: Site, call: Call) -> Response:
    if not site.cloud:
        raise Problem(404, raw=b"")
    given = _given(call)
    text = given.get("jql")
    if not isinstance(text, str) or not text.strip():
        raise Problem(400, _UNBOUNDED)
    fresh = given.get("reconcileIssues") or []
    if (
        not isinstance(fresh, list)
        or len(fresh) > 50
        or not all(re.fullmatch(r"\d+", str(n)) for n in fresh)
    ):
        raise Problem(400, "reconcileIssues must be at most 50 numeric ids")
    start = _start_of(given.get("nextPageToken"), text)
    issues = find(site, call, text, [int(n) for n in fresh], bounded=True)
    size = _size(given, 50, 5000)
    page = issues[start : start + size]
    last = start + size >= len(issues)
    out: dict[str, Any] = {
        "issues": [_row(site, call, issue, given) for issue in page],
        "isLast": last,
    }
    if not last:
        out["nextPageToken"] = _token(start + size, text)
    return Response(200, out)


def _row(site: Site, call: Call, issue: Issue, given: dict[str, Any]) -> dict[str, Any]:
    wanted = _names(given, "fields") or ["id"]
    if wanted == ["id"] and not given.get("expand"):
        return {"id": str(issue.id)}  # By default Cloud gives the id alone: not even the key.
    out = present(
        site,
        call,
        issue,
        [w for w in wanted if w not in ("id", "key")] or ["id"],
        _names(given, "expand"),
    )
    if given.get("properties"):
        out["properties"] = {
            k: v for k, v in issue.properties.items() if k in _names(given, "properties")
        }
    return out


def _token(start: int, text: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([start, text])).decode()


def _start_of(token: Any, text: str) -> int:
    if not token:
        return 0
    try:
        start, meant = msgspec.json.decode(base64.urlsafe_b64decode(str(token)))
    except (ValueError, msgspec.DecodeError):
        raise Problem(400, "The nextPageToken is invalid.") from None
    if meant != text:
        raise Problem(400, "The nextPageToken belongs to another query.")
    return int(start)


def server_search(site: Site, call: Call) -> Response:
    if site.cloud:
        raise Problem(410, GONE)
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
        issue = site.find(str(name))
        if issue is None or not site.may(
            call.user, site.projects[issue.project], "BROWSE_PROJECTS"
        ):
            failed.append(
                {
                    "id": str(name),
                    "errorMessage": "Issue does not exist or you do not have permission to see it.",
                }
            )
            continue
        row = present(site, call, issue, wanted, _names(given, "expand"))
        if given.get("properties"):
            row["properties"] = {
                k: v for k, v in issue.properties.items() if k in _names(given, "properties")
            }
        shown[issue.id] = row
    return Response(
        200, {"issues": [shown[number] for number in sorted(shown)], "issueErrors": failed}
    )
