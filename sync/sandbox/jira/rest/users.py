"""Users, and an issue's assignee."""

from __future__ import annotations

from typing import Any

from sync.sandbox.jira.fields.changes import parse_change, write
from sync.sandbox.jira.rest.screens import editable
from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import User
from sync.sandbox.jira.site.state import Site


def myself(site: Site, call: Call) -> Response:
    if call.user is None:
        raise Problem(
            401, "You are not authenticated. Authentication required to perform this operation."
        )
    shown = as_json.user(site, call, call.user.account_id) or {}
    lists = {name: {"size": 1, "items": []} for name in ("groups", "applicationRoles")}
    return Response(
        200, {**shown, "locale": call.user.language, **lists, "expand": "groups,applicationRoles"}
    )


def _matching(site: Site, call: Call, *, inactive: bool = False) -> list[User]:
    """Users whose name or address begins with the text asked for; deactivated ones only if
    ``inactive``.

    Cloud searches hidden addresses, too, and reads ``query``; Data Center prefers ``username``.
    """
    if "accountId" in call.query:
        return [user for user in site.users.values() if user.account_id == call.query["accountId"]]
    text = call.query.get("query")
    if not site.cloud:
        text = call.query.get("username", text)
    if text is None:
        raise Problem(400, "Either the 'query' or 'accountId' query parameter must be provided.")
    text = text.lower()
    people = [u for u in _people(site) if u.active or inactive]
    return [user for user in people if text == "." or _starts(site, user, text)]


def _people(site: Site) -> list[User]:
    """Everybody who is no app."""
    return [user for user in site.users.values() if not user.app]


def _starts(site: Site, user: User, text: str) -> bool:
    names = [user.email, user.display_name, *user.display_name.split()]
    if not site.cloud:
        names.append(user.name)
    return any(name.lower().startswith(text) for name in names)


def _page(site: Site, call: Call, users: list[User]) -> Response:
    start, size = call.page(50, 1000)
    return Response(
        200, [as_json.user(site, call, user.account_id) for user in users[start : start + size]]
    )


def search(site: Site, call: Call) -> Response:
    if call.user is None:
        raise Problem(401, "Authentication is required.")
    if site.hides_users(call.user):
        # Without the permission, Cloud refuses; Data Center answers with an empty list.
        if site.cloud:
            raise Problem(403, "You do not have permission to browse users.")
        return _page(site, call, [])
    inactive = not site.cloud and call.query.get("includeInactive") == "true"
    return _page(site, call, _matching(site, call, inactive=inactive))


def assignable(site: Site, call: Call) -> Response:
    name = call.query.get("project", "")
    if "issueKey" in call.query:
        issue = site.find(call.query["issueKey"])
        name = issue.project if issue else ""
    if not name:
        raise Problem(400, "Either the 'project' or the 'issueKey' parameter must be provided.")
    project = site.project(call, name)
    narrowed = {"query", "username", "accountId"} & set(call.query)
    found = _matching(site, call) if narrowed else _people(site)
    return _page(site, call, [user for user in found if site.may(user, project, "ASSIGNABLE_USER")])


def get(site: Site, call: Call) -> Response:
    name = call.query.get("accountId") if site.cloud else call.query.get("username")
    user = site.user(name or "")
    if not site.cloud and call.query.get("key"):
        user = next((u for u in site.users.values() if u.user_key == call.query["key"]), None)
    if user is None or site.hides_users(call.user):
        raise Problem(404, "Specified user does not exist or you do not have required permissions")
    return Response(200, as_json.user(site, call, user.account_id))


def assign(site: Site, call: Call) -> Response:
    issue = site.issue(call)
    project = site.projects[issue.project]
    given: dict[str, Any] | None = call.json()
    if given is not None and given.get("accountId" if site.cloud else "name", "") is None:
        given = None
    screen = editable(site, call, issue)
    values, errors = parse_change(site, call, project, screen, {"fields": {"assignee": given}})
    if errors:
        raise Problem(400, errors=errors)
    write(site, call, issue, values)
    return Response(204)
