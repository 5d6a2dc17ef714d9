"""Tickets as tests and the board look at them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sync.sandbox.jira.site.model import Issue, stamp
from sync.sandbox.jira.site.state import Site


@dataclass(frozen=True, slots=True)
class TicketComment:
    id: str
    author: str
    text: str
    raw: Any
    created: str
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TicketChange:
    """``author`` is a display name; ``field``, ``before`` and ``after`` are in words."""

    at: str
    author: str
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket in words. ``description_raw`` is ADF on Cloud, wiki text on Data Center; ``fields``
    holds other fields' values in words, by field id; ``category`` is new, indeterminate or done."""

    id: str
    key: str
    project: str
    type: str
    summary: str
    description: str
    description_raw: Any
    labels: tuple[str, ...]
    status: str
    category: str
    resolution: str
    priority: str
    assignee: str
    reporter: str
    created: str
    updated: str
    comments: tuple[TicketComment, ...]
    properties: dict[str, Any]
    remote_links: tuple[dict[str, Any], ...]
    issue_links: tuple[tuple[str, str], ...]
    fields: dict[str, str]
    deleted: bool
    history: tuple[TicketChange, ...] = field(default=())


def ticket_of(site: Site, issue: Issue) -> Ticket:
    status = site.statuses[issue.status]
    description = issue.values.get("description")

    def words(name: str) -> str:
        return site.word_value(name, issue.values.get(name))

    return Ticket(
        id=str(issue.id),
        key=issue.key,
        project=issue.project,
        type=site.types[issue.type].name,
        summary=words("summary"),
        description=words("description"),
        description_raw=None if description is None else (description.adf or description.wiki),
        labels=issue.labels,
        status=status.name,
        category=status.category.key,
        resolution=words("resolution"),
        priority=words("priority"),
        assignee=words("assignee"),
        reporter=words("reporter"),
        created=stamp(issue.created),
        updated=stamp(issue.updated),
        comments=tuple(
            TicketComment(
                one.id,
                site.users[one.author].display_name,
                one.body.wiki,
                one.body.adf or one.body.wiki,
                stamp(one.created),
                dict(one.properties),
            )
            for one in issue.comments
        ),
        properties=dict(issue.properties),
        remote_links=tuple(
            {"globalId": one.global_id, "relationship": one.relationship, **one.object}
            for one in issue.remote_links
        ),
        issue_links=tuple(_link(site, issue, one) for one in issue.links),
        fields={name: words(name) for name in issue.values},
        deleted=issue.deleted,
        history=tuple(
            TicketChange(
                stamp(entry.created),
                site.users[entry.author].display_name if entry.author else "",
                item.field,
                item.before_text or "",
                item.after_text or "",
            )
            for entry in issue.history
            for item in entry.items
        ),
    )


def _link(site: Site, issue: Issue, link: Any) -> tuple[str, str]:
    """The link's words as seen from this issue, and the other's key."""
    if link.source == issue.id:
        return link.type.outward, site.issues[link.target].key
    return link.type.inward, site.issues[link.source].key
