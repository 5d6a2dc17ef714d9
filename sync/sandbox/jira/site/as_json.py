"""JSON of the things on a site, as REST shows them: users, statuses, options, brief issues, comments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sync.sandbox.jira.site.call import Call
from sync.sandbox.jira.site.model import (
    Category,
    Comment,
    History,
    HistoryItem,
    Issue,
    IssueLink,
    IssueType,
    LinkType,
    Named,
    Option,
    Project,
    RemoteLink,
    Status,
    stamp,
)
from sync.sandbox.jira.site.state import Site


def _avatars(call: Call) -> dict[str, str]:
    return {f"{size}x{size}": f"{call.base}/avatar/{size}" for size in (16, 24, 32, 48)}


def user(site: Site, call: Call, account: str | None) -> dict[str, Any] | None:
    """A user by account id, None for none."""
    if not account:
        return None
    who = site.users[account]
    if who.deleted:
        # A closed account keeps its id, and nothing else that would tell whose it was.
        name = "Former user" if site.cloud else f"user-{who.user_key}"
        who = replace(who, display_name=name, name=name, active=False, email="", email_hidden=True)
    common = {
        "displayName": who.display_name,
        "active": who.active,
        "timeZone": "Etc/UTC",
        "avatarUrls": _avatars(call),
    }
    if not site.cloud:
        return {
            "self": f"{call.root}/user?username={who.name}",
            "name": who.name,
            "key": who.user_key,
            "emailAddress": who.email,
            **common,
        }
    shown = {} if who.email_hidden else {"emailAddress": who.email}
    return {
        "self": f"{call.root}/user?accountId={who.account_id}",
        "accountId": who.account_id,
        "accountType": "app" if who.app else "atlassian",
        **shown,
        **common,
    }


def named(call: Call, kind: str, one: Named) -> dict[str, Any]:
    """``kind`` is priority, resolution, component, version or securitylevel."""
    out: dict[str, Any] = {"self": f"{call.root}/{kind}/{one.id}", "id": one.id, "name": one.name}
    if kind in ("priority", "resolution"):
        out |= call.named(one.name)
    if kind == "priority":
        out["iconUrl"] = f"{call.base}/images/icons/priorities/{one.name.lower()}.svg"
    if kind == "version":
        out |= {"archived": one.archived, "released": one.released}
    if one.description:
        out["description"] = one.description
    return out


def option(call: Call, one: Option, *, children: bool = False) -> dict[str, Any]:
    out: dict[str, Any] = {
        "self": f"{call.root}/customFieldOption/{one.id}",
        "value": one.value,
        "id": one.id,
    }
    if children and one.children:
        out["children"] = [option(call, child) for child in one.children]
    return out


def category(call: Call, one: Category) -> dict[str, Any]:
    return {
        "self": f"{call.root}/statuscategory/{one.id}",
        "id": one.id,
        "key": one.key,
        "colorName": one.color,
        **call.named(one.name),
    }


def status(call: Call, one: Status, *, untranslated: bool = False) -> dict[str, Any]:
    return {
        "self": f"{call.root}/status/{one.id}",
        "description": "",
        "iconUrl": f"{call.base}/images/icons/statuses/generic.png",
        **call.named(one.name, untranslated=untranslated),
        "id": one.id,
        "statusCategory": category(call, one.category),
    }


def issue_type(site: Site, call: Call, one: IssueType) -> dict[str, Any]:
    return {
        "self": f"{call.root}/issuetype/{one.id}",
        "id": one.id,
        "description": one.description,
        "iconUrl": f"{call.base}/images/icons/issuetypes/{one.name.lower()}.svg",
        **call.named(one.name, untranslated=site.cloud),
        "subtask": one.subtask,
        **(
            {"avatarId": 10300 + int(one.id) % 100, "hierarchyLevel": one.level}
            if site.cloud
            else {}
        ),
    }


def project(site: Site, call: Call, one: Project) -> dict[str, Any]:
    return {
        "self": f"{call.root}/project/{one.id}",
        "id": one.id,
        "key": one.key,
        "name": one.name,
        "projectTypeKey": "service_desk" if one.service else "software",
        "avatarUrls": _avatars(call),
        **({"simplified": one.simplified} if site.cloud else {}),
    }


def brief(site: Site, call: Call, issue: Issue) -> dict[str, Any]:
    """The few fields of an issue that another issue shows of its parent, subtask or linked issue."""
    return {
        "id": str(issue.id),
        "key": issue.key,
        "self": f"{call.root}/issue/{issue.id}",
        "fields": {
            "summary": issue.values.get("summary"),
            "status": status(call, site.statuses[issue.status], untranslated=site.cloud),
            "priority": named(call, "priority", issue.values["priority"])
            if issue.values.get("priority")
            else None,
            "issuetype": issue_type(site, call, site.types[issue.type]),
        },
    }


def link_type(call: Call, one: LinkType) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "inward": one.inward,
        "outward": one.outward,
        "self": f"{call.root}/issueLinkType/{one.id}",
    }


def issue_link(site: Site, call: Call, link: IssueLink, seen_from: int) -> dict[str, Any]:
    """A link as the issue with the id ``seen_from`` shows it."""
    outward = link.source == seen_from
    other = site.issues[link.target if outward else link.source]
    return {
        "id": link.id,
        "self": f"{call.root}/issueLink/{link.id}",
        "type": link_type(call, link.type),
        ("outwardIssue" if outward else "inwardIssue"): brief(site, call, other),
    }


def _level(site: Site, level: Mapping[str, str]) -> dict[str, str]:
    """To which role or group a comment is restricted."""
    return {**level, **({"identifier": level["value"]} if site.cloud else {})}


def comment(
    site: Site, call: Call, issue: Issue, one: Comment, *, properties: bool
) -> dict[str, Any]:
    out: dict[str, Any] = {
        "self": f"{call.root}/issue/{issue.id}/comment/{one.id}",
        "id": one.id,
        "author": user(site, call, one.author),
        "body": one.body.adf if call.api == "3" else one.body.wiki,
        "updateAuthor": user(site, call, one.update_author),
        "created": stamp(one.created),
        "updated": stamp(one.updated),
        **({"jsdPublic": not one.internal} if site.cloud else {}),
        **({"visibility": _level(site, one.visibility)} if one.visibility else {}),
    }
    if properties:
        out["properties"] = [{"key": k, "value": v} for k, v in one.properties.items()]
    return out


def remote_link(call: Call, issue: Issue, one: RemoteLink) -> dict[str, Any]:
    return {
        "id": one.id,
        "self": f"{call.root}/issue/{issue.key}/remotelink/{one.id}",
        **({"globalId": one.global_id} if one.global_id else {}),
        "application": one.application,
        **({"relationship": one.relationship} if one.relationship else {}),
        "object": {"icon": {}, "status": {"icon": {}}, **one.object},
    }


def history_item(site: Site, item: HistoryItem) -> dict[str, Any]:
    """One change of one field. Only Cloud gives the field's id."""
    return {
        "field": item.field,
        "fieldtype": "custom" if item.field_id.startswith("customfield_") else "jira",
        **({"fieldId": item.field_id} if site.cloud else {}),
        "from": item.before,
        "fromString": item.before_text,
        "to": item.after,
        "toString": item.after_text,
    }


def history(site: Site, call: Call, one: History) -> dict[str, Any]:
    return {
        "id": one.id,
        "author": user(site, call, one.author),
        "created": stamp(one.created),
        "items": [history_item(site, item) for item in one.items],
    }
