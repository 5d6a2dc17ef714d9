"""Webhook bodies in every form that upstream can send.

A body is nested or flat, in snake_case or camelCase, with enums by name or by number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

EVENT_TYPES = {
    "ping": 10,
    "issue_created": 11,
    "issue_updated": 12,
    "issue_status_updated": 13,
    "issue_closed": 14,
    "incident_open": 20,
    "incident_closed": 21,
    "incident_cancelled": 22,
}
ISSUE_STATUSES = {"investigating": 1, "expected": 2, "fixed": 3, "no_action_needed": 4}
VIAS = {"api": 1, "mcp": 2, "slack": 3, "pagerduty": 4}


@dataclass(frozen=True, slots=True)
class Format:
    """The form of a body. The defaults are upstream's defaults."""

    flat: bool = False
    camel: bool = False
    numbers: bool = False

    def __str__(self) -> str:
        return "-".join(
            (
                "flat" if self.flat else "nested",
                "camel" if self.camel else "snake",
                "number" if self.numbers else "name",
            )
        )


FORMATS = tuple(Format(*choice) for choice in product((False, True), repeat=3))


def render(event: Mapping[str, Any], form: Format = Format()) -> dict[str, Any]:
    """The webhook body of an event.

    ``event`` has ``workspace``, ``event_id``, ``event_time``, ``type`` (a key of ``EVENT_TYPES``), a
    message under ``issue``, ``incident`` or ``ping``, and possibly ``callbacks``. Names in a message
    are in snake_case; ``status`` and ``via`` are keys of ``ISSUE_STATUSES`` and ``VIAS``. The body
    leaves out empty values, as protobuf does.
    """
    type_ = event["type"]
    subject = type_ if type_ == "ping" else type_.partition("_")[0]
    message = _enums(event[subject], form)
    body: dict[str, Any] = {
        "workspace": event["workspace"],
        "event_id": event["event_id"],
        "event_time": event["event_time"],
        "event_type": _enum(type_, "EVENT_TYPE_", EVENT_TYPES, form),
    }
    if callbacks := event.get("callbacks"):
        body["callbacks"] = callbacks
    body[subject if form.flat or type_ == "ping" else type_] = (
        message if form.flat or type_ == "ping" else {subject: message}
    )
    rendered = _shaped(body, form)
    assert isinstance(rendered, dict)
    return rendered


def encode(body: Mapping[str, Any]) -> bytes:
    """A body as bytes of JSON."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def camel(name: str) -> str:
    """``issue_id`` as ``issueId``."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _enum(word: str, prefix: str, numbers: Mapping[str, int], form: Format) -> str | int:
    return numbers[word] if form.numbers else prefix + word.upper()


def _enums(message: Mapping[str, Any], form: Format) -> dict[str, Any]:
    found = dict(message)
    if status := found.get("status"):
        found["status"] = _enum(status, "ISSUE_STATUS_", ISSUE_STATUSES, form)
    actor = found.get("status_actor")
    if actor and actor.get("via"):
        found["status_actor"] = actor | {"via": _enum(actor["via"], "VIA_", VIAS, form)}
    return found


def _shaped(value: Any, form: Format) -> Any:
    if isinstance(value, Mapping):
        return {
            camel(key) if form.camel else key: _shaped(inner, form)
            for key, inner in value.items()
            # Protobuf leaves out empty texts and lists, but keeps an empty message that is set.
            if inner not in ("", [], None)
        }
    if isinstance(value, list | tuple):
        return [_shaped(inner, form) for inner in value]
    return value
