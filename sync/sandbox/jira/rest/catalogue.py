"""What a site offers: projects, fields, statuses, priorities, permissions, server information."""

from __future__ import annotations

from typing import Any

from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import Project, User, stamp
from sync.sandbox.jira.site.state import NO_ISSUE, Site

PERMISSIONS = (
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "TRANSITION_ISSUES",
    "ADD_COMMENTS",
    "LINK_ISSUES",
    "ASSIGN_ISSUES",
    "ASSIGNABLE_USER",
    "DELETE_ISSUES",
    "EDIT_OWN_COMMENTS",
    "EDIT_ALL_COMMENTS",
    "DELETE_OWN_COMMENTS",
    "DELETE_ALL_COMMENTS",
    "RESOLVE_ISSUES",
    "SCHEDULE_ISSUES",
    "SET_ISSUE_SECURITY",
    "CLOSE_ISSUES",
    "MODIFY_REPORTER",
    "ADMINISTER_PROJECTS",
    "ADMINISTER",
    "USER_PICKER",
)


def server_info(site: Site, call: Call) -> Response:
    common: dict[str, Any] = {
        "baseUrl": call.base,
        "buildDate": "2026-06-01T00:00:00.000+0000",
        "serverTime": stamp(call.now),
        "serverTitle": "Jira",
        "scmInfo": "0000000000000000000000000000000000000000",
    }
    if site.cloud:
        dialect = {
            "displayUrl": call.base,
            "version": "1001.0.0-SNAPSHOT",
            "versionNumbers": [1001, 0, 0],
            "deploymentType": "Cloud",
            "buildNumber": 100285,
            "serverTimeZone": "Etc/UTC",
        }
    else:
        dialect = {
            "version": site.version,
            "versionNumbers": [int(part) for part in site.version.split(".")],
            "deploymentType": "Server",
            "buildNumber": 10030005,
        }
    return Response(200, {**common, **dialect})


def project(site: Site, call: Call) -> Response:
    one = site.project(call, call.params["project"])
    shown: dict[str, Any] = {
        "expand": "description,lead,issueTypes,url,projectKeys,permissions,insight",
        **as_json.project(site, call, one),
        "description": "",
        "lead": as_json.user(site, call, one.lead),
        "components": [as_json.named(call, "component", c) for c in one.components],
        "issueTypes": [as_json.issue_type(site, call, t) for t in one.types],
        "assigneeType": "PROJECT_LEAD" if one.assigns_lead else "UNASSIGNED",
        "versions": [as_json.named(call, "version", v) for v in one.versions],
        "archived": one.archived,
        "roles": {},
    }
    if site.cloud:
        style = "next-gen" if one.simplified else "classic"
        shown |= {"style": style, "isPrivate": False, "properties": {}}
    return Response(200, shown)


def projects(site: Site, call: Call) -> Response:
    return Response(200, [as_json.project(site, call, p) for p in site.visible_projects(call)])


def project_search(site: Site, call: Call) -> Response:
    text = call.query.get("query", "").lower()
    keys = call.names("keys")
    found = [
        as_json.project(site, call, one)
        for one in site.visible_projects(call)
        if text in one.name.lower() or text in one.key.lower()
        if not keys or one.key in keys
    ]
    return Response(200, values_page(call, found, 50))


def values_page(call: Call, rows: list[dict[str, Any]], default: int) -> dict[str, Any]:
    """One page of ``rows``; ``default`` is the page's size where the call gives none."""
    start, size = call.page(default, 100)
    return {
        "self": f"{call.base}{call.path}?startAt={start}&maxResults={size}",
        "maxResults": size,
        "startAt": start,
        "total": len(rows),
        "isLast": start + size >= len(rows),
        "values": rows[start : start + size],
    }


def project_statuses(site: Site, call: Call) -> Response:
    one = site.project(call, call.params["project"])
    statuses = [
        as_json.status(call, site.statuses[s], untranslated=site.cloud)
        for s in one.workflow.statuses
    ]
    return Response(
        200,
        [
            {
                "self": f"{call.root}/issuetype/{kind.id}",
                "id": kind.id,
                "name": kind.name,
                "subtask": kind.subtask,
                "statuses": statuses,
            }
            for kind in one.types
        ],
    )


def project_components(site: Site, call: Call) -> Response:
    one = site.project(call, call.params["project"])
    return Response(200, [as_json.named(call, "component", c) for c in one.components])


