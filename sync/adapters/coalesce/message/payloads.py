"""Issue and incident messages in canonical form (see ``sync.domain.payload``).

What a message leaves out is not always empty. Protobuf leaves out empty values, but some fields are
never empty once they had a value, so that for them "left out" means "not said":

- ``title``, ``started_at``, the address, the group, the trigger and its entity belong to the subject
  for good. ``description``, ``description_html`` and ``trigger_message`` are emptied by "" alone.
- ``ended_at``, ``status`` and ``status_actor`` are left out while there are none, and lists while they
  are empty. But every subject has a title: a message without one is only part of its subject, and says
  nothing of the lists that it leaves out. For ``status``, see ``webhook.source``.

Titles and names are cut at 2,000 characters, texts at 100,000; lists are kept to 200 entries, and
``more_entities`` counts those left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync.adapters.coalesce.message.entities import MOST_ENTRIES, actor, entity, owners, status
from sync.adapters.coalesce.message.fields import get, long_text, pick, read, text
from sync.adapters.coalesce.message.timestamps import received
from sync.domain.payload import empty_incident, empty_issue


def entities(value: Any) -> tuple[list[dict[str, Any]], int]:
    """The first entities of a list, and how many more there were."""
    if not isinstance(value, list):
        return [], 0
    found = [one for item in value[:MOST_ENTRIES] if (one := entity(item)) is not None]
    return found, max(0, len(value) - MOST_ENTRIES)


# How each field is read.
_BOTH = {
    "title": text,
    "description": long_text,
    "description_html": long_text,
    "started_at": received,
    "ended_at": received,
}
_ISSUE = {
    **_BOTH,
    "issue_id": text,
    "issue_group_id": text,
    "issue_url": text,
    "trigger_entity": entity,
    "trigger_run_id": text,
    "trigger_name": text,
    "trigger_message": long_text,
    "status": status,
    "status_actor": actor,
    "owners": owners,
}
_LISTS = ("directly_affected_entities", "monitored_entities")
_INCIDENT = {**_BOTH, "incident_id": text, "incident_url": text}


# By field: the type of which an empty value says that the field is now empty. Fields that are not named
# here never become empty.
_EMPTIED = {
    **dict.fromkeys(("description", "description_html", "trigger_message"), str),
    **dict.fromkeys(("owners", *_LISTS), list),
}
_NEVER = ()
# Fields that are empty when they are left out.
_STATE = ("ended_at", "status", "status_actor")
_LISTED = ("owners", *_LISTS)


def issue(message: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of an issue."""
    payload = {**empty_issue(), **read(message, _ISSUE)}
    for name, value in pick(message, _LISTS).items():
        payload[name], more = entities(value)
        payload["more_entities"] += more
    names = [name for name in _ISSUE if name not in (*_STATE, *_LISTED)]
    if is_part(payload):
        lists = any(isinstance(get(message, name), list) for name in _LISTS)
        names += [*_LISTED, *(() if lists else ("more_entities",))]
    return _with_left_out(payload, message, names)


def incident(message: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of an incident."""
    payload = {**empty_incident(), **read(message, _INCIDENT)}
    return _with_left_out(payload, message, [name for name in _INCIDENT if name not in _STATE])


def is_part(payload: Mapping[str, Any]) -> bool:
    """Whether the message of a payload is only part of its subject: it has no title."""
    return not payload["title"]


def _with_left_out(
    payload: dict[str, Any], message: Mapping[str, Any], names: Sequence[str]
) -> dict[str, Any]:
    """The payload with those of the fields that its message leaves out (see ``domain.subject``)."""
    said = pick(message, names)
    left_out = {
        name: None
        for name in names
        if not payload[name] and not isinstance(said.get(name), _EMPTIED.get(name, _NEVER))
    }
    return {**payload, "left_out": left_out} if left_out else payload
