"""A call to a Jira site as a value, and readers for the common forms of answers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sync.domain.errors import Refused, Scope
from sync.domain.ticket import TicketRef

# The words in paths that name what a call is about. All other parts are ids, keys and names.
_WORDS = {
    *("assignable", "board", "bulkfetch", "changelog", "comment", "createmeta", "field"),
    *("issue", "issueLink", "issueLinkType", "issuetypes", "jql", "mypermissions"),
    *("myself", "priority", "project", "properties", "remotelink", "search"),
    *("organization", "requesttype", "servicedesk"),
    *("serverInfo", "sprint", "status", "statuses", "transitions", "user", "webhook"),
    *("webhooks",),
}


# The API of Jira Service Management, as a call's ``root``. Its addresses have no version.
DESK = "servicedeskapi"


class Safety(Enum):
    """What sending the same call twice does.

    ``READ`` changes nothing. ``IDEMPOTENT`` writes the same again. ``LOOK_FIRST`` does so, but could
    overwrite what a person changed in between, so the call is repeated only after a try that provably
    did nothing, and not where Jira asks us to wait: the ticket is read again then. ``ONCE`` makes a
    second ticket, comment or link, so the call is never repeated.
    """

    READ = "read"
    IDEMPOTENT = "idempotent"
    LOOK_FIRST = "look first"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a REST API of the site.

    ``root`` names the API in the address, "api" for Jira's usual one. ``path`` is what follows the API's
    version. ``what`` completes the sentence "While …" in messages.
    ``ticket`` is the id of the ticket written to, ``project`` the project that the call is about, each
    "" where there is none. ``api`` is the API's version, "" for the site's usual one. A call that has
    not gone out by ``not_after`` (seconds since the epoch) is not sent. ``endpoint`` is the call's name
    in rate limits, lanes and the log: method and path with ``*`` for ids and keys.

        Call.get("issue/10001", "reading ticket 10001", {"fields": "summary"}, project="DATA")
        Call.on(ref, "PUT", f"issue/{ref.id}", "updating DATA-1", Safety.LOOK_FIRST, {"fields": {}})
    """

    method: str
    path: str
    what: str
    safety: Safety
    params: Mapping[str, Any] | None = field(default=None, repr=False)
    body: Any = field(default=None, repr=False)
    ticket: str = ""
    project: str = ""
    api: str = ""
    root: str = "api"
    not_after: float = math.inf
    endpoint: str = field(init=False)

    def __post_init__(self) -> None:
        path = re.sub(r"(?<=/)[^/]*[0-9][^/]*", "*", self.path)
        object.__setattr__(self, "endpoint", f"{self.method} {path}")

    @property
    def shape(self) -> str:
        """Method and path with ``*`` for all that is no word of the API, a project's key included: the
        value of a label in metrics, of which there may be only a few dozen."""
        words = (part if part in _WORDS else "*" for part in self.path.split("/"))
        return f"{self.method} {'/'.join(words)}"

    @classmethod
    def get(
        cls,
        path: str,
        what: str,
        params: Mapping[str, Any] | None = None,
        *,
        project: str = "",
        api: str = "",
        root: str = "api",
    ) -> Call:
        """A read."""
        return cls("GET", path, what, Safety.READ, params, project=project, api=api, root=root)

    @classmethod
    def on(
        cls, ref: TicketRef, method: str, path: str, what: str, safety: Safety, body: Any = None
    ) -> Call:
        """A write to a ticket."""
        return cls(method, path, what, safety, body=body, ticket=ref.id, project=ref.project)


def records(raw: Any) -> list[dict[str, Any]]:
    """The objects of a JSON list; none where ``raw`` is no list."""
    return [one for one in raw if isinstance(one, dict)] if isinstance(raw, list) else []


def no_jira(what: str) -> Refused:
    """The fault for an answer to a call that every Jira answers alike, in another form."""
    words = "the answer is JSON, but not Jira's; check `url` of the site in config.toml"
    return Refused(f"{what}: {words}", scope=Scope.SITE)


def unexpected(what: str, scope: Scope = Scope.TICKET) -> Refused:
    """The fault for an answer to a read whose JSON lacks what Jira's documentation promises."""
    return Refused(f"{what}: the answer does not have the form of Jira's answers", scope=scope)
