"""What happens on a site, and the webhooks that are told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sync.sandbox.jira.site.model import Comment, HistoryItem, Issue

ISSUE_EVENTS = ("issue_created", "issue_updated", "issue_deleted")
COMMENT_EVENTS = ("comment_created", "comment_updated", "comment_deleted")


def published(name: str) -> str:
    """The name of an event as webhooks and their registrations write it."""
    return f"jira:{name}" if name in ISSUE_EVENTS else name


EVENTS = tuple(published(name) for name in (*ISSUE_EVENTS, *COMMENT_EVENTS))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an issue.

    ``name`` is one of ``ISSUE_EVENTS`` and ``COMMENT_EVENTS``, ``user`` the account id of who did it, ""
    for an anonymous caller. ``change`` is the id of the entry in the issue's history that holds
    ``items``. ``bulk``: it happened in a bulk change.
    """

    name: str
    at: float
    user: str
    issue: Issue
    items: tuple[HistoryItem, ...] = ()
    change: str = ""
    comment: Comment | None = None
    bulk: bool = False


@dataclass(slots=True)
class Webhook:
    """An address that is told of events.

    ``events`` are as ``EVENTS`` writes them. ``secret`` signs the bodies, "" leaves them unsigned.
    ``by`` is the account id of the administrator who changed the webhook last, at ``at``. ``failing`` is
    since when no attempt has succeeded, None after a success.

    ``form`` other than "" makes it a rule of Jira Automation that sends a web request, with ``headers``
    of its own: "jira" and "automation" are the two formats of issue data, any other text is the body.
    Rules are not among the webhooks that the REST API lists.
    """

    id: str
    name: str
    url: str
    events: tuple[str, ...]
    jql: str = ""
    exclude_body: bool = False
    secret: str = ""
    enabled: bool = True
    description: str = ""
    by: str = ""
    at: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    form: str = ""
    failing: float | None = None
