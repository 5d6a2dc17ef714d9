"""What webhooks say of an event: names, bodies and addresses, on Cloud and on Data Center.

No body says to whom a comment is restricted, whether it is internal, or which properties it has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from sync.sandbox.jira.rest.issue_json import present
from sync.sandbox.jira.rest.webhooks import has_configuration
from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call
from sync.sandbox.jira.site.events import COMMENT_EVENTS, Event, Webhook, published
from sync.sandbox.jira.site.model import Issue
from sync.sandbox.jira.site.state import Site

_BRIEF = ("summary", "issuetype", "project", "assignee", "priority", "status")
# Data Center's names of kinds of change.
_KINDS = {
    "comment_created": "issue_commented",
    "comment_updated": "issue_comment_edited",
    "comment_deleted": "issue_comment_deleted",
}
_FIELD_KINDS = {"Key": "issue_moved", "status": "issue_generic", "assignee": "issue_assigned"}
_HIDDEN = frozenset({"jsdPublic", "visibility", "properties"})
_VARIABLE = {
    True: re.compile(r"\{(issue\.id|issue\.key|project\.key|project\.id|comment\.id)\}"),
    False: re.compile(r"\$\{(issue\.id|issue\.key|project\.key|project\.id|comment\.id)\}"),
}
_SMART_VALUE = re.compile(r"\{\{(issue\.id|issue\.key|project\.key|comment\.id)\}\}")

Make = Callable[[], bytes]


def told(site: Site, event: Event, webhook: Webhook, base: str) -> Iterator[tuple[str, Make]]:
    """What a webhook that is sent for an event is told: names of events, each with its body.

    Cloud has one name for an event. Data Center tells of a comment twice: without its issue, and as a
    change of the issue. ``base`` is the site's address.
    """
    if webhook.form:
        if published(event.name) in webhook.events:
            yield event.name, lambda: _automated(site, event, webhook, base)
        return
    names = [event.name]
    if not site.cloud and event.name in COMMENT_EVENTS:
        names.append("issue_updated")
    for name in names:
        if published(name) in webhook.events:
            yield name, lambda name=name: _body(site, event, webhook, base, name)  # type: ignore[misc]


def address(site: Site, event: Event, webhook: Webhook) -> str:
    """The webhook's URL with its variables filled in: ``${issue.id}``, on Data Center 10
    ``{issue.id}``."""
    return _filled(site, event, webhook.url, _VARIABLE[has_configuration(site)])


def _filled(site: Site, event: Event, text: str, pattern: re.Pattern[str]) -> str:
    project = site.projects[event.issue.project]
    known = {
        "issue.id": str(event.issue.id),
        "issue.key": event.issue.key,
        "project.key": project.key,
        "project.id": project.id,
        "comment.id": event.comment.id if event.comment is not None else "",
    }
    return pattern.sub(lambda found: known[found[1]], text)


def _call(site: Site, event: Event, base: str) -> Call:
    """Bodies are in the form of version 2 of the REST API, as the author of the event sees them."""
    call = Call("GET", "", {}, {}, b"", base, event.at)
    call.user = site.users.get(event.user)
    return call


def _body(site: Site, event: Event, webhook: Webhook, base: str, name: str) -> bytes:
    if webhook.exclude_body:
        return b""
    call = _call(site, event, base)
    body: dict[str, Any] = {"timestamp": round(event.at * 1000), "webhookEvent": published(name)}
    if name in COMMENT_EVENTS:
        if site.cloud:
            body["issue"] = present(site, call, event.issue, _BRIEF, ())
    else:
        if not site.cloud:
            body["issue_event_type_name"] = _kind(event)
        if event.user:
            body["user"] = as_json.user(site, call, event.user)
        body["issue"] = _issue(site, call, event.issue)
        if event.items:
            items = [as_json.history_item(site, item) for item in event.items]
            body["changelog"] = {"id": event.change, "items": items}
    if event.comment is not None:
        body["comment"] = as_json.comment(site, call, event.issue, event.comment, properties=False)
    return msgspec.json.encode(_public(body, emails=not site.cloud))


def _issue(site: Site, call: Call, issue: Issue) -> dict[str, Any]:
    # Cloud leaves the comments out, Data Center has them all in every body.
    shown = present(site, call, issue, ["*all", "-comment"] if site.cloud else ["*all"], ())
    shown.pop("expand", None)
    return shown


def _kind(event: Event) -> str:
    if event.name != "issue_updated":
        return _KINDS.get(event.name, event.name)
    changed = {item.field for item in event.items}
    for field, kind in _FIELD_KINDS.items():
        if field in changed:
            return kind
    return "issue_commented" if event.comment is not None and not changed else "issue_updated"


def _public(value: Any, *, emails: bool) -> Any:
    """Without what bodies never show: who may see a comment and, on Cloud, addresses of people."""
    if isinstance(value, dict):
        hidden = _HIDDEN if emails else _HIDDEN | {"emailAddress"}
        return {k: _public(v, emails=emails) for k, v in value.items() if k not in hidden}
    if isinstance(value, list):
        return [_public(one, emails=emails) for one in value]
    return value


def _automated(site: Site, event: Event, webhook: Webhook, base: str) -> bytes:
    """The body of a rule's web request: ids are numbers here, and the changelog is empty."""
    if webhook.form not in ("jira", "automation"):
        return _filled(site, event, webhook.form, _SMART_VALUE).encode()
    call = _call(site, event, base)
    issue: dict[str, Any] = {**_issue(site, call, event.issue), "id": event.issue.id}
    if webhook.form == "automation":
        body = issue
    else:
        body = {"timestamp": round(event.at * 1000), "issue": issue, "changelog": {}}
        if event.user:
            body["user"] = as_json.user(site, call, event.user)
    return msgspec.json.encode(_public(body, emails=not site.cloud))
