"""Issues in words, for the board, the control API and tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sync.sandbox.jira.site.model import Comment, Issue, IssueLink, stamp
from sync.sandbox.jira.site.state import Site

_NAMED = ("summary", "description", "resolution", "priority", "assignee", "reporter")


@dataclass(frozen=True, slots=True)
class TicketComment:
    """A comment. ``raw`` is an Atlassian document on Cloud, wiki text on Data Center. ``public``: it is
    shown and mailed to the customers of a service project."""

    id: str
    author: str
    text: str
    raw: Any
    created: str
    properties: dict[str, Any]
    public: bool


@dataclass(frozen=True, slots=True)
class TicketChange:
    """A change of one field, all in words; ``author`` is a display name."""

    at: str
    author: str
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """An issue in words.

    ``description_raw`` is an Atlassian document on Cloud, wiki text on Data Center. ``fields`` holds the
    values of all fields by field id. ``category`` is new, indeterminate or done. ``issue_links`` are
    pairs of the link's words and the other issue's key.
    """

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
    history: tuple[TicketChange, ...]
    attachments: tuple[str, ...]


def ticket_of(site: Site, issue: Issue) -> Ticket:
    """An issue in words, as it is now."""
    status = site.statuses[issue.status]
    description = issue.values.get("description")
    words = {name: site.value_text(name, issue.values.get(name)) for name in _NAMED}
    return Ticket(
        id=str(issue.id),
        key=issue.key,
        project=issue.project,
        type=site.types[issue.type].name,
        description_raw=None if description is None else (description.adf or description.wiki),
        labels=issue.labels,
        status=status.name,
        category=status.category.key,
        created=stamp(issue.created),
        updated=stamp(issue.updated),
        comments=tuple(_comment(site, issue, one) for one in issue.comments),
        properties=dict(issue.properties),
        remote_links=tuple(
            {"globalId": one.global_id, "relationship": one.relationship, **one.object}
            for one in issue.remote_links
        ),
        issue_links=tuple(_link(site, issue, one) for one in issue.links),
        fields={name: site.value_text(name, value) for name, value in issue.values.items()},
        deleted=issue.deleted,
        history=_changes(site, issue),
        attachments=tuple(issue.attachments.values()),
        **words,
    )


def _comment(site: Site, issue: Issue, one: Comment) -> TicketComment:
    return TicketComment(
        one.id,
        site.users[one.author].display_name,
        one.body.wiki,
        one.body.adf or one.body.wiki,
        stamp(one.created),
        dict(one.properties),
        site.projects[issue.project].service and not one.internal,
    )


def _link(site: Site, issue: Issue, link: IssueLink) -> tuple[str, str]:
    if link.source == issue.id:
        return link.type.outward, site.issues[link.target].key
    return link.type.inward, site.issues[link.source].key


def _changes(site: Site, issue: Issue) -> tuple[TicketChange, ...]:
    return tuple(
        TicketChange(
            stamp(entry.created),
            site.users[entry.author].display_name if entry.author else "",
            item.field,
            item.before_text or "",
            item.after_text or "",
        )
        for entry in issue.history
        for item in entry.items
    )