def project_versions(site: Site, call: Call) -> Response:
    one = site.project(call, call.params["project"])
    return Response(200, [as_json.named(call, "version", v) for v in one.versions])


def issue_types(site: Site, call: Call) -> Response:
    return Response(200, [as_json.issue_type(site, call, t) for t in site.types.values()])


def fields(site: Site, call: Call) -> Response:
    rows = [_row(site, call, one.id, one.name, one.schema()) for one in site.fields.values()]
    for name, label, kind in (
        ("issuetype", "Issue Type", "issuetype"),
        ("project", "Project", "project"),
        ("status", "Status", "status"),
        ("created", "Created", "datetime"),
        ("updated", "Updated", "datetime"),
    ):
        rows.append(_row(site, call, name, label, {"type": kind, "system": name}))
    return Response(200, rows)


def _row(site: Site, call: Call, name: str, label: str, schema: dict[str, Any]) -> dict[str, Any]:
    custom = "custom" in schema
    clauses = [f"cf[{name.removeprefix('customfield_')}]", label] if custom else [name]
    return {
        "id": name,
        **({"key": name} if site.cloud else {}),
        **call.named(label, untranslated=site.cloud and custom),
        "custom": custom,
        "orderable": True,
        "navigable": True,
        "searchable": True,
        "clauseNames": clauses,
        "schema": schema,
    }


def field_search(site: Site, call: Call) -> Response:
    text, kinds, ids = call.query.get("query", "").lower(), call.names("type"), call.names("id")
    rows = [
        {"id": one.id, "name": one.name, "schema": one.schema(), "key": one.id}
        for one in site.fields.values()
        if text in one.name.lower()
        if not ids or one.id in ids
        if not kinds or ("custom" if one.custom else "system") in kinds
    ]
    return Response(200, values_page(call, rows, 50))


def statuses(site: Site, call: Call) -> Response:
    return Response(
        200, [as_json.status(call, one, untranslated=site.cloud) for one in site.statuses.values()]
    )


def status_categories(site: Site, call: Call) -> Response:
    return Response(200, [as_json.category(call, one) for one in site.categories])


def resolutions(site: Site, call: Call) -> Response:
    return Response(200, [as_json.named(call, "resolution", one) for one in site.resolutions])


def priorities(site: Site, call: Call) -> Response:
    return Response(200, [as_json.named(call, "priority", one) for one in site.priorities])


def priority_search(site: Site, call: Call) -> Response:
    rows = [
        {**as_json.named(call, "priority", one), "isDefault": one.name == "Medium"}
        for one in site.priorities
    ]
    return Response(200, values_page(call, rows, 50))


def my_permissions(site: Site, call: Call) -> Response:
    asked = call.names("permissions") or ([] if site.cloud else list(PERMISSIONS))
    if not asked:
        raise Problem(400, "The 'permissions' query parameter is required.")
    unknown = [name for name in asked if name not in PERMISSIONS]
    if unknown:
        raise Problem(400, f"Unrecognized permission keys: {', '.join(unknown)}")
    within = _permission_scope(site, call)
    hidden = _withheld(site, call.user)
    return Response(
        200,
        {
            "permissions": {
                name: {
                    "id": str(PERMISSIONS.index(name)),
                    "key": name,
                    "name": name.replace("_", " ").capitalize(),
                    "type": "GLOBAL" if name in ("ADMINISTER", "USER_PICKER") else "PROJECT",
                    "description": "",
                    "havePermission": name not in hidden
                    and any(site.may(call.user, one, name) for one in within),
                }
                for name in asked
            }
        },
    )


def _withheld(site: Site, user: User | None) -> set[str]:
    """The permissions that a user has in no project."""
    ours = set() if site.administrates(user) else {"ADMINISTER", "ADMINISTER_PROJECTS"}
    return {*ours, "USER_PICKER"} if site.hides_users(user) else ours


def _permission_scope(site: Site, call: Call) -> list[Project]:
    """The project that the query names, all projects where the query names none."""
    target = call.query.get("projectKey") or call.query.get("projectId")
    if call.query.get("issueKey"):
        issue = site.find(call.query["issueKey"])
        if issue is None:
            raise Problem(404, NO_ISSUE)
        target = issue.project
    return [site.project(call, target)] if target else list(site.projects.values())
