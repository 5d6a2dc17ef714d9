"""Issues and incidents as the simulated workspace holds them, and how webhooks and the API show them.

Times are nanoseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sync.sandbox.coalesce.inventory import APP
from sync.sandbox.coalesce.webhook_body import camel

NANOS = 1_000_000_000


def rfc3339(nanos: int) -> str:
    """A time as upstream writes it."""
    seconds, fraction = divmod(nanos, NANOS)
    text = datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09}Z" if fraction else f"{text}Z"


@dataclass(slots=True)
class Remark:
    """A comment."""

    id: str
    message: str
    at: int
    actor: Mapping[str, Any]

    def api(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "id": self.id,
            "message": self.message,
            "createdAt": rfc3339(self.at),
            "actor": api_actor(self.actor),
        }


@dataclass(slots=True)
class Issue:
    """An issue. ``status`` and ``severity`` are short words, ``status`` "" where nobody set one."""

    id: str
    group_id: str
    title: str
    description: str
    severity: str
    trigger: dict[str, Any]
    affected: list[dict[str, Any]]
    owners: list[dict[str, str]]
    monitor: str
    message: str
    run_id: str
    started_at: int
    updated_at: int
    ended_at: int | None = None
    status: str = ""
    actor: Mapping[str, Any] | None = None
    remarks: list[Remark] = field(default_factory=list)

    def webhook(self) -> dict[str, Any]:
        """The message of a webhook, in snake_case."""
        return {
            "issue_id": self.id,
            "issue_group_id": self.group_id,
            "issue_url": f"{APP}/issues/{self.id}",
            "title": self.title,
            "description": self.description,
            "description_html": f"<p>{_escaped(self.title)}</p>",
            "trigger_entity": self.trigger,
            "directly_affected_entities": list(self.affected),
            "monitored_entities": [self.trigger],
            "started_at": rfc3339(self.started_at),
            "ended_at": rfc3339(self.ended_at) if self.ended_at else "",
            "trigger_run_id": self.run_id,
            "trigger_name": self.monitor,
            "trigger_message": self.message,
            "status": self.status,
            "status_actor": dict(self.actor) if self.actor else None,
            "owners": list(self.owners),
        }

    def api(self) -> dict[str, Any]:
        """As ``POST /api/issues/v2/by-id`` shows it."""
        found: dict[str, Any] = {
            "id": self.id,
            "name": self.title,
            "message": self.message,
            "currentMessage": self.message,
            "severity": f"SEVERITY_{self.severity.upper()}",
            "triggerEntity": camelled(self.trigger["identifier"]),
            "affectedEntities": [camelled(one["identifier"]) for one in self.affected],
            "state": "STATE_CLOSED" if self.ended_at else "STATE_OPEN",
            "startedAt": rfc3339(self.started_at),
            "updatedAt": rfc3339(self.updated_at),
            "latestStatus": f"STATUS_{(self.status or 'unspecified').upper()}",
            "comments": [remark.api() for remark in self.remarks],
            "lifecycleState": self.lifecycle,
        }
        if self.ended_at:
            found["endedAt"] = rfc3339(self.ended_at)
        if self.actor:
            found["latestStatusActor"] = api_actor(self.actor)
        return found

    @property
    def lifecycle(self) -> str:
        """The lifecycle state by which the API can filter."""
        if self.ended_at:
            return "LIFECYCLE_STATE_CLOSED"
        resolved = self.status and self.status != "investigating"
        return f"LIFECYCLE_STATE_{'ONGOING_RESOLVED' if resolved else 'UNTRIAGED'}"


@dataclass(slots=True)
class Incident:
    """An incident. ``state`` is ``open``, ``closed`` or ``cancelled``."""

    id: str
    index: int
    title: str
    description: str
    issue_ids: list[str]
    actor: Mapping[str, Any]
    created_at: int
    updated_at: int
    state: str = "open"
    ended_at: int | None = None

    def webhook(self) -> dict[str, Any]:
        """The message of a webhook, in snake_case."""
        return {
            "incident_id": self.id,
            "incident_url": f"{APP}/incidents/{self.id}",
            "title": self.title,
            "description": self.description,
            "description_html": f"<p>{_escaped(self.title)}</p>",
            "started_at": rfc3339(self.created_at),
            "ended_at": rfc3339(self.ended_at) if self.ended_at else "",
        }

    def api(self) -> dict[str, Any]:
        """As the incidents API shows it, which does not tell when it ended."""
        return {
            "id": self.id,
            "index": self.index,
            "name": self.title,
            "issueIds": list(self.issue_ids),
            "createdBy": api_actor(self.actor),
            "createdAt": rfc3339(self.created_at),
            "updatedBy": api_actor(self.actor),
            "updatedAt": rfc3339(self.updated_at),
            "state": f"STATE_{self.state.upper()}",
            "comments": [],
        }


def api_actor(actor: Mapping[str, Any]) -> dict[str, Any]:
    """An actor as the API shows it, which does not tell by which way they acted."""
    found = camelled({key: value for key, value in actor.items() if key != "via"})
    assert isinstance(found, dict)
    return found


def camelled(value: Any) -> Any:
    """The same with all names in camelCase."""
    if isinstance(value, Mapping):
        return {camel(key): camelled(inner) for key, inner in value.items()}
    return value


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
