"""Comments, with their properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.sandbox.jira.fields.plain import Invalid, rich
from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import Comment, Issue, RichText
from sync.sandbox.jira.site.state import Site


def _body(site: Site, call: Call, raw: Any) -> RichText:
    try:
        body = rich(site, call, raw)
    except Invalid as why:
        raise Problem(400, errors={"comment": str(why)}) from None
    if body is None:
        raise Problem(400, errors={"comment": "Comment body can not be empty!"})
    return body


def _properties(given: Mapping[str, Any]) -> dict[str, Any]:
    rows = given.get("properties") or []
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and row.get("key") for row in rows
    ):
        raise Problem(400, "Each property needs a key and a value.")
    return {str(row["key"]): row.get("value") for row in rows}


def add_comment(site: Site, call: Call, issue: Issue, given: Mapping[str, Any]) -> Comment:
    """Raises Problem(400) without the permission, as Jira does."""
    user = call.user
    if user is None or not site.may(user, site.projects[issue.project], "ADD_COMMENTS"):
        who = user.display_name if user else "Anonymous"
        raise Problem(
            400,
            errors={"comment": f"{who}, you do not have the permission to comment on this issue."},
        )
    body = _body(site, call, given.get("body"))
    comment = Comment(
        id=str(next(site.ids)),
        author=user.account_id,
        body=body,
        created=call.now,
        updated=call.now,
        update_author=user.account_id,
        properties=_properties(given),
        visibility=given.get("visibility"),
    )
    issue.comments.append(comment)
    site.touch(call, issue)
    return comment


def create(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    comment = add_comment(site, call, issue, call.json())
    return Response(201, as_json.comment(site, call, issue, comment, properties=_asked(call)))


def listing(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    start, size = call.page(5000 if site.cloud else 1_000_000, 5000)
    rows = list(issue.comments)
    if call.query.get("orderBy", "").startswith("-"):
        rows.reverse()
    shown = [
        as_json.comment(site, call, issue, one, properties=_asked(call))
        for one in rows[start : start + size]
    ]
    return Response(
        200, {"startAt": start, "maxResults": size, "total": len(rows), "comments": shown}
    )


def get(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    return Response(
        200, as_json.comment(site, call, issue, _one(site, call, issue), properties=_asked(call))
    )


def edit(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    comment = _one(site, call, issue)
    _check(site, call, issue, comment, "EDIT")
    given = call.json()
    comment.body = _body(site, call, given.get("body"))
    comment.properties.update(_properties(given))
    comment.updated = call.now
    comment.update_author = call.user.account_id if call.user else ""
    site.touch(call, issue)
    return Response(200, as_json.comment(site, call, issue, comment, properties=_asked(call)))


def delete(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    comment = _one(site, call, issue)
    _check(site, call, issue, comment, "DELETE")
    issue.comments.remove(comment)
    site.touch(call, issue)
    return Response(204)


def _asked(call: Call) -> bool:
    return "properties" in call.names("expand")


def _one(site: Site, call: Call, issue: Issue) -> Comment:
    for comment in issue.comments:
        if comment.id == call.params["comment"]:
            return comment
    raise Problem(404, f"Can not find a comment for the id: {call.params['comment']}.")


def _check(site: Site, call: Call, issue: Issue, comment: Comment, verb: str) -> None:
    own = call.user is not None and comment.author == call.user.account_id
    permission = f"{verb}_OWN_COMMENTS" if own else f"{verb}_ALL_COMMENTS"
    if not site.may(call.user, site.projects[issue.project], permission):
        raise Problem(
            400, f"You do not have permission to {verb.lower()} comment with id: {comment.id}."
        )
