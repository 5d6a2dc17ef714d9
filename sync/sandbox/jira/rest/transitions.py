"""Transitions: which are offered, and taking one."""

from __future__ import annotations

from typing import Any

from sync.sandbox.jira.fields.changes import (
    apply_operations,
    default_of,
    parse_fields,
    part_of,
    write,
)
from sync.sandbox.jira.rest.comments import add_comment
from sync.sandbox.jira.rest.screens import metadata
from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import HistoryItem, Issue, ScreenItem, Transition
from sync.sandbox.jira.site.state import Site


def available(site: Site, call: Call, issue: Issue) -> list[Transition]:
    """What the caller can do from here. Empty without the permission, as on a real site."""
    project = site.projects[issue.project]
    if not site.may(call.user, project, "TRANSITION_ISSUES"):
        return []
    return [
        one
        for one in project.workflow.transitions
        if one.sources is None or issue.status in one.sources
    ]


def offered(site: Site, call: Call, issue: Issue, *, with_fields: bool) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "name": one.name,
            "to": as_json.status(call, site.statuses[one.to]),
            "hasScreen": one.has_screen,
            **(
                {
                    "isGlobal": one.sources is None,
                    "isInitial": False,
                    "isAvailable": True,
                    "isConditional": False,
                    "looped": False,
                }
                if site.cloud
                else {}
            ),
            **({"fields": metadata(site, call, issue.project, one.screen)} if with_fields else {}),
        }
        for one in available(site, call, issue)
    ]


def list_transitions(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    with_fields = "transitions.fields" in call.names("expand")
    rows = offered(site, call, issue, with_fields=with_fields)
    wanted = call.query.get("transitionId")
    if wanted:
        rows = [row for row in rows if row["id"] == wanted]
    return Response(200, {"expand": "transitions", "transitions": rows})


def transition(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    body = call.json()
    chosen = body.get("transition")
    if not isinstance(chosen, dict) or not chosen.get("id"):
        raise Problem(400, "Missing 'transition' identifier")
    wanted = str(chosen["id"])
    if not wanted.isdigit():
        raise Problem(400, f"Transition id '{wanted}' is not an integer.")
    found = next((one for one in available(site, call, issue) if one.id == wanted), None)
    if found is None:
        raise Problem(400, f"Transition id '{wanted}' is not valid for this issue.")
    take(site, call, issue, found, body)
    return Response(204)


def take(site: Site, call: Call, issue: Issue, chosen: Transition, body: dict[str, Any]) -> None:
    """Check the screen and the validators, then move. Raises Problem(400)."""
    project = site.projects[issue.project]
    update = part_of(body, "update")
    comments = update.pop("comment", None) or []
    if not isinstance(comments, list):
        raise Problem(400, errors={"comment": "Operations must be an array"})
    fields = part_of(body, "fields")
    values, errors = parse_fields(site, call, project, chosen.screen, fields)
    more, more_errors = apply_operations(site, call, project, chosen.screen, update, issue.values)
    values |= more
    errors |= more_errors
    _fill(site, call, issue, chosen.screen, values, errors)
    if errors:
        raise Problem(400, errors=errors)
    merged = {**issue.values, **values}
    for validator in chosen.validators:
        has = (
            bool(comments)
            if validator.field == "comment"
            else merged.get(validator.field) is not None
        )
        if not has:
            raise Problem(400, validator.message)
    for operation in comments:
        if isinstance(operation, dict) and isinstance(operation.get("add"), dict):
            add_comment(site, call, issue, operation["add"])
    arrive(site, call, issue, chosen, values)


def _fill(
    site: Site,
    call: Call,
    issue: Issue,
    screen: tuple[ScreenItem, ...],
    values: dict[str, Any],
    errors: dict[str, str],
) -> None:
    for item in screen:
        if item.field not in values and item.default is not None and item.field not in issue.values:
            values[item.field] = default_of(site, call.user, item)
        missing = values.get(item.field, issue.values.get(item.field)) is None
        if item.required and missing and item.field not in errors:
            errors[item.field] = f"{site.fields[item.field].name} is required."


def arrive(
    site: Site, call: Call, issue: Issue, chosen: Transition, values: dict[str, Any]
) -> None:
    """Move the issue and do what the workflow does on the way."""
    if chosen.resolve is not None and "resolution" not in values:
        values["resolution"] = site.resolution(chosen.resolve) if chosen.resolve else None
    before, after = site.statuses[issue.status], site.statuses[chosen.to]
    issue.status = chosen.to
    write(site, call, issue, values)
    if issue.values.get("resolution") is None:
        issue.resolved = None
    elif issue.resolved is None:
        issue.resolved = call.now
    if before.id != after.id:
        moved = HistoryItem("status", "status", before.id, before.name, after.id, after.name)
        site.touch(call, issue, [moved])
