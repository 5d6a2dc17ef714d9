"""What Jira tells of a ticket's history, in the domain's terms: people, acts, comments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sync.adapters.jira.calls.request import records
from sync.adapters.jira.fields.values import parse_datetime
from sync.adapters.jira.text import rich
from sync.domain.history import Act, Part, Person, TicketComment
from sync.domain.text import ticket_line
from sync.domain.ticket import MARKER_PROPERTY
from sync.domain.upstream_comments import LONGEST

# Who sees a comment in a service project: without this property, its customers do, by mail as well.
PUBLIC_PROPERTY = "sd.public.comment"
_PARTS = {part.value: part for part in Part}


def seconds(raw: Any) -> float:
    """A time of Jira's in seconds since the epoch, 0 where it cannot be read."""
    moment = parse_datetime(raw) if isinstance(raw, str) else None
    return moment.timestamp() if moment else 0.0


def person_of(raw: Any, cloud: bool) -> Person:
    """An account: its id is the account id on Cloud, the user name on Data Center. An empty person where
    Jira names nobody, as after the account was deleted."""
    user = raw if isinstance(raw, Mapping) else {}
    id_ = user.get("accountId") if cloud else user.get("name") or user.get("key")
    name, email = (ticket_line(str(user.get(n) or "")) for n in ("displayName", "emailAddress"))
    return Person(str(id_ or ""), name, email)


def acts_of(
    entries: Iterable[Mapping[str, Any]], people: Mapping[str, str], cloud: bool
) -> list[Act]:
    """The acts in a changelog, oldest first. ``people`` has user names by the keys by which the
    changelog of Data Center names accounts."""
    return [
        Act(part, seconds(entry.get("created")), person_of(entry.get("author"), cloud), *ends)
        for entry in sorted(entries, key=_place)
        for part, ends in _changes(entry, people)
    ]


def _place(entry: Mapping[str, Any]) -> tuple[float, int]:
    return seconds(entry.get("created")), _number(entry.get("id"))


def _number(raw: Any) -> int:
    return int(raw) if str(raw).isdecimal() else 0


def _changes(
    entry: Mapping[str, Any], people: Mapping[str, str]
) -> Iterator[tuple[Part, tuple[str, str, str]]]:
    """The parts that an entry changed, each with the ids before and after, and the name of the last."""
    for item in records(entry.get("items")):
        # Data Center names no field ids; there, a field of the site may have the name of Jira's own.
        own = item.get("fieldtype", "jira") == "jira"
        part = _PARTS.get(str(item.get("fieldId") or (item.get("field") if own else "")).lower())
        if part is None:
            continue
        ends = [str(item.get(end) or "") for end in ("from", "to")]
        if part is Part.ASSIGNEE:
            ends = [people.get(id_, id_) for id_ in ends]
        if ends[0] != ends[1]:
            called = ticket_line(str(item.get("toString") or ""))
            yield part, (ends[0], ends[1], called)


def names_by_key(raw: Any) -> dict[str, str]:
    """The user names of the accounts in an answer of Data Center, by their keys, which stay the same
    when an account is renamed."""
    found: dict[str, str] = {}
    waiting = [raw]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, Mapping):
            waiting += (one[name] for name in _HOLDING_PEOPLE & one.keys())
            if one.get("key") and one.get("name") and "displayName" in one:
                found[str(one["key"])] = str(one["name"])
    return found


_HOLDING_PEOPLE = {
    *("fields", "changelog", "histories", "comment", "comments"),
    *("author", "updateAuthor", "assignee", "reporter", "creator"),
}


def comment_of(raw: Mapping[str, Any], url: str, cloud: bool) -> TicketComment:
    """A comment that was read with its properties. ``url`` is its address for people."""
    properties = {str(one.get("key")): one.get("value") for one in records(raw.get("properties"))}
    created = seconds(raw.get("created"))
    return TicketComment(
        id=str(raw["id"]),
        who=person_of(raw.get("author"), cloud),
        created=created,
        updated=seconds(raw.get("updated")) or created,
        text=rich.to_markdown(raw.get("body"), cloud, url, LONGEST),
        restricted=_is_restricted(raw, properties),
        marker=marker_in(properties.get(MARKER_PROPERTY)),
        url=url,
    )


def marker_in(value: Any) -> str:
    """The marker in the value of a comment's property."""
    return str(value.get("marker") or "") if isinstance(value, Mapping) else ""


def _is_restricted(raw: Mapping[str, Any], properties: Mapping[str, Any]) -> bool:
    """Whether a comment is for a role or a group, or internal to the team of a service project. What
    cannot be read counts as restricted."""
    shown = properties.get(PUBLIC_PROPERTY, {"internal": False})
    internal = not isinstance(shown, Mapping) or shown.get("internal") not in (False, "false", None)
    return bool(raw.get("visibility")) or raw.get("jsdPublic") is False or internal


def by_age(comments: Iterable[TicketComment]) -> tuple[TicketComment, ...]:
    """Comments, oldest first."""
    return tuple(sorted(comments, key=lambda one: (one.created, _number(one.id))))
