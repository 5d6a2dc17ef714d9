"""JSON of an issue, as REST shows it: the wanted fields and expansions."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sync.sandbox.jira.fields.plain import rendered
from sync.sandbox.jira.fields.wiki import wiki
from sync.sandbox.jira.rest.screens import edit_fields
from sync.sandbox.jira.rest.transitions import offered
from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call
from sync.sandbox.jira.site.model import Issue, stamp
from sync.sandbox.jira.site.state import Site

# How many entries of an issue's history ``expand=changelog`` shows.
MOST_HISTORIES = 100


def present(
    site: Site, call: Call, issue: Issue, wanted: Sequence[str], expand: Sequence[str] | None = None
) -> dict[str, Any]:
    """An issue as REST shows it.

    ``wanted`` are field ids, ``*all``, ``*navigable`` or ``-field``. ``expand`` None stands for the
    expansions that the call's query names.
    """
    out: dict[str, Any] = {
        "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
        "id": str(issue.id),
        "self": f"{call.root}/issue/{issue.id}",
        "key": issue.key,
        "fields": _fields(site, call, issue, wanted),
    }
    for name in call.names("expand") if expand is None else expand:
        if name.partition(".")[0] == "transitions":
            with_fields = name == "transitions.fields"
            if with_fields or "transitions" not in out:
                out["transitions"] = offered(site, call, issue, with_fields=with_fields)
        elif name in _EXPANSIONS:
            out[name] = _EXPANSIONS[name](site, call, issue, out["fields"])
    keys = call.names("properties")
    if keys:
        out["properties"] = properties_of(issue, keys)
    return out


def properties_of(issue: Issue, keys: Sequence[str]) -> dict[str, Any]:
    """The issue's properties with these keys, all properties for ``*all``."""
    return {k: v for k, v in issue.properties.items() if k in keys or "*all" in keys}


def _fields(site: Site, call: Call, issue: Issue, wanted: Sequence[str]) -> dict[str, Any]:
    known = [*_SYSTEM_FIELDS, *site.fields]
    hidden = [w.removeprefix("-") for w in wanted if w.startswith("-")]
    named = [name for name in wanted if name in known]
    if "*navigable" in wanted and "*all" not in wanted:
        hidden.append("comment")
    if {"*all", "*navigable"} & set(wanted) or len(hidden) == len(wanted):
        named = [name for name in known if name not in hidden]
    return {name: _field(site, call, issue, name) for name in named}


def _field(site: Site, call: Call, issue: Issue, name: str) -> Any:
    if name in _SYSTEM_FIELDS:
        return _SYSTEM_FIELDS[name](site, call, issue)
    return site.show_value(call, name, issue.values.get(name))


def _comments(site: Site, call: Call, issue: Issue) -> dict[str, Any]:
    shown = [one for one in issue.comments if site.shows(call, one)]
    first = shown[: site.most_comments]
    return {
        "comments": [as_json.comment(site, call, issue, one, properties=False) for one in first],
        "self": f"{call.root}/issue/{issue.id}/comment",
        "maxResults": len(first),
        "total": len(shown),
        "startAt": 0,
    }


# Fields that every issue has and that no call sets.
_SYSTEM_FIELDS: dict[str, Callable[[Site, Call, Issue], Any]] = {
    "issuetype": lambda s, c, i: as_json.issue_type(s, c, s.types[i.type]),
    "project": lambda s, c, i: as_json.project(s, c, s.projects[i.project]),
    "status": lambda s, c, i: as_json.status(c, s.statuses[i.status], untranslated=s.cloud),
    "created": lambda s, c, i: stamp(i.created),
    "updated": lambda s, c, i: stamp(i.updated),
    "resolutiondate": lambda s, c, i: None if i.resolved is None else stamp(i.resolved),
    "creator": lambda s, c, i: as_json.user(s, c, i.creator),
    "comment": _comments,
    "issuelinks": lambda s, c, i: [as_json.issue_link(s, c, link, i.id) for link in i.links],
    "subtasks": lambda s, c, i: [as_json.brief(s, c, child) for child in s.children(i)],
    "statuscategorychangedate": lambda s, c, i: None if i.resolved is None else stamp(i.resolved),
}


def _changelog(site: Site, call: Call, issue: Issue) -> dict[str, Any]:
    """The newest entries of the history: on Cloud the newest first, on Data Center the oldest first."""
    histories = [as_json.history(site, call, one) for one in issue.history[-MOST_HISTORIES:]]
    if site.cloud:
        histories.reverse()
    page = {"startAt": 0, "maxResults": len(histories), "total": len(issue.history)}
    return {**page, "histories": histories}


def _rendered(site: Site, issue: Issue, shown: Iterable[str]) -> dict[str, str]:
    return {
        name: _as_html(site, site.value_text(name, issue.values.get(name)))
        for name in shown
        if name in site.fields and isinstance(site.fields[name].type, rendered(site))
    }


def _as_html(site: Site, text: str) -> str:
    return f"<p>{html.escape(text)}</p>" if site.cloud else str(wiki(text))


# What ``expand`` can add, from the ids of the fields that are shown.
_EXPANSIONS: dict[str, Callable[[Site, Call, Issue, Iterable[str]], dict[str, Any]]] = {
    "names": lambda s, c, i, shown: {n: s.fields[n].name for n in shown if n in s.fields},
    "schema": lambda s, c, i, shown: {n: s.fields[n].schema() for n in shown if n in s.fields},
    "editmeta": lambda s, c, i, shown: {"fields": edit_fields(s, c, i)},
    "changelog": lambda s, c, i, shown: _changelog(s, c, i),
    "renderedFields": lambda s, c, i, shown: _rendered(s, i, shown),
}
