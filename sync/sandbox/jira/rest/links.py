"""Remote links (created or replaced by global id), links between issues, and link types."""

from __future__ import annotations

from typing import Any

from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import HistoryItem, Issue, IssueLink, LinkType, RemoteLink
from sync.sandbox.jira.site.state import NO_ISSUE, Site


def _object_of(body: dict[str, Any]) -> dict[str, Any]:
    """The linked object that a body describes. Raises Problem(400)."""
    thing = body.get("object")
    errors = {}
    if not isinstance(thing, dict):
        raise Problem(400, errors={"object": "The object is required."})
    if not thing.get("title"):
        errors["title"] = "The title is required."
    if not thing.get("url"):
        errors["url"] = "The url is required."
    elif len(str(thing["url"])) > 2000:
        errors["url"] = "The url is too long."
    if len(str(thing.get("title", ""))) > 255:
        errors["title"] = "The title must be at most 255 characters."
    if len(str(body.get("globalId") or "")) > 255:
        errors["globalId"] = "The globalId must be at most 255 characters."
    if errors:
        raise Problem(400, errors=errors)
    return {key: value for key, value in thing.items() if value is not None}


def _may_link(site: Site, call: Call, issue: Issue) -> None:
    if not site.allows(call, issue, "LINK_ISSUES"):
        raise Problem(403, f"No Link Issue Permission for issue '{issue.key}'")


def put_remote(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    _may_link(site, call, issue)
    body = call.json()
    thing = _object_of(body)
    global_id = str(body.get("globalId") or "")
    link = next(
        (one for one in issue.remote_links if global_id and one.global_id == global_id), None
    )
    status = 200 if link else 201
    if link is None:
        link = RemoteLink(next(site.ids), global_id, thing)
        issue.remote_links.append(link)
    link.object = thing
    link.relationship = str(body.get("relationship") or "")
    link.application = dict(body.get("application") or {})
    site.touch(call, issue)
    return Response(
        status, {"id": link.id, "self": f"{call.root}/issue/{issue.key}/remotelink/{link.id}"}
    )


def remotes(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    wanted = call.query.get("globalId")
    if wanted is None:
        return Response(200, [as_json.remote_link(call, issue, one) for one in issue.remote_links])
    for one in issue.remote_links:
        if one.global_id == wanted:
            return Response(200, as_json.remote_link(call, issue, one))
    raise Problem(
        404, errors={"globalId": f"No remote issue link found with the given global id: {wanted}"}
    )


def remote(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    return Response(200, as_json.remote_link(call, issue, _remote(call, issue)))


def delete_remote(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    _may_link(site, call, issue)
    if "link" in call.params:
        gone = [_remote(call, issue)]
    else:
        gone = [one for one in issue.remote_links if one.global_id == call.query.get("globalId")]
        if not gone:
            raise Problem(404, errors={"globalId": "No remote issue link found."})
    issue.remote_links = [one for one in issue.remote_links if one not in gone]
    site.touch(call, issue)
    return Response(204)


def _remote(call: Call, issue: Issue) -> RemoteLink:
    for one in issue.remote_links:
        if str(one.id) == call.params["link"]:
            return one
    raise Problem(404, f"No remote issue link found with id {call.params['link']}")


def _type(site: Site, raw: Any) -> LinkType:
    given = raw if isinstance(raw, dict) else {}
    for one in site.link_types:
        if str(given.get("id", "")) == one.id or one.name == given.get("name"):
            return one
    raise Problem(404, f"No issue link type with name '{given.get('name')}' found.")


def _linked(site: Site, call: Call, raw: Any) -> Issue:
    given = raw if isinstance(raw, dict) else {}
    issue = site.visible(call, str(given.get("key") or given.get("id") or ""))
    if issue is None:
        raise Problem(404, NO_ISSUE)
    return issue


def link(site: Site, call: Call) -> Response:
    """Link two issues. As in Jira, "A blocks B" has A as ``inwardIssue`` and B as ``outwardIssue``."""
    body = call.json()
    kind = _type(site, body.get("type"))
    source = _linked(site, call, body.get("inwardIssue"))
    target = _linked(site, call, body.get("outwardIssue"))
    for issue in (source, target):
        if not site.allows(call, issue, "LINK_ISSUES"):
            raise Problem(401, f"No Link Issue Permission for issue '{issue.key}'")
    if source.id == target.id:
        raise Problem(400, "You cannot link an issue to itself.")
    site.count_write(call, source)
    for one in source.links:
        if one.type == kind and (one.source, one.target) == (source.id, target.id):
            return Response(201)  # Jira answers a link that exists like a new link.
    made = IssueLink(str(next(site.ids)), kind, source.id, target.id)
    for issue, other, words in ((source, target, kind.outward), (target, source, kind.inward)):
        issue.links.append(made)
        text = f"This issue {words} {other.key}"
        site.touch(call, issue, [HistoryItem("Link", "issuelinks", None, None, other.key, text)])
    return Response(201)


def _link(site: Site, call: Call) -> IssueLink:
    for issue in site.issues.values():
        for one in issue.links:
            if one.id == call.params["link"]:
                return one
    raise Problem(404, f"No issue link with id '{call.params['link']}' exists.")


def get_link(site: Site, call: Call) -> Response:
    one = _link(site, call)
    return Response(
        200,
        {
            "id": one.id,
            "self": f"{call.root}/issueLink/{one.id}",
            "type": as_json.link_type(call, one.type),
            "inwardIssue": as_json.brief(site, call, site.issues[one.source]),
            "outwardIssue": as_json.brief(site, call, site.issues[one.target]),
        },
    )


def unlink(site: Site, call: Call) -> Response:
    one = _link(site, call)
    for number in (one.source, one.target):
        issue = site.issues[number]
        issue.links = [kept for kept in issue.links if kept.id != one.id]
        site.touch(call, issue)
    return Response(200 if site.cloud else 204)


def types(site: Site, call: Call) -> Response:
    return Response(
        200, {"issueLinkTypes": [as_json.link_type(call, one) for one in site.link_types]}
    )
