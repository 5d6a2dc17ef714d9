"""Questions about a site, for checking rules against it and for writing first ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.faults import LacksScope
from sync.adapters.jira.calls.request import Call, Safety, records, unexpected
from sync.adapters.jira.fields.field import level_of, name_of
from sync.adapters.jira.fields.observed import hop_of, status_of
from sync.adapters.jira.tracker.webhooks import Webhook, webhooks
from sync.domain.errors import Missing, Rejected, Unknown
from sync.domain.names import Name
from sync.domain.ticket import FAMILY_LABEL, Hop, JiraStatus


@dataclass(frozen=True, slots=True)
class Whoami:
    """Our account on a site. ``id`` is the account id (Cloud) or user name (Data Center), ``language``
    its language as in ``de_DE``, "" where Jira does not tell it."""

    id: str
    name: str
    email: str
    language: str = ""


def _write(method: str, path: str, what: str, body: Any = None) -> Call:
    return Call(method, path, what, Safety.ONCE, body=body)


# One call of each scope. No ticket, comment or link has the id 0; no ticket is made without a project.
_NONE = {"id": "0"}
_TEXT: dict[str, Any] = {"type": "doc", "version": 1, "content": []}
_ADDRESS = {"url": "https://example.com", "title": "ticket-sync tries its scopes"}
_TRIALS = (
    Call.get("myself", "asking who we are"),
    Call.get("project/search", "reading projects", {"maxResults": 1}),
    Call.get("field", "reading fields"),
    Call.get("issueLinkType", "reading link types"),
    Call.get("search/jql", "searching", {"jql": f'labels = "{FAMILY_LABEL}"', "maxResults": 1}),
    Call.get("issue/0", "reading tickets"),
    _write("POST", "issue", "creating tickets", {"fields": {}}),
    _write("PUT", "issue/0", "updating tickets", {"fields": {}}),
    _write("POST", "issue/0/transitions", "moving tickets", {"transition": _NONE}),
    _write("POST", "issue/0/comment", "commenting", {"body": _TEXT}),
    _write("PUT", "issue/0/comment/0", "rewriting comments", {"body": _TEXT}),
    _write("POST", "issue/0/remotelink", "linking tickets to subjects", {"object": _ADDRESS}),
    _write(
        "POST",
        "issueLink",
        "linking tickets",
        {"type": {"id": "0"}, "inwardIssue": _NONE, "outwardIssue": _NONE},
    ),
    _write("DELETE", "issueLink/0", "unlinking tickets"),
)


class Inspection:
    """The questions that no walk asks; ``Metadata`` has the others. Shared by threads. Methods raise
    Missing, Refused, Rejected and SiteDown."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def whoami(self) -> Whoami:
        me = self._calls.whoami()
        return Whoami(
            str(me.get("accountId") or me.get("name") or ""),
            str(me.get("displayName") or ""),
            str(me.get("emailAddress") or ""),
            str(me.get("locale") or ""),
        )

    def missing_scopes(self) -> list[tuple[str, str]]:
        """What a token with scopes (Cloud) does not allow, each with the scope it needs. Tried by reads,
        and by writes that can do nothing: they name a ticket that cannot be there."""
        missing = []
        for call in _TRIALS if self._calls.cloud() else ():
            try:
                self._calls.make(call)
            except LacksScope as fault:
                missing.append((call.what, fault.needed))
            except (Missing, Rejected, Unknown):
                # Jira has looked at the call, so the token may make it.
                continue
        return missing

    def permissions(self, project: str, wanted: Iterable[str]) -> set[str]:
        """Which of these permissions (``CREATE_ISSUES``, …) our account has in a project."""
        what, names = "reading our permissions", list(wanted)
        params = {"projectKey": project, "permissions": ",".join(names)}
        raw = self._get("mypermissions", what, params)
        found = raw.get("permissions") if isinstance(raw, Mapping) else None
        if not isinstance(found, Mapping):
            raise unexpected(what)
        return {name for name in names if (found.get(name) or {}).get("havePermission")}

    def statuses(self, project: str) -> dict[str, list[JiraStatus]]:
        """A project's statuses, by the id of the issue type."""
        path = f"project/{quote(project, safe='')}/statuses"
        return {
            str(kind.get("id", "")): [status_of(s) for s in records(kind.get("statuses"))]
            for kind in records(self._get(path, f"reading the statuses of {project}"))
        }

    def type_of(self, ticket: str) -> tuple[Name, int]:
        """The issue type of a ticket, and the type's level."""
        what = f"reading the type of {ticket}"
        raw = self._get(f"issue/{quote(ticket, safe='')}", what, {"fields": "issuetype"})
        fields = raw.get("fields") if isinstance(raw, Mapping) else None
        found = fields.get("issuetype") if isinstance(fields, Mapping) else None
        if not isinstance(found, Mapping):
            raise unexpected(what)
        return name_of(found), level_of(found)

    def resolutions(self) -> list[Name]:
        raw = self._get("resolution", "reading the resolutions")
        return [name_of(one) for one in records(raw) if "name" in one]

    def webhooks(self) -> list[Webhook]:
        """The webhooks that administrators have made. Raises Rejected where our account is none."""
        return webhooks(self._calls)

    def transitions(self, ticket: str) -> list[Hop]:
        """The transitions that Jira offers for a ticket in its present status."""
        path = f"issue/{quote(ticket, safe='')}/transitions"
        params = {"expand": "transitions.fields"}
        raw = self._get(path, f"reading the transitions of {ticket}", params)
        found = raw.get("transitions") if isinstance(raw, Mapping) else None
        return [hop_of(one)[0] for one in records(found)]

    def _get(self, path: str, what: str, params: dict[str, Any] | None = None) -> Any:
        return self._calls.make(Call.get(path, what, params))
