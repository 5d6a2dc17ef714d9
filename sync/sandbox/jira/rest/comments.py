"""Comments and their entity properties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sync.sandbox.jira.fields.changes import properties_in
from sync.sandbox.jira.fields.plain import rich_text
from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import PUBLIC_PROPERTY, Comment, Issue, RichText
from sync.sandbox.jira.site.state import Invalid, Site


def _body(site: Site, call: Call, raw: Any) -> RichText:
    try:
        body = rich_text(site, call, raw)
    except Invalid as why:
        raise Problem(400, errors={"comment": str(why)}) from None
    if body is None:
        raise Problem(400, errors={"comment": "Comment body can not be empty!"})
    return body


def _visibility(given: Mapping[str, Any]) -> dict[str, str] | None:
    """To which role or group a body restricts a comment, None for no restriction.

    Raises Problem(400).
    """
    asked = given.get("visibility")
    if asked is None or asked == {}:
        return None
    kind, name = (asked.get("type"), asked.get("value")) if isinstance(asked, dict) else ("", "")
    if kind not in ("role", "group") or not isinstance(name, str) or not name:
        raise Problem(400, errors={"commentLevel": "A comment is restricted to a role or a group."})
    return {"type": kind, "value": name}


def add_comment(site: Site, call: Call, issue: Issue, given: Mapping[str, Any]) -> Comment:
    """Add a comment. Raises Problem(400). Jira answers 400 even where the caller lacks the
    permission."""
    user = call.user
    if user is None or not site.allows(call, issue, "ADD_COMMENTS"):
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
        properties=properties_in(given),
        visibility=_visibility(given),
    )
    if site.projects[issue.project].service and PUBLIC_PROPERTY not in comment.properties:
        # A service project marks each comment. A comment without a mark from the caller is public.
        comment.properties[PUBLIC_PROPERTY] = {"internal": False}
    issue.comments.append(comment)
    site.touch(call, issue)
    return comment


def taken_from(update: dict[str, Any]) -> list[Any]:
    """The operations on comments in ``update``, taken out of it. Raises Problem(400)."""
    operations = update.pop("comment", None) or []
    if not isinstance(operations, list):
        raise Problem(400, errors={"comment": "Operations must be an array"})
    return operations


def add_comments(site: Site, call: Call, issue: Issue, operations: Iterable[Any]) -> Comment | None:
    """Add the comments that go along with an edit or a transition. Raises Problem(400).

    Cloud announces each of them by an event of its own. Data Center announces them in the event of the
    change, so the last of them is returned; None on Cloud and where there is none.
    """
    comment = None
    for operation in operations:
        if isinstance(operation, dict) and isinstance(operation.get("add"), dict):
            comment = add_comment(site, call, issue, operation["add"])
            if site.cloud:
                site.happen(call, issue, "comment_created", comment=comment)
    return None if site.cloud else comment


def create(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    comment = add_comment(site, call, issue, call.json())
    site.happen(call, issue, "comment_created", comment=comment)
    return Response(201, _shown(site, call, issue, comment))


def listing(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    start, size = call.page(5000 if site.cloud else 1_000_000, 5000)
    rows = [one for one in issue.comments if site.shows(call, one)]
    if call.query.get("orderBy", "").startswith("-"):
        rows.reverse()
    shown = [_shown(site, call, issue, one) for one in rows[start : start + size]]
    return Response(
        200, {"startAt": start, "maxResults": size, "total": len(rows), "comments": shown}
    )


def get(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    return Response(200, _shown(site, call, issue, _one(site, call, issue)))


def edit(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    comment = _one(site, call, issue)
    _check_may(site, call, issue, comment, "EDIT")
    given = call.json()
    comment.body = _body(site, call, given.get("body"))
    comment.properties.update(properties_in(given))
    comment.updated = call.now
    comment.update_author = call.user.account_id if call.user else ""
    if "visibility" in given:
        comment.visibility = _visibility(given)
    site.touch(call, issue)
    site.happen(call, issue, "comment_updated", comment=comment)
    return Response(200, _shown(site, call, issue, comment))


def delete(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    comment = _one(site, call, issue)
    _check_may(site, call, issue, comment, "DELETE")
    issue.comments.remove(comment)
    site.touch(call, issue)
    site.happen(call, issue, "comment_deleted", comment=comment)
    return Response(204)


def _shown(site: Site, call: Call, issue: Issue, comment: Comment) -> dict[str, Any]:
    properties = "properties" in call.names("expand")
    return as_json.comment(site, call, issue, comment, properties=properties)


def _one(site: Site, call: Call, issue: Issue) -> Comment:
    for comment in issue.comments:
        if comment.id == call.params["comment"] and site.shows(call, comment):
            return comment
    raise Problem(404, f"Can not find a comment for the id: {call.params['comment']}.")


def _check_may(site: Site, call: Call, issue: Issue, comment: Comment, verb: str) -> None:
    own = call.user is not None and comment.author == call.user.account_id
    permission = f"{verb}_OWN_COMMENTS" if own else f"{verb}_ALL_COMMENTS"
    if not site.allows(call, issue, permission):
        raise Problem(
            400, f"You do not have permission to {verb.lower()} comment with id: {comment.id}."
        )
