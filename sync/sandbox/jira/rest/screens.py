"""Screens: which fields a call may give, and the metadata endpoints that list them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import COMMENT, Issue, IssueType, Project, ScreenItem
from sync.sandbox.jira.site.state import FieldDef, Site


def _offered(
    site: Site, call: Call, project: Project, screen: Iterable[ScreenItem]
) -> tuple[ScreenItem, ...]:
    """The fields of a screen without those that the caller is not offered there: the security level,
    where the project has none or the caller may not set it."""
    levels = project.levels and site.may(call.user, project, "SET_ISSUE_SECURITY")
    return tuple(item for item in screen if levels or item.field != "security")


def creatable(site: Site, call: Call, project: Project, kind: IssueType) -> tuple[ScreenItem, ...]:
    """The fields that the caller may give to a new issue of a type."""
    return _offered(site, call, project, project.create_screens[kind.id])


def editable(site: Site, call: Call, issue: Issue) -> tuple[ScreenItem, ...]:
    """The fields that the caller may edit now: none without the permission or in a locked status."""
    project = site.projects[issue.project]
    if not site.allows(call, issue, "EDIT_ISSUES") or issue.status in project.workflow.locked:
        return ()
    return _offered(site, call, project, project.edit_screens.get(issue.type, ()))


def _describe(
    site: Site, call: Call, project: Project, field: FieldDef, item: ScreenItem
) -> dict[str, Any]:
    """One field of a screen, as ``createmeta``, ``editmeta`` and transitions show it."""
    out: dict[str, Any] = {
        "required": item.required,
        "schema": field.schema(),
        **call.named(field.name, untranslated=site.cloud and field.custom),
        "key": field.id,
        "hasDefaultValue": item.default is not None,
        "operations": list(field.type.operations),
    }
    allowed = field.type.allowed(site, call, project, field)
    if allowed is not None:
        out["allowedValues"] = allowed
    if field.type.kind == "user":
        out["autoCompleteUrl"] = f"{call.root}/user/assignable/search?project={project.key}&query="
    if item.default is not None and item.default != "@caller":
        found = next((one for one in allowed or () if one.get("name") == item.default), None)
        out["defaultValue"] = found if found is not None else item.default
    return out


def metadata(
    site: Site, call: Call, project_key: str, screen: Iterable[ScreenItem]
) -> dict[str, dict[str, Any]]:
    """The fields of a screen by id."""
    project = site.projects[project_key]
    return {
        item.field: _describe(site, call, project, site.fields[item.field], item)
        for item in screen
        if item.field != COMMENT
    }


def edit_fields(site: Site, call: Call, issue: Issue) -> dict[str, dict[str, Any]]:
    """What an edit may give, by id: the fields of the edit screen, and a comment that goes along."""
    screen = metadata(site, call, issue.project, editable(site, call, issue))
    return {**screen, **(_comment(site, call, issue) if screen else {})}


def transition_fields(
    site: Site, call: Call, issue: Issue, screen: Iterable[ScreenItem]
) -> dict[str, dict[str, Any]]:
    """What a transition may give, by id: the fields of its screen, and a comment where the screen has
    one."""
    listed = any(item.field == COMMENT for item in screen)
    fields = metadata(site, call, issue.project, screen)
    return {**fields, **(_comment(site, call, issue) if listed else {})}


def _comment(site: Site, call: Call, issue: Issue) -> dict[str, dict[str, Any]]:
    """How Jira shows that a comment may go along; nothing where the caller may not comment."""
    if not site.allows(call, issue, "ADD_COMMENTS"):
        return {}
    described = {
        "required": False,
        "schema": {"type": "comments-page", "system": COMMENT},
        **call.named("Comment"),
        "key": COMMENT,
        "hasDefaultValue": False,
        "operations": ["add", "edit", "remove"],
    }
    return {COMMENT: described}


def edit_metadata(site: Site, call: Call) -> Response:
    return Response(200, {"fields": edit_fields(site, call, site.issue(call))})


def _project(site: Site, call: Call) -> Project:
    try:
        return site.project(call, call.params["project"])
    except Problem as problem:
        # Cloud documents 400 here, Data Center answers 404.
        raise Problem(400 if site.cloud else 404, *problem.messages) from None


def issue_types(site: Site, call: Call) -> Response:
    project = _project(site, call)
    may = site.may(call.user, project, "CREATE_ISSUES")
    types = [as_json.issue_type(site, call, one) for one in project.types] if may else []
    return Response(200, _page(site, call, types, "issueTypes"))


def fields(site: Site, call: Call) -> Response:
    project = _project(site, call)
    kind = _type(project, call.params["type"], 400 if site.cloud else 404)
    may = site.may(call.user, project, "CREATE_ISSUES")
    screen = creatable(site, call, project, kind) if may else ()
    described = [
        {"fieldId": name, **meta}
        for name, meta in metadata(site, call, project.key, screen).items()
    ]
    for name, label, operations, value in (
        ("issuetype", "Issue Type", [], as_json.issue_type(site, call, kind)),
        ("project", "Project", ["set"], as_json.project(site, call, project)),
    ):
        described.append(
            {
                "fieldId": name,
                "required": True,
                "schema": {"type": name, "system": name},
                "name": label,
                "key": name,
                "hasDefaultValue": False,
                "operations": operations,
                "allowedValues": [value],
            }
        )
    return Response(200, _page(site, call, described, "fields"))


def _type(project: Project, type_id: str, status: int) -> IssueType:
    for one in project.types:
        if one.id == type_id:
            return one
    raise Problem(status, "The issue type selected is invalid.")


def _page(site: Site, call: Call, rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """One page of ``rows``, under ``name`` on Cloud and under ``values`` on Data Center."""
    start, size = call.page(50, 200)
    page: dict[str, Any] = {"maxResults": size, "startAt": start, "total": len(rows)}
    if site.cloud:
        return {**page, name: rows[start : start + size]}
    return {**page, "isLast": start + size >= len(rows), "values": rows[start : start + size]}
