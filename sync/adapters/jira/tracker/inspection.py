"""Read-only questions about a site, for checking rules against it and for writing first ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.request import Call, records, unexpected
from sync.adapters.jira.fields.field import name_of
from sync.adapters.jira.fields.observed import hop_of, status_of
from sync.domain.names import Name
from sync.domain.ticket import Hop, JiraStatus


@dataclass(frozen=True, slots=True)
class Whoami:
    """Our account on a site. ``id`` is the account id (Cloud) or user name (Data Center)."""

    id: str
    name: str
    email: str


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
        )

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

    def resolutions(self) -> list[Name]:
        raw = self._get("resolution", "reading the resolutions")
        return [name_of(one) for one in records(raw) if "name" in one]

    def transitions(self, ticket: str) -> list[Hop]:
        """The transitions that Jira offers for a ticket in its present status."""
        path = f"issue/{quote(ticket, safe='')}/transitions"
        params = {"expand": "transitions.fields"}
        raw = self._get(path, f"reading the transitions of {ticket}", params)
        found = raw.get("transitions") if isinstance(raw, Mapping) else None
        return [hop_of(one)[0] for one in records(found)]

    def _get(self, path: str, what: str, params: dict[str, Any] | None = None) -> Any:
        return self._calls.make(Call.get(path, what, params))
