"""Tokens with scopes on Cloud: which scope each call needs, and the answer where the token lacks it.

A call is allowed by its classic scope, or by the granular scope of what it reads or changes. Source: the
``security`` entries of Atlassian's OpenAPI document, and Atlassian's list of granular scopes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sync.sandbox.jira.site.call import Call, Problem

# A gateway in front of Jira gives this answer, so it has neither Jira's form nor the account's
# language.
_NO_MATCH = b'{"code":401,"message":"Unauthorized; scope does not match"}'
_READS_BY_POST = frozenset({"issue/bulkfetch", "search/jql", "changelog/bulkfetch"})
# What a call is about, as granular scopes call it: by the last word of its path that is no
# parameter or, where that word is not here, by the first word.
_ABOUT = {
    "remotelink": "issue.remote-link",
    "comment": "comment",
    "properties": "issue.property",
    "transitions": "issue",
    "bulkfetch": "issue",
    "changelog": "issue.changelog",
    "jql": "jql",
    "search": "jql",
    "issueLink": "issue-link",
    "issueLinkType": "issue-link-type",
    "createmeta": "issue-meta",
    "issuetypes": "issue-meta",
    "statuses": "issue-status",
    "mypermissions": "permission",
    "myself": "user",
    "user": "user",
}


def _of_desks(last: str) -> set[str]:
    return {"read:servicedesk-request", f"read:{last}:jira-service-management"}


def _of_boards(about: str) -> set[str]:
    """The scopes for the boards of Jira Software, and for their sprints."""
    return {f"read:{'sprint' if about == 'sprint' else 'board-scope'}:jira-software"}


# The scopes for calls of other APIs than Jira's usual one, by the first word of the path, from the last.
_OF_APPS: Mapping[str, Callable[[str], set[str]]] = {
    "webhook": lambda last: {"manage:jira-configuration"},
    "servicedesk": _of_desks,
    "board": _of_boards,
}


def scopes_for(method: str, template: str) -> set[str]:
    """The scopes of which one is enough; none where every token will do."""
    parts = [part for part in template.split("/") if not part.startswith("{")]
    if parts == ["serverInfo"]:
        return set()
    verb = "read" if method == "GET" or template in _READS_BY_POST else "write"
    if method == "DELETE":
        verb = "delete"
    if parts[0] in _OF_APPS:
        return _OF_APPS[parts[0]](parts[-1])
    if parts[0] in ("myself", "user"):
        return {"read:jira-user", "read:user:jira"}
    if template == "priority/search":
        return {"manage:jira-configuration", "read:priority:jira"}
    about = _ABOUT.get(parts[-1]) or _ABOUT.get(parts[0], parts[0])
    classic = "read:jira-work" if verb == "read" else "write:jira-work"
    return {classic, f"{verb}:{about}:jira"}


def check(call: Call, granted: frozenset[str]) -> None:
    """Raises Problem(401) where a token with these scopes may not make the call."""
    needed = scopes_for(call.method, call.template)
    if needed and not needed & granted:
        headers = {"Content-Type": "application/json"}
        raise Problem(401, headers=headers, raw=_NO_MATCH)
