"""Issue and incident messages in canonical form (see ``sync.domain.payload``).

Titles and names are cut at 2,000 characters, texts at 100,000; lists are kept to 200 entries, and
``more_entities`` counts those left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.adapters.coalesce.message.entities import MOST_ENTRIES, actor, entity, owners, status
from sync.adapters.coalesce.message.fields import long_text, pick, read, text
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


def issue(message: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of an issue."""
    payload = {**empty_issue(), **read(message, _ISSUE)}
    for name, value in pick(message, _LISTS).items():
        payload[name], more = entities(value)
        payload["more_entities"] += more
    return payload


def incident(message: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of an incident."""
    return {**empty_incident(), **read(message, _INCIDENT)}
