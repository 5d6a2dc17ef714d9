"""Issues and incidents of the simulated workspace, and how webhooks and the REST API show them.

Times are nanoseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sync.sandbox.coalesce.inventory import APP, WORKSPACE
from sync.sandbox.coalesce.webhook_body import VIAS, camel

NANOS = 1_000_000_000


def nanos(seconds: float) -> int:
    """A time in seconds since the epoch, in nanoseconds, to the microsecond."""
    return round(seconds * 1_000_000) * 1000


def rfc3339(at: int) -> str:
    """A time as upstream writes it: UTC, with nine digits of fraction where there is a fraction."""
    seconds, fraction = divmod(at, NANOS)
    text = datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09}Z" if fraction else f"{text}Z"


@dataclass(slots=True)
class Remark:
    """A comment on an issue or an incident."""

    id: str
    message: str
    at: int
    actor: Mapping[str, Any]

    def api(self) -> dict[str, Any]:
        """The comment as the REST API shows it."""
        return {
            "id": self.id,
            "message": self.message,
            "createdAt": rfc3339(self.at),
            **({} if nobody(self.actor) else {"actor": api_actor(self.actor)}),
        }


@dataclass(slots=True)
class Issue:
    """An issue. ``severity`` is info, warn, error or fatal; ``status`` is "" until a person sets it."""

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
        """The message of a webhook, with names in snake_case."""
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
            "status_actor": dict(self.actor) if self.actor and not nobody(self.actor) else None,
            "owners": list(self.owners),
        }

    def api(self) -> dict[str, Any]:
        """The issue as ``POST /api/issues/v2/by-id`` shows it."""
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
        if self.actor and not nobody(self.actor):
            found["latestStatusActor"] = api_actor(self.actor)
        return found

    @property
    def lifecycle(self) -> str:
        """The lifecycle state, by which the REST API filters."""
        if self.ended_at:
            return "LIFECYCLE_STATE_CLOSED"
        resolved = self.status and self.status != "investigating"
        return f"LIFECYCLE_STATE_{'ONGOING_RESOLVED' if resolved else 'UNTRIAGED'}"


@dataclass(slots=True)
class Incident:
    """An incident. ``state`` is ``open``, ``closed`` or ``cancelled``; ``owner`` is an email address."""

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
    updated_by: Mapping[str, Any] | None = None
    owner: str = ""
    remarks: list[Remark] = field(default_factory=list)

    def webhook(self) -> dict[str, Any]:
        """The message of a webhook, with names in snake_case."""
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
        """The incident as the incidents API shows it, which leaves out when the incident ended."""
        return {
            "id": self.id,
            "index": self.index,
            "name": self.title,
            "issueIds": list(self.issue_ids),
            "createdBy": api_actor(self.actor),
            "createdAt": rfc3339(self.created_at),
            "updatedBy": api_actor(self.updated_by or self.actor),
            "updatedAt": rfc3339(self.updated_at),
            "state": f"STATE_{self.state.upper()}",
            "comments": [remark.api() for remark in self.remarks],
            **({"owner": {"email": self.owner}} if self.owner else {}),
        }


def event_of(type_: str, message: dict[str, Any], *, event_id: str, at: int) -> dict[str, Any]:
    """An event, as ``render`` takes it. ``message`` is what ``webhook`` returns."""
    return {
        "workspace": WORKSPACE,
        "event_id": event_id,
        "event_time": rfc3339(at),
        "type": type_,
        type_.partition("_")[0]: message,
    }


def nobody(actor: Mapping[str, Any]) -> bool:
    """Whether upstream shows an actor as nobody, because the name is that of a way to act."""
    return str(actor["name"]).strip().casefold() in VIAS


def api_actor(actor: Mapping[str, Any]) -> dict[str, Any]:
    """An actor as the REST API shows them, which leaves out by which channel they acted (``via``)."""
    found = camelled({key: value for key, value in actor.items() if key != "via"})
    assert isinstance(found, dict)
    return found


def camelled(value: Any) -> Any:
    """The value with all names in camelCase."""
    if isinstance(value, Mapping):
        return {camel(key): camelled(inner) for key, inner in value.items()}
    return value


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
