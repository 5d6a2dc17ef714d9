"""Deliveries in the API's answers: those that failed, and the attempts at them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from sync.adapters.coalesce.message.fields import child, get, number, text, word
from sync.adapters.coalesce.message.names import EVENT_TYPES
from sync.adapters.coalesce.message.timestamps import nanoseconds
from sync.ports import Attempt, FailedDelivery, SentDelivery


def failed_delivery(answer: Mapping[str, Any]) -> FailedDelivery | None:
    """A delivery that failed; None without an id, because its attempts could not be asked for."""
    id_ = get(answer, "id")
    if not isinstance(id_, str) or not id_:
        return None
    subject = child(answer, "subject") or {}
    nanos = nanoseconds(get(answer, "created_at")) or 0
    return FailedDelivery(
        id=id_,
        event_id=text(get(answer, "event_id")),
        event_type=word(get(answer, "event_type"), "event_type_", EVENT_TYPES),
        subject=text(get(subject, "id")),
        created_at=nanos / 1e9,
        status_code=number(get(answer, "status_code")) or 0,
        redelivery_of=text(get(answer, "redelivery_of")),
    )


def sent_delivery(answer: Mapping[str, Any]) -> SentDelivery:
    """A delivery in the sender's log, whatever became of it."""
    reason = get(answer, "skip_reason")
    return SentDelivery(
        event_id=text(get(answer, "event_id")),
        event_type=word(get(answer, "event_type"), "event_type_", EVENT_TYPES),
        outcome=text(get(answer, "outcome")).lower().removeprefix("outcome_"),
        reason=str(reason) if isinstance(reason, int) else text(reason),
        status_code=number(get(answer, "status_code")) or 0,
    )


def attempt(answer: Mapping[str, Any]) -> Attempt:
    """One attempt at a delivery."""
    http = child(answer, "http") or {}
    code = next(
        (
            found
            for holder in (answer, http)
            for name in ("status_code", "response_status_code", "response_status")
            if (found := number(get(holder, name)))
        ),
        0,
    )
    words = (
        text(get(answer, "error")) or text(get(http, "error")) or text(get(answer, "error_message"))
    )
    return Attempt(_exact(get(http, "request_body")), code, words)


def _exact(value: Any) -> bytes | None:
    """A body as it was sent. A proto field of type bytes is in base64, a field of type text is not."""
    if not isinstance(value, str) or not value:
        return None
    if not value.lstrip().startswith(("{", "[")):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return value.encode("utf-8", "surrogatepass")
    return value.encode("utf-8", "surrogatepass")
