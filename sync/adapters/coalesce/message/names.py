"""Names of Coalesce Quality's own: the source's, and the numbers of its event types."""

from __future__ import annotations

# The name of this source in references to its subjects, and in the path of its webhook.
NAME = "coalesce"

# ``synq.webhooks.v1.EventType``.
EVENT_TYPES = {
    10: "ping",
    11: "issue_created",
    12: "issue_updated",
    13: "issue_status_updated",
    14: "issue_closed",
    20: "incident_open",
    21: "incident_closed",
    22: "incident_cancelled",
}
