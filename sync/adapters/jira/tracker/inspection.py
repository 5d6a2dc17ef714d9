"""Read-only questions about a site, for checking rules against it and for writing first ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.faults import Safety
from sync.adapters.jira.fields.field import FieldInfo
from sync.adapters.jira.fields.metadata import Metadata
from sync.adapters.jira.fields.observed import hop_of, status_of
from sync.adapters.jira.tracker.links import Links
from sync.domain.errors import Refused
from sync.domain.ticket import Hop, JiraStatus

# What keeping a ticket takes.
PERMISSIONS = (
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "TRANSITION_ISSUES",
    "ADD_COMMENTS",
    "LINK_ISSUES",
    "ASSIGN_ISSUES",
    "RESOLVE_ISSUES",
)


@dataclass(frozen=True, slots=True)
class Whoami:
    """Our account on a site. ``id`` is the account id (Cloud) or user name (Data Center)."""

    id: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class LinkKind:
    """A link type with its words in both directions."""

    name: str
    outward: str
    inward: str


class Inspection:
    """Shared by threads. Raises Missing, Refused, Rejected and SiteDown."""

    def __init__(self, calls: Calls, metadata: Metadata, links: Links) -> None:
        self._calls = calls
        self._metadata = metadata
        self._links = links

    def whoami(self) -> Whoami:
        me = self._calls.whoami()
        return Whoami(
            str(me.get("accountId") or me.get("name") or ""),
            str(me.get("displayName") or ""),
            str(me.get("emailAddress") or ""),
        )

    def permissions(self, project: str, wanted: Sequence[str] = PERMISSIONS) -> dict[str, bool]:
        """Which of these permissions our account has in a project."""
        raw = self._get(
            "mypermissions",
            "reading our permissions",
            {"projectKey": project, "permissions": ",".join(wanted)},
        )
        found = raw.get("permissions") if isinstance(raw, Mapping) else None
        if not isinstance(found, Mapping):
            raise Refused("reading our permissions: the answer is not what Jira says")
        return {name: bool((found.get(name) or {}).get("havePermission")) for name in wanted}

    def projects(self) -> dict[str, str]:
        """Names of the projects we can see, by key."""
        return self._metadata.projects()

    def issue_types(self, project: str) -> list[str]:
        """Issue types that may be created in a project."""
        return sorted(self._metadata.issue_types(project))

    def create_fields(self, project: str, issue_type: str) -> dict[str, FieldInfo]:
        """The create screen's fields by id, with allowed values and which are required."""
        return self._metadata.create_fields(project, issue_type)

    def fields(self) -> dict[str, FieldInfo]:
        """All fields of the site, by id."""
        return self._metadata.all_fields()

    def statuses(self, project: str) -> dict[str, list[JiraStatus]]:
        """A project's statuses, by issue type."""
        raw = self._get(
            f"project/{quote(project, safe='')}/statuses",
            f"reading the statuses of {project}",
            None,
        )
        return {
            str(kind.get("name", "")): [status_of(s) for s in _dicts(kind.get("statuses"))]
            for kind in _dicts(raw)
        }

    def resolutions(self) -> list[str]:
        raw = self._get("resolution", "reading the resolutions", None)
        return [str(one["name"]) for one in _dicts(raw) if "name" in one]

    def link_types(self) -> list[LinkKind]:
        return [
            LinkKind(str(k.get("name", "")), str(k.get("outward", "")), str(k.get("inward", "")))
            for k in self._links.types()
        ]

    def transitions(self, ticket: str) -> list[Hop]:
        """What can be done from where an example ticket stands."""
        raw = self._get(
            f"issue/{quote(ticket, safe='')}/transitions",
            f"reading the transitions of {ticket}",
            {"expand": "transitions.fields"},
        )
        found = raw.get("transitions") if isinstance(raw, Mapping) else None
        return [hop_of(one)[0] for one in _dicts(found)]

    def user(self, email: str) -> str | None:
        """The account with this address, None for nobody."""
        return self._metadata.user(email)

    def _get(self, path: str, what: str, params: dict[str, Any] | None) -> Any:
        return self._calls.call("GET", path, params=params, what=what, safety=Safety.READ)


def _dicts(raw: Any) -> list[dict[str, Any]]:
    return [one for one in raw if isinstance(one, dict)] if isinstance(raw, list) else []
