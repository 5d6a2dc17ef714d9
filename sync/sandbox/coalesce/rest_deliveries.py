"""The deliveries API, simulated: deliveries, their attempts, and redelivery."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from sync.sandbox.coalesce.api_request import (
    ApiError,
    Request,
    field_of,
    nanos_of,
    not_found,
    uuid_of,
)
from sync.sandbox.coalesce.outbox import Outbox, Outcome, Sending
from sync.sandbox.coalesce.subjects import NANOS, nanos, rfc3339

_IDS = {"issue": "issue_id", "incident": "incident_id"}
_MINUTE = 60.0

_FILTERS = ("integrationId", "eventId", "outcomes", "eventTypes", "statusCodes")


class DeliveriesApi:
    """The deliveries API. ``per_minute`` is the limit of redeliveries and test deliveries."""

    def __init__(self, outbox: Outbox, *, per_minute: int = 60) -> None:
        self._outbox = outbox
        self._sandbox = outbox.sandbox
        self.per_minute = per_minute
        self._asked: deque[float] = deque()

    def list_deliveries(self, request: Request) -> dict[str, Any]:
        """``GET /api/deliveries/v1``: newest event first."""
        cursor = request.first("pagination.cursor")
        rows = sorted(
            (one for one in list(self._outbox.sendings.values()) if self._wanted(one, request)),
            key=lambda one: (str(one.event["event_time"]), one.id),
            reverse=True,
        )
        ids = [one.id for one in rows]
        if cursor:
            rows = rows[ids.index(cursor) + 1 :] if cursor in ids else []
        size = request.page_size()
        page = rows[:size]
        more = len(rows) > size
        info = {"count": len(page), "lastId": page[-1].id if more else ""}
        return {"deliveries": [self._shown(one) for one in page], "pageInfo": info}

    def attempts(self, delivery_id: str) -> dict[str, Any]:
        """``GET …/{id}/attempts``: oldest first."""
        sending = self._found(delivery_id)
        return {
            "attempts": [
                {
                    "attemptedAt": _stamp(one.at),
                    "statusCode": one.reply.status,
                    "error": one.reply.error,
                    "http": {
                        "requestHeaders": dict(sending.headers),
                        **({"requestBody": sending.body.decode()} if sending.body_kept else {}),
                    },
                }
                for one in sending.attempts
            ]
        }

    def redeliver(self, delivery_id: str) -> dict[str, Any]:
        """``POST …/{id}/redeliver``."""
        sending = self._found(delivery_id)
        self._limit("redeliveries")
        return {"delivery": self._shown(self._outbox.redeliver(sending))}

    def _limit(self, what: str) -> None:
        now = self._sandbox.clock.time()
        while self._asked and self._asked[0] <= now - _MINUTE:
            self._asked.popleft()
        if len(self._asked) >= self.per_minute:
            wait = self._asked[0] + _MINUTE - now
            raise ApiError(429, 8, f"too many {what}", retry_after=wait)
        self._asked.append(now)

    def test(self, request: Request) -> dict[str, Any]:
        """``POST …/test``: a test delivery to an integration of the workspace."""
        body = request.json()
        if (
            uuid_of(field_of(body, "integration_id"), "integrationId")
            != self._sandbox.integration_id
        ):
            raise not_found("integration")
        self._limit("test deliveries")
        self._sandbox.ping(str(body.get("message") or "It works."))
        return {}

    def summarise(self, request: Request) -> dict[str, Any]:
        """``POST …/summarise``: how many there are, in all and by outcome."""
        since = request.json().get("since")
        start = nanos_of(since, "since") / NANOS if since else 0.0
        sendings = list(self._outbox.sendings.values())
        counts = Counter(_outcome(one) for one in sendings if one.created_at >= start)
        by_outcome = [{"outcome": name, "count": count} for name, count in counts.items()]
        return {"total": counts.total(), "byOutcome": by_outcome}

    def _found(self, delivery_id: str) -> Sending:
        sending = self._outbox.sendings.get(delivery_id)
        if sending is None:
            raise not_found("delivery")
        return sending

    def _wanted(self, one: Sending, request: Request) -> bool:
        """Whether a delivery passes every filter of the request. A filter that is absent passes all."""
        asked = {name: set(request.query.get(name, ())) - {""} for name in _FILTERS}
        values = {
            "integrationId": self._sandbox.integration_id,
            "eventId": one.event["event_id"],
            "outcomes": _outcome(one),
            "eventTypes": _event_type(one),
            "statusCodes": str(_last_status(one)),
        }
        if any(asked[name] and values[name] not in asked[name] for name in _FILTERS):
            return False
        for name, sign in (("since", 1), ("until", -1)):
            limit = request.first(name)
            if limit and sign * (one.created_at - nanos_of(limit, name) / NANOS) < 0:
                return False
        return True

    def _shown(self, one: Sending) -> dict[str, Any]:
        subject_type = str(one.event["type"]).partition("_")[0]
        message = one.event[subject_type]
        found: dict[str, Any] = {
            "id": one.id,
            "eventId": one.event["event_id"],
            "integrationId": self._sandbox.integration_id,
            "eventType": _event_type(one),
            "subject": {"type": "SUBJECT_TYPE_DELIVERY_TEST"},
            "createdAt": one.event["event_time"],
            "outcome": _outcome(one),
            "attemptCount": len(one.attempts),
            "redeliveryOf": one.redelivery_of,
            **({"skipReason": one.skip_reason} if one.skip_reason else {}),
        }
        if subject_type in _IDS:
            found["subject"] = {
                "type": f"SUBJECT_TYPE_{subject_type.upper()}",
                "id": message[_IDS[subject_type]],
                "title": message["title"],
                "url": message[f"{subject_type}_url"],
            }
        if one.attempts:
            found["lastAttemptAt"] = _stamp(one.attempts[-1].at)
            found["statusCode"] = _last_status(one)
        if one.outcome is Outcome.PENDING and one.next_at:
            found["nextAttemptAt"] = _stamp(one.next_at)
        return found


def _last_status(one: Sending) -> int:
    return one.attempts[-1].reply.status if one.attempts else 0


def _outcome(one: Sending) -> str:
    return f"OUTCOME_{one.outcome.value.upper()}"


def _event_type(one: Sending) -> str:
    return f"EVENT_TYPE_{one.event['type'].upper()}"


def _stamp(at: float) -> str:
    return rfc3339(nanos(at))
