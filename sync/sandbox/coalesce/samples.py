"""One made-up event of each type, for sending or previewing by hand."""

from __future__ import annotations

import time
import uuid
from typing import Any

from sync.sandbox.coalesce.inventory import ACTORS, APP, ASSETS, owner
from sync.sandbox.coalesce.subjects import NANOS, Incident, Issue, event_of, nanos
from sync.sandbox.coalesce.webhook_body import EVENT_TYPES, Format, encode, render

SAMPLES = tuple(EVENT_TYPES)
_HALF_AN_HOUR = 1800 * NANOS

_DESCRIPTION = """\
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

    ``subject`` is the id of the issue or incident, by default the same id in every sample, so that
    several samples are about one subject. ``now`` is the time of the event in seconds since the epoch,
    by default the machine's time. Raises KeyError for an unknown name.
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
    """Like ``sample``, as bytes and in the given form."""
    return encode(render(sample_event(name, subject=subject, title=title, now=now), form))


def sample_event(
    name: str, *, subject: str = "", title: str = "", now: float | None = None
) -> dict[str, Any]:
    """The event itself, as ``render`` takes it. Raises KeyError for an unknown name."""
    if name not in EVENT_TYPES:
        raise KeyError(f"no sample {name!r}; there are {', '.join(SAMPLES)}")
    at = nanos(time.time() if now is None else now)
    if name == "ping":
        message = {"message": "It works."}
    elif name.startswith("issue"):
        message = _issue(name, subject or _fixed_id("issue"), title, at)
    else:
        message = _incident(name, subject or _fixed_id("incident"), title, at)
    return event_of(name, message, event_id=str(uuid.uuid4()), at=at)


def _fixed_id(kind: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{APP}/sample/{kind}"))


def _issue(name: str, issue_id: str, title: str, at: int) -> dict[str, Any]:
    assets = {asset.name: asset for asset in ASSETS}
    orders, mart = assets["ANALYTICS.SALES.ORDERS"], assets["mart_revenue"]
    marked = name == "issue_status_updated"
    issue = Issue(
        id=issue_id,
        group_id=str(uuid.uuid5(uuid.NAMESPACE_URL, issue_id)),
        title=title or "ORDERS is stale: no new rows for 5 hours",
        description=_DESCRIPTION.replace("312", "342" if name == "issue_updated" else "312"),
        severity="error",
        trigger=orders.entity(),
        affected=[orders.entity(), mart.entity()],
        owners=[owner(orders.team)],
        monitor="freshness of ORDERS",
        message="Got 312 minutes since the last load, wanted at most 45.",
        run_id="run-20817",
        started_at=at - _HALF_AN_HOUR,
        updated_at=at,
        ended_at=at if name == "issue_closed" else None,
        status="investigating" if marked else "",
        actor=ACTORS[0] | {"via": "slack"} if marked else None,
    )
    html = "<p><strong>orders</strong> has not been loaded since 04:12 UTC.</p>"
    return issue.webhook() | {"description_html": html}


def _incident(name: str, incident_id: str, title: str, at: int) -> dict[str, Any]:
    incident = Incident(
        id=incident_id,
        index=1,
        title=title or "Sales figures are late",
        description="Loads of **ORDERS** fail, and with them everything about revenue.",
        issue_ids=[],
        actor=ACTORS[0],
        created_at=at - _HALF_AN_HOUR,
        updated_at=at,
        ended_at=None if name == "incident_open" else at,
    )
    html = "<p>Loads of <strong>ORDERS</strong> fail.</p>"
    return incident.webhook() | {"description_html": html}
