"""Subjects and rule sets for tests of rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.domain.subject import EventType, Kind, Snapshot, Status, SubjectRef
from sync.rules import Defaults, RuleSet, parse

DEFAULTS = Defaults({"main": "DATA", "ops": None}, "main")
SECOND = 1_000_000_000
BEGAN = 1_725_624_896 * SECOND  # 2024-09-06T12:14:56Z


def entity(name: str = "orders", platform: str = "snowflake_table", **identifier: str) -> Any:
    return {
        "name": name,
        "type_name": "Table",
        "folder": "/analytics/mart",
        "entity_url": f"https://app.example.com/e/{name}",
        "identifier": {
            "platform": platform,
            **(identifier or {"database": "ANALYTICS", "schema": "MART", "table": name.upper()}),
        },
    }


def owner(title: str, id: str = "") -> dict[str, str]:
    return {
        "id": id or title.lower().replace(" ", "-"),
        "title": title,
        "url": "https://app.example.com/o/1",
    }


def issue(
    id: str = "00000000-0000-4000-8000-000000000001",
    *,
    status: Status = Status.OPEN,
    at: int = 0,
    severity: str = "",
    workspace: str = "acme",
    **payload: Any,
) -> Snapshot:
    """An issue, ``at`` seconds after it began."""
    body: dict[str, Any] = {
        "issue_id": id,
        "issue_group_id": "group-1",
        "issue_url": f"https://app.example.com/issues/{id}",
        "title": "Table orders is stale",
        "description": "No rows since **noon**.",
        "description_html": "<p>No rows</p>",
        "trigger_entity": entity(),
        "directly_affected_entities": [entity("customers")],
        "monitored_entities": [entity("payments")],
        "started_at": "2024-09-06T12:14:56Z",
        "ended_at": "",
        "trigger_run_id": "run-1",
        "trigger_name": "freshness",
        "trigger_message": "3 hours late",
        "status": "",
        "status_actor": None,
        "owners": [owner("Data Platform")],
        **payload,
    }
    kinds = {Status.CLOSED: EventType.ISSUE_CLOSED, Status.OPEN: EventType.ISSUE_CREATED}
    return Snapshot(
        ref=SubjectRef("coalesce", Kind.ISSUE, id),
        workspace=workspace,
        status=status,
        event_type=kinds.get(status, EventType.ISSUE_STATUS_UPDATED),
        event_time=BEGAN + at * SECOND,
        event_id=f"event-{id}-{at}",
        payload=body,
        severity=severity,
    )


def incident(
    id: str = "00000000-0000-4000-8000-0000000000aa",
    *,
    status: Status = Status.OPEN,
    at: int = 0,
    **payload: Any,
) -> Snapshot:
    body: dict[str, Any] = {
        "incident_id": id,
        "incident_url": f"https://app.example.com/incidents/{id}",
        "title": "Warehouse is down",
        "description": "All loads fail.",
        "description_html": "",
        "started_at": "2024-09-06T12:14:56Z",
        "ended_at": "",
        **payload,
    }
    kinds = {
        Status.CLOSED: EventType.INCIDENT_CLOSED,
        Status.CANCELLED: EventType.INCIDENT_CANCELLED,
    }
    return Snapshot(
        ref=SubjectRef("coalesce", Kind.INCIDENT, id),
        workspace="acme",
        status=status,
        event_type=kinds.get(status, EventType.INCIDENT_OPEN),
        event_time=BEGAN + at * SECOND,
        event_id=f"event-{id}-{at}",
        payload=body,
    )


def rules(text: str, defaults: Defaults = DEFAULTS, **more: str) -> RuleSet:
    """The rules of one text, as ``10.toml``, and of others by name."""
    files: Mapping[str, str] = {"10.toml": text, **{f"{k}.toml": v for k, v in more.items()}}
    return parse(files, defaults)


def desired(text: str, *snapshots: Snapshot, **kwargs: Any) -> Any:
    """What the rule that matches the first subject asks for."""
    given = snapshots or (issue(),)
    rule = rules(text).match(given[0])
    assert rule is not None
    return rule.project_ticket(rule.ticket_key(given[0]), given, **kwargs)
