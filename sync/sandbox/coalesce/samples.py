"""One made-up event of each type, to send or preview by hand."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from sync.sandbox.coalesce.webhook_body import EVENT_TYPES, Format, encode, render

SAMPLES = tuple(EVENT_TYPES)
WORKSPACE = "acme"
APP = "https://app.example.com"
_MINUTE = 60.0

DESCRIPTION = """\
**orders** has not been loaded since 04:12 UTC. It is usually loaded every **30 minutes**.

| measure | expected | found |
| --- | --- | --- |
| minutes since the last load | < 45 | 312 |
| rows in the last load | 11,000 to 14,000 | 0 |

The last load ended with:

```sql
copy into analytics.sales.orders from @raw.landing.orders;
-- Numeric value 'N/A' is not recognized
```

See the [run book](https://wiki.example.com/runbooks/orders), or ask in `#data-sales`.
"""


def sample(
    name: str, *, subject: str = "", title: str = "", now: float | None = None
) -> dict[str, Any]:
    """A webhook body of this type (one of ``SAMPLES``), in upstream's default form.

    ``subject`` is the id of the issue or incident (by default always the same one, so that several
    samples tell one story), ``now`` the time of the event. Raises KeyError for an unknown name.
    """
    return render(sample_event(name, subject=subject, title=title, now=now))


def sample_body(
    name: str,
    *,
    subject: str = "",
    title: str = "",
    now: float | None = None,
    form: Format = Format(),  # noqa: B008
) -> bytes:
    """Like ``sample``, as bytes and in a form of choice."""
    return encode(render(sample_event(name, subject=subject, title=title, now=now), form))


def sample_event(
    name: str, *, subject: str = "", title: str = "", now: float | None = None
) -> dict[str, Any]:
    """The event itself, as ``render`` takes it."""
    if name not in EVENT_TYPES:
        raise KeyError(f"no sample {name!r}; there are {', '.join(SAMPLES)}")
    at = time.time() if now is None else now
    event: dict[str, Any] = {
        "workspace": WORKSPACE,
        "event_id": str(uuid.uuid4()),
        "event_time": stamp(at),
        "type": name,
    }
    if name == "ping":
        return event | {"ping": {"message": "It works."}}
    if name.startswith("issue"):
        return event | {"issue": _issue(name, subject or _fixed_id("issue"), title, at)}
    return event | {"incident": _incident(name, subject or _fixed_id("incident"), title, at)}


def stamp(at: float) -> str:
    """Seconds since the epoch as upstream writes times: UTC, nine digits of fraction."""
    seconds, fraction = divmod(round(at * 1_000_000), 1_000_000)
    text = datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:06}000Z"


def _fixed_id(kind: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{APP}/sample/{kind}"))


def _issue(name: str, issue_id: str, title: str, at: float) -> dict[str, Any]:
    entity = {
        "name": "ANALYTICS.SALES.ORDERS",
        "type_name": "Snowflake table",
        "folder": "snowflake/analytics/sales",
        "entity_url": f"{APP}/entities/orders",
        "identifier": {
            "snowflake_table": {
                "account": "acme-eu1",
                "database": "ANALYTICS",
                "schema": "SALES",
                "table": "ORDERS",
            }
        },
    }
    mart = {
        "name": "mart_revenue",
        "type_name": "dbt model",
        "folder": "dbt/marts",
        "entity_url": f"{APP}/entities/mart_revenue",
        "identifier": {
            "dbt_cloud_node": {
                "account_id": "4711",
                "project_id": "12",
                "node_id": "model.acme.mart_revenue",
            }
        },
    }
    issue: dict[str, Any] = {
        "issue_id": issue_id,
        "issue_group_id": str(uuid.uuid5(uuid.NAMESPACE_URL, issue_id)),
        "issue_url": f"{APP}/issues/{issue_id}",
        "title": title or "ORDERS is stale: no new rows for 5 hours",
        "description": DESCRIPTION,
        "description_html": "<p><strong>orders</strong> has not been loaded since 04:12 UTC.</p>",
        "trigger_entity": entity,
        "directly_affected_entities": [entity, mart],
        "monitored_entities": [entity],
        "started_at": stamp(at - 30 * _MINUTE),
        "trigger_run_id": "run-20817",
        "trigger_name": "freshness of ORDERS",
        "trigger_message": "Got 312 minutes since the last load, wanted at most 45.",
        "owners": [
            {"id": "team-sales-data", "title": "Sales data", "url": f"{APP}/teams/sales-data"}
        ],
    }
    if name == "issue_updated":
        issue["description"] = DESCRIPTION.replace("312", "342")
    if name == "issue_status_updated":
        issue |= {
            "status": "investigating",
            "status_actor": {
                "name": "On-call engineer",
                "email": {"user_email": "on-call@example.com"},
                "via": "slack",
            },
        }
    if name == "issue_closed":
        issue["ended_at"] = stamp(at)
    return issue


def _incident(name: str, incident_id: str, title: str, at: float) -> dict[str, Any]:
    incident = {
        "incident_id": incident_id,
        "incident_url": f"{APP}/incidents/{incident_id}",
        "title": title or "Sales figures are late",
        "description": "Loads of **ORDERS** fail, and with them everything about revenue.",
        "description_html": "<p>Loads of <strong>ORDERS</strong> fail.</p>",
        "started_at": stamp(at - 30 * _MINUTE),
    }
    if name != "incident_open":
        incident["ended_at"] = stamp(at)
    return incident
