"""Issue and incident messages in canonical form: every field there, whatever was sent.

Names are upstream's in snake_case. Absent texts and times are "", absent lists [], an absent
``trigger_entity`` or ``status_actor`` is None. Titles and names are cut at 2,000 characters, texts at
100,000; lists are kept to 200 entries, and ``more_entities`` counts those left out. The source adds
``told_at``, the event's time in nanoseconds (0 for what the API told).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.adapters.coalesce.entities import actor, entities, entity, owners, status
from sync.adapters.coalesce.fields import LONG, get, text
from sync.adapters.coalesce.timestamps import received


def issue(message: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of an issue."""
    affected, more_affected = entities(get(message, "directly_affected_entities"))
    monitored, more_monitored = entities(get(message, "monitored_entities"))
    return {
        "issue_id": text(get(message, "issue_id")),
        "issue_group_id": text(get(message, "issue_group_id")),
        "issue_url": text(get(message, "issue_url")),
        **_both(message),
        "trigger_entity": entity(get(message, "trigger_entity")),
        "directly_affected_entities": affected,
        "monitored_entities": monitored,
        "more_entities": more_affected + more_monitored,
        "trigger_run_id": text(get(message, "trigger_run_id")),
        "trigger_name": text(get(message, "trigger_name")),
        "trigger_message": text(get(message, "trigger_message"), LONG),
        "status": status(get(message, "status")),
        "status_actor": actor(get(message, "status_actor")),
        "owners": owners(get(message, "owners")),
    }


def incident(message: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of an incident."""
    return {
        "incident_id": text(get(message, "incident_id")),
        "incident_url": text(get(message, "incident_url")),
        **_both(message),
    }


def _both(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": text(get(message, "title")),
        "description": text(get(message, "description"), LONG),
        "description_html": text(get(message, "description_html"), LONG),
        "started_at": received(get(message, "started_at")),
        "ended_at": received(get(message, "ended_at")),
    }
