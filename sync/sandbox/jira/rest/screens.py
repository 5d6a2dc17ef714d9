"""Screens: which fields can be given where, and the metadata endpoints that say so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import FieldDef, Issue, IssueType, Project, ScreenItem
from sync.sandbox.jira.site.state import Site


def editable(site: Site, call: Call, issue: Issue) -> tuple[ScreenItem, ...]:
    """The fields the caller may edit now: none without the permission or in a locked status."""
    project = site.projects[issue.project]
    if not site.may(call.user, project, "EDIT_ISSUES") or issue.status in project.workflow.locked:
        return ()
    return project.edit_screens.get(issue.type, ())


def describe(
    site: Site, call: Call, project: Project, field: FieldDef, item: ScreenItem
) -> dict[str, Any]:
    """One field of a screen, as ``createmeta``, ``editmeta`` and transitions show it."""
    out: dict[str, Any] = {
        "required": item.required,
        "schema": field.type.describe(field),
        "name": field.name,
        "key": field.id,
        "hasDefaultValue": item.default is not None,
        "operations": list(field.type.operations),
    }
    allowed = field.type.allowed(site, call, project, field)
    if allowed is not None:
        out["allowedValues"] = allowed
    if field.type.schema.get("type") == "user":
        out["autoCompleteUrl"] = f"{call.root}/user/assignable/search?project={project.key}&query="
    if item.default is not None and item.default != "@caller":
        found = next((one for one in allowed or () if one.get("name") == item.default), None)
        out["defaultValue"] = found if found is not None else item.default
    return out


def metadata(
    site: Site, call: Call, project_key: str, screen: Iterable[ScreenItem]
) -> dict[str, dict[str, Any]]:
    project = site.projects[project_key]
    return {
        item.field: describe(site, call, project, site.fields[item.field], item) for item in screen
    }


def edit_metadata(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    return Response(
        200, {"fields": metadata(site, call, issue.project, editable(site, call, issue))}
    )


def _project(site: Site, call: Call) -> Project:
    try:
        return site.project(call, call.params["project"])
    except Problem as problem:
        # Cloud documents 400 here, Data Center answers 404.
        raise Problem(400 if site.cloud else 404, *problem.messages) from None


def issue_types(site: Site, call: Call) -> Response:
    project = _project(site, call)
    may = site.may(call.user, project, "CREATE_ISSUES")
    types = (
        [as_json.issue_type(call, one, cloud=site.cloud) for one in project.types] if may else []
    )
    if not site.cloud:
        return Response(200, _page(call, types, "values", "isLast"))
    return Response(200, _page(call, types, "issueTypes"))


def fields(site: Site, call: Call) -> Response:
    project = _project(site, call)
    kind = _type(project, call.params["type"], 400 if site.cloud else 404)
    screen = (
        project.create_screens[kind.id] if site.may(call.user, project, "CREATE_ISSUES") else ()
    )
    described = [
        {"fieldId": name, **meta}
        for name, meta in metadata(site, call, project.key, screen).items()
    ]
    for name, value in (
        ("issuetype", as_json.issue_type(call, kind, cloud=site.cloud)),
        ("project", as_json.project(call, project, cloud=site.cloud)),
    ):
        described.append(
            {
                "fieldId": name,
                "required": True,
                "schema": {"type": name, "system": name},
                "name": "Issue Type" if name == "issuetype" else "Project",
                "key": name,
                "hasDefaultValue": False,
                "operations": ["set"] if name == "project" else [],
                "allowedValues": [value],
            }
        )
    if not site.cloud:
        return Response(200, _page(call, described, "values", "isLast"))
    return Response(200, _page(call, described, "fields"))


def _type(project: Project, type_id: str, status: int) -> IssueType:
    for one in project.types:
        if one.id == type_id:
            return one
    raise Problem(status, "The issue type selected is invalid.")


def _page(call: Call, rows: list[dict[str, Any]], name: str, *more: str) -> dict[str, Any]:
    start, size = call.page(50, 200)
    out: dict[str, Any] = {"maxResults": size, "startAt": start, "total": len(rows)}
    if more:
        out["isLast"] = start + size >= len(rows)
    out[name] = rows[start : start + size]
    return out
