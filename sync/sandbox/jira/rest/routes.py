"""The routes of the REST API: which handler answers which method and path."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sync.sandbox.jira.rest import (
    agile,
    catalogue,
    changelog,
    comments,
    desks,
    issues,
    links,
    properties,
    screens,
    search,
    transitions,
    users,
    webhooks,
)
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.state import Site

Handler = Callable[[Site, Call], Response]


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "issue", issues.create),
    ("POST", "issue/bulk", issues.create_bulk),
    ("POST", "issue/bulkfetch", search.bulk_fetch),
    ("GET", "issue/{issue}", issues.get),
    ("PUT", "issue/{issue}", issues.edit),
    ("DELETE", "issue/{issue}", issues.delete),
    ("PUT", "issue/{issue}/assignee", users.assign),
    ("GET", "issue/{issue}/changelog", changelog.changelog),
    ("POST", "changelog/bulkfetch", changelog.changelogs),
    ("GET", "issue/{issue}/editmeta", screens.edit_metadata),
    ("GET", "issue/{issue}/transitions", transitions.list_transitions),
    ("POST", "issue/{issue}/transitions", transitions.transition),
    ("GET", "issue/{issue}/comment", comments.listing),
    ("POST", "issue/{issue}/comment", comments.create),
    ("GET", "issue/{issue}/comment/{comment}", comments.get),
    ("PUT", "issue/{issue}/comment/{comment}", comments.edit),
    ("DELETE", "issue/{issue}/comment/{comment}", comments.delete),
    ("GET", "issue/{issue}/remotelink", links.remotes),
    ("POST", "issue/{issue}/remotelink", links.put_remote),
    ("DELETE", "issue/{issue}/remotelink", links.delete_remote),
    ("GET", "issue/{issue}/remotelink/{link}", links.remote),
    ("DELETE", "issue/{issue}/remotelink/{link}", links.delete_remote),
    ("GET", "issue/{issue}/properties", properties.keys),
    ("GET", "issue/{issue}/properties/{property}", properties.get),
    ("PUT", "issue/{issue}/properties/{property}", properties.put),
    ("DELETE", "issue/{issue}/properties/{property}", properties.delete),
    ("GET", "comment/{comment}/properties", properties.keys),
    ("GET", "comment/{comment}/properties/{property}", properties.get),
    ("PUT", "comment/{comment}/properties/{property}", properties.put),
    ("DELETE", "comment/{comment}/properties/{property}", properties.delete),
    ("GET", "issue/createmeta/{project}/issuetypes", screens.issue_types),
    ("GET", "issue/createmeta/{project}/issuetypes/{type}", screens.fields),
    ("POST", "issueLink", links.link),
    ("GET", "issueLink/{link}", links.get_link),
    ("DELETE", "issueLink/{link}", links.unlink),
    ("GET", "issueLinkType", links.types),
    ("GET", "search/jql", search.cloud_search),
    ("POST", "search/jql", search.cloud_search),
    ("GET", "search", search.server_search),
    ("POST", "search", search.server_search),
    ("GET", "project", catalogue.projects),
    ("GET", "project/search", catalogue.project_search),
    ("GET", "project/{project}", catalogue.project),
    ("GET", "project/{project}/statuses", catalogue.project_statuses),
    ("GET", "project/{project}/components", catalogue.project_components),
    ("GET", "project/{project}/versions", catalogue.project_versions),
    ("GET", "field", catalogue.fields),
    ("GET", "field/search", catalogue.field_search),
    ("GET", "issuetype", catalogue.issue_types),
    ("GET", "status", catalogue.statuses),
    ("GET", "statuscategory", catalogue.status_categories),
    ("GET", "resolution", catalogue.resolutions),
    ("GET", "priority", catalogue.priorities),
    ("GET", "priority/search", catalogue.priority_search),
    ("GET", "mypermissions", catalogue.my_permissions),
    ("GET", "serverInfo", catalogue.server_info),
    ("GET", "myself", users.myself),
    ("GET", "user", users.get),
    ("GET", "user/search", users.search),
    ("GET", "user/assignable/search", users.assignable),
)
# Below the path that the site has for webhooks.
WEBHOOK_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "webhook", webhooks.listing),
    ("POST", "webhook", webhooks.create),
    ("GET", "webhook/{webhook}", webhooks.get),
    ("PUT", "webhook/{webhook}", webhooks.change),
    ("DELETE", "webhook/{webhook}", webhooks.delete),
)
# Below the path of Jira Software.
AGILE_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "board", agile.boards),
    ("GET", "board/{board}", agile.board),
    ("GET", "board/{board}/sprint", agile.sprints),
)
# Below the path of Jira Service Management.
DESK_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "servicedesk", desks.desks),
    ("GET", "servicedesk/{desk}", desks.desk),
    ("GET", "servicedesk/{desk}/requesttype", desks.request_types),
    ("GET", "servicedesk/{desk}/organization", desks.organizations),
)
_CLOUD_ONLY = frozenset(
    {
        "search/jql", "issue/bulkfetch", "project/search", "field/search", "priority/search",
        "issue/{issue}/changelog", "changelog/bulkfetch",
    }
)  # fmt: skip


@dataclass(slots=True)
class _Node:
    literal: dict[str, _Node] = field(default_factory=dict)
    parameter: tuple[str, _Node] | None = None
    handlers: dict[str, tuple[str, Handler]] = field(default_factory=dict)


def _tree(routes: Iterable[tuple[str, str, Handler]], *, cloud: bool) -> _Node:
    root = _Node()
    for method, template, handler in routes:
        if template in _CLOUD_ONLY and not cloud:
            continue
        node = root
        for part in template.split("/"):
            if part.startswith("{"):
                if node.parameter is None:
                    node.parameter = (part[1:-1], _Node())
                node = node.parameter[1]
            else:
                node = node.literal.setdefault(part, _Node())
        node.handlers[method] = (template, handler)
    return root


_TREES = {cloud: _tree(ROUTES, cloud=cloud) for cloud in (True, False)}
_AGILE = _tree(AGILE_ROUTES, cloud=False)
_WEBHOOKS = _tree(WEBHOOK_ROUTES, cloud=False)
_DESKS = _tree(DESK_ROUTES, cloud=False)


def no_route(call: Call) -> Problem:
    """Jira's answer to a path that leads nowhere."""
    return Problem(404, raw=f'{{"message":"null for uri: {call.path}","status-code":404}}'.encode())


def route(call: Call, path: str, *, cloud: bool) -> Handler:
    """The handler for a path below ``/rest/api/<version>/``. Sets the call's template and parameters.

    Raises Problem(404) or Problem(405).
    """
    return _found(call, path, _TREES[cloud])


def desk_route(call: Call, path: str) -> Handler:
    """Like ``route``, for a path of Jira Service Management's API."""
    return _found(call, path, _DESKS)


def webhook_route(call: Call, path: str) -> Handler:
    """Like ``route``, for a path that follows ``webhooks.root``."""
    return _found(call, f"webhook/{path}" if path.strip("/") else "webhook", _WEBHOOKS)


def agile_route(call: Call, path: str) -> Handler:
    """Like ``route``, for a path of Jira Software's API."""
    return _found(call, path, _AGILE)


def _found(call: Call, path: str, node: _Node) -> Handler:
    for part in path.strip("/").split("/"):
        if part in node.literal:
            node = node.literal[part]
        elif node.parameter is not None:
            name, node = node.parameter
            call.params[name] = part
        else:
            raise no_route(call)
    if not node.handlers:
        raise no_route(call)
    found = node.handlers.get(call.method)
    if found is None:
        raise Problem(405, raw=b"")
    call.template, handler = found
    return handler
