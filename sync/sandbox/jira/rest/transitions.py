"""Transitions: list the available ones, and take one."""

from __future__ import annotations

from typing import Any

from sync.sandbox.jira.fields.changes import default_of, parse_change, part_of, write
from sync.sandbox.jira.rest.comments import add_comments, taken_from
from sync.sandbox.jira.rest.screens import transition_fields
from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import COMMENT, HistoryItem, Issue, Transition
from sync.sandbox.jira.site.state import Site


def available(site: Site, call: Call, issue: Issue) -> list[Transition]:
    """The transitions that the caller can take now. Empty without the permission, as in Jira."""
    if not site.allows(call, issue, "TRANSITION_ISSUES"):
        return []
    transitions = site.projects[issue.project].workflow.transitions
    return [one for one in transitions if one.sources is None or issue.status in one.sources]


def offered(site: Site, call: Call, issue: Issue, *, with_fields: bool) -> list[dict[str, Any]]:
    """The available transitions as REST shows them."""
    return [
        {
            "id": one.id,
            "name": one.name,
            "to": as_json.status(call, site.statuses[one.to], untranslated=site.cloud),
            "hasScreen": bool(one.screen),
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
            **({"fields": transition_fields(site, call, issue, one.screen)} if with_fields else {}),
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
    _take(site, call, issue, found, body)
    return Response(204)


def _take(site: Site, call: Call, issue: Issue, chosen: Transition, body: dict[str, Any]) -> None:
    """Check the fields and the validators, then take the transition. Raises Problem(400)."""
    update = part_of(body, "update")
    comments = taken_from(update)
    if not chosen.screen:
        # Jira takes the transition, answers 204, and silently drops the comment.
        comments = []
    values = _screen_values(site, call, issue, chosen, {**body, "update": update})
    merged = {**issue.values, **values, "comment": comments or None}
    for validator in chosen.validators:
        if merged.get(validator.field) is None:
            raise Problem(400, validator.message)
    comment = add_comments(site, call, issue, comments)
    if chosen.resolve is not None and "resolution" not in values:
        values["resolution"] = site.resolution(chosen.resolve) if chosen.resolve else None
    before, after = site.statuses[issue.status], site.statuses[chosen.to]
    issue.status = chosen.to
    moved = HistoryItem("status", "status", before.id, before.name, after.id, after.name)
    write(site, call, issue, values, [moved] if before.id != after.id else [], comment)


def _screen_values(
    site: Site, call: Call, issue: Issue, chosen: Transition, body: dict[str, Any]
) -> dict[str, Any]:
    """The fields that change on the transition's screen. Raises Problem(400)."""
    project = site.projects[issue.project]
    # A comment has been taken out of the body.
    screen = [item for item in chosen.screen if item.field != COMMENT]
    values, errors = parse_change(site, call, project, screen, body, issue.values)
    for item in screen:
        if item.field not in {**values, **issue.values} and item.default is not None:
            values[item.field] = default_of(site, call.user, item)
        if item.required and values.get(item.field, issue.values.get(item.field)) is None:
            errors.setdefault(item.field, f"{site.fields[item.field].name} is required.")
    if errors:
        raise Problem(400, errors=errors)
    return values
