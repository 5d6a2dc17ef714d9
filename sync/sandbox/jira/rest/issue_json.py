"""An issue as REST shows it: which fields, in which form, with which expansions."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from sync.sandbox.jira.fields.plain import TextArea
from sync.sandbox.jira.rest.screens import editable, metadata
from sync.sandbox.jira.rest.transitions import offered
from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call
from sync.sandbox.jira.site.model import Issue, stamp
from sync.sandbox.jira.site.state import Site

_SYSTEM = (
    "issuetype",
    "project",
    "status",
    "created",
    "updated",
    "resolutiondate",
    "creator",
    "comment",
    "issuelinks",
    "subtasks",
    "statuscategorychangedate",
)


def present(
    site: Site, call: Call, issue: Issue, wanted: Sequence[str], expand: Sequence[str] | None = None
) -> dict[str, Any]:
    """An issue. ``wanted`` are field ids, ``*all``, ``*navigable``, ``-field``; ``expand`` is from the
    query unless given."""
    out: dict[str, Any] = {
        "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
        "id": str(issue.id),
        "self": f"{call.root}/issue/{issue.id}",
        "key": issue.key,
        "fields": fields_of(site, call, issue, wanted),
    }
    expand = call.names("expand") if expand is None else expand
    if expand:
        _expand(site, call, issue, out, expand)
    asked = call.names("properties")
    if asked:
        everything = "*all" in asked
        out["properties"] = {k: v for k, v in issue.properties.items() if everything or k in asked}
    return out


def fields_of(site: Site, call: Call, issue: Issue, wanted: Sequence[str]) -> dict[str, Any]:
    everything = (
        "*all" in wanted or "*navigable" in wanted or all(w.startswith("-") for w in wanted)
    )
    if everything:
        names = [*_SYSTEM, *site.fields]
        if "*all" not in wanted and "*navigable" in wanted:
            names.remove("comment")
        names = [name for name in names if f"-{name}" not in wanted]
    else:
        names = [name for name in wanted if name in site.fields or name in _SYSTEM]
    return {name: field_of(site, call, issue, name) for name in names}


def field_of(site: Site, call: Call, issue: Issue, name: str) -> Any:
    if name in site.fields:
        return site.show_value(call, name, issue.values.get(name))
    match name:
        case "status":
            return as_json.status(call, site.statuses[issue.status])
        case "issuetype":
            return as_json.issue_type(call, site.types[issue.type], cloud=site.cloud)
        case "project":
            return as_json.project(call, site.projects[issue.project], cloud=site.cloud)
        case "created":
            return stamp(issue.created)
        case "updated":
            return stamp(issue.updated)
        case "creator":
            return as_json.user(site, call, issue.creator)
        case "comment":
            comments = [
                as_json.comment(site, call, issue, one, properties=False) for one in issue.comments
            ]
            page = {"maxResults": len(comments), "total": len(comments), "startAt": 0}
            return {"comments": comments, "self": f"{call.root}/issue/{issue.id}/comment", **page}
        case "issuelinks":
            return [as_json.issue_link(site, call, link, issue.id) for link in issue.links]
        case "subtasks":
            return [as_json.brief(site, call, child) for child in site.children(issue)]
        case _:
            return stamp(issue.resolved) if issue.resolved is not None else None


def _expand(
    site: Site, call: Call, issue: Issue, out: dict[str, Any], expand: Sequence[str]
) -> None:
    if any(name == "transitions" or name.startswith("transitions.") for name in expand):
        with_fields = "transitions.fields" in expand
        out["transitions"] = offered(site, call, issue, with_fields=with_fields)
    if "names" in expand:
        out["names"] = {
            name: site.fields[name].name for name in out["fields"] if name in site.fields
        }
    if "schema" in expand:
        known = [name for name in out["fields"] if name in site.fields]
        out["schema"] = {name: site.fields[name].type.describe(site.fields[name]) for name in known}
    if "editmeta" in expand:
        out["editmeta"] = {
            "fields": metadata(site, call, issue.project, editable(site, call, issue))
        }
    if "changelog" in expand:
        histories = [as_json.history(site, call, one) for one in reversed(issue.history)]
        page = {"startAt": 0, "maxResults": len(histories), "total": len(histories)}
        out["changelog"] = {**page, "histories": histories}
    if "renderedFields" in expand:
        out["renderedFields"] = {
            name: f"<p>{html.escape(site.word_value(name, issue.values.get(name)))}</p>"
            for name in out["fields"]
            if name in site.fields and isinstance(site.fields[name].type, TextArea)
        }
