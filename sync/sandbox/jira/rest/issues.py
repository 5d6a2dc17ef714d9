"""Issues: create, read, edit, delete, move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.sandbox.jira.fields.changes import default_of, parse_change, part_of, properties_in, write
from sync.sandbox.jira.rest.comments import add_comments, taken_from
from sync.sandbox.jira.rest.issue_json import present
from sync.sandbox.jira.rest.screens import creatable, editable
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import HistoryItem, Issue, IssueType, Project
from sync.sandbox.jira.site.state import Site


def _project_of(site: Site, call: Call, raw: Any) -> Project:
    if not isinstance(raw, dict) or not (raw.get("key") or raw.get("id")):
        raise Problem(400, errors={"project": "Specify a valid project ID or key"})
    name = str(raw.get("key") or raw.get("id"))
    try:
        project = site.project(call, name)
    except Problem:
        words = "valid project is required" if site.cloud else "project is required"
        raise Problem(400, errors={"project": words}) from None
    if not site.may(call.user, project, "CREATE_ISSUES"):
        raise Problem(
            400, errors={"project": "You do not have permission to create issues in this project."}
        )
    if project.archived:
        raise Problem(400, errors={"project": "The project is archived."})
    return project


def _type_of(project: Project, raw: Any) -> IssueType:
    if not isinstance(raw, dict):
        raise Problem(400, errors={"issuetype": "Specify an issue type"})
    for one in project.types:
        if str(raw.get("id", "")) == one.id or ("id" not in raw and raw.get("name") == one.name):
            return one
    raise Problem(400, errors={"issuetype": "Specify a valid issue type"})


def create(site: Site, call: Call) -> Response:
    return Response(201, _create(site, call, call.json()))


def create_bulk(site: Site, call: Call) -> Response:
    wanted = call.json().get("issueUpdates")
    if not isinstance(wanted, list) or len(wanted) > 50:
        raise Problem(400, "issueUpdates must be an array of at most 50 issues")
    made, failed = [], []
    for place, one in enumerate(wanted):
        try:
            made.append(_create(site, call, one))
        except Problem as problem:
            row = {"status": problem.status, "elementErrors": problem.body()}
            failed.append({**row, "failedElementNumber": place})
    return Response(201 if made else 400, {"issues": made, "errors": failed})


def _create(site: Site, call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    given = part_of(body, "fields")
    project = _project_of(site, call, given.pop("project", None))
    kind = _type_of(project, given.pop("issuetype", None))
    screen = creatable(site, call, project, kind)
    update = part_of(body, "update")
    values, errors = parse_change(site, call, project, screen, {"fields": given, "update": update})
    errors |= _wrong_level(site, kind, values)
    for item in screen:
        if item.field not in values and item.default is not None:
            values[item.field] = default_of(site, call.user, item)
        if item.required and values.get(item.field) is None:
            errors.setdefault(item.field, site.fields[item.field].when_missing)
    if project.assigns_lead:
        values.setdefault("assignee", project.lead)
    properties = properties_in(body)
    if errors:
        raise Problem(400, errors=errors)
    project.counter += 1
    issue = Issue(
        id=next(site.ids),
        key=f"{project.key}-{project.counter}",
        project=project.key,
        type=kind.id,
        status=project.workflow.first,
        creator=call.user.account_id if call.user else "",
        created=call.now,
        updated=call.now,
        values={name: value for name, value in values.items() if value is not None},
        properties=properties,
    )
    site.issues[issue.id] = issue
    site.keys[issue.key] = issue.id
    if kind.subtask:
        site.subtasks.setdefault(issue.values["parent"], []).append(issue.id)
    site.index.put(issue, call.now)
    site.happen(call, issue, "issue_created")
    return {"id": str(issue.id), "key": issue.key, "self": f"{call.root}/issue/{issue.id}"}


def _wrong_level(site: Site, kind: IssueType, values: Mapping[str, Any]) -> dict[str, str]:
    """Jira's refusal of a parent that is not of the level above; {} where it is or there is no parent.

    Cloud has levels, and its refusal calls the field ``parentId``, as no screen does. Data Center only
    knows sub-tasks.
    """
    if values.get("parent") is None:
        return {}
    above = site.types[site.issues[values["parent"]].type]
    if site.cloud and above.level != kind.level + 1:
        words = "Given parent work item does not belong to appropriate hierarchy."
        return {"parentId": words}
    if kind.subtask and above.subtask:
        return {"parent": "A sub-task cannot be the parent of a sub-task."}
    return {}


def edit(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    body = call.json()
    project = site.projects[issue.project]
    screen = editable(site, call, issue)
    update = part_of(body, "update")
    comments = taken_from(update)
    body["update"] = update
    values, errors = parse_change(site, call, project, screen, body, issue.values)
    errors |= _wrong_level(site, site.types[issue.type], values)
    for name in set(part_of(body, "fields")) & set(part_of(body, "update")):
        errors.setdefault(name, f"Field '{name}' cannot appear in both 'fields' and 'update'")
    for item in screen:
        if item.required and item.field in values and values[item.field] is None:
            errors.setdefault(item.field, site.fields[item.field].when_missing)
    properties = properties_in(body)
    if errors:
        raise Problem(400, errors=errors)
    comment = add_comments(site, call, issue, comments)
    issue.properties.update(properties)
    write(site, call, issue, values, comment=comment)
    if call.query.get("returnIssue") == "true":
        return Response(200, present(site, call, issue, ["*all"]))
    return Response(204)


def delete(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    if not site.allows(call, issue, "DELETE_ISSUES"):
        raise Problem(403, "You do not have permission to delete issues in this project.")
    children = site.children(issue)
    if children:
        if call.query.get("deleteSubtasks") != "true":
            raise Problem(
                400,
                f"The issue '{issue.key}' has subtasks.  You must specify the 'deleteSubtasks' "
                "parameter to delete this issue and all its subtasks.",
            )
        for child in children:
            remove(site, call, child)
    remove(site, call, issue)
    return Response(204)


def remove(site: Site, call: Call, issue: Issue) -> None:
    """Delete an issue and its links."""
    issue.deleted = True
    site.index.remove(issue)
    for link in issue.links:
        other = site.issues[link.target if link.source == issue.id else link.source]
        other.links = [one for one in other.links if one.id != link.id]
    site.happen(call, issue, "issue_deleted")


def move(site: Site, call: Call, issue: Issue, project: Project) -> None:
    """Move an issue to another project, where it gets a new key.

    A status or a type that the project does not have becomes the project's first.
    """
    before, left = issue.key, site.projects[issue.project]
    status = site.statuses[issue.status]
    project.counter += 1
    issue.key, issue.project = f"{project.key}-{project.counter}", project.key
    site.keys[issue.key] = issue.id
    if issue.type not in {one.id for one in project.types}:
        issue.type = project.types[0].id
    if issue.status not in project.workflow.statuses:
        issue.status = project.workflow.first
        issue.values.pop("resolution", None)
        issue.resolved = None
    for name in ("components", "fixVersions", "versions"):
        issue.values.pop(name, None)
    items = [
        HistoryItem("project", "project", left.id, left.name, project.id, project.name),
        HistoryItem("Key", "issuekey", None, before, None, issue.key),
    ]
    now = site.statuses[issue.status]
    if now.id != status.id:
        items.append(HistoryItem("status", "status", status.id, status.name, now.id, now.name))
    site.touch(call, issue, items)


def get(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    return Response(200, present(site, call, issue, call.names("fields") or ["*all"]))
