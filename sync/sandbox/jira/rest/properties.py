"""Entity properties of issues and of comments."""

from __future__ import annotations

from typing import Any

from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.state import Site

MOST_BYTES = 32_768


def _properties(site: Site, call: Call) -> tuple[dict[str, Any], str]:
    """The properties that the call's path names, and the start of their addresses."""
    if "comment" in call.params and "issue" not in call.params:
        for issue in site.issues.values():
            for comment in issue.comments:
                if comment.id == call.params["comment"] and not issue.deleted:
                    return comment.properties, f"{call.root}/comment/{comment.id}/properties"
        raise Problem(404, f"Can not find a comment for the id: {call.params['comment']}.")
    issue = site.issue(call)
    if call.method != "GET" and not site.allows(call, issue, "EDIT_ISSUES"):
        raise Problem(403, "You do not have permission to edit this issue.")
    return issue.properties, f"{call.root}/issue/{issue.id}/properties"


def keys(site: Site, call: Call) -> Response:
    properties, root = _properties(site, call)
    return Response(200, {"keys": [{"self": f"{root}/{key}", "key": key} for key in properties]})


def get(site: Site, call: Call) -> Response:
    properties, _ = _properties(site, call)
    key = call.params["property"]
    if key not in properties:
        raise Problem(404, f"The property with key {key} does not exist.")
    return Response(200, {"key": key, "value": properties[key]})


def put(site: Site, call: Call) -> Response:
    properties, _ = _properties(site, call)
    key = call.params["property"]
    if not call.body:
        raise Problem(400, "The property value cannot be empty.")
    if len(call.body) > MOST_BYTES or len(key) > 255:
        raise Problem(400, f"The property value cannot be longer than {MOST_BYTES} bytes.")
    status = 200 if key in properties else 201
    properties[key] = call.any_json()
    return Response(status, {})


def delete(site: Site, call: Call) -> Response:
    properties, _ = _properties(site, call)
    if properties.pop(call.params["property"], None) is None:
        raise Problem(404, f"The property with key {call.params['property']} does not exist.")
    return Response(204)
