"""The parts of an issue message: entities with their identifiers, owners, actors, statuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.adapters.coalesce.message.fields import (
    all_texts,
    child,
    get,
    pick,
    snake,
    text,
    texts,
    word,
)
from sync.domain.payload import PLATFORMS

# Lists are cut to this many entries; ``more_entities`` of the payload counts the rest.
MOST_ENTRIES = 200
_MOST_PARTS = 20

_STATUSES = {1: "investigating", 2: "expected", 3: "fixed", 4: "no_action_needed"}
_VIAS = {1: "api", 2: "mcp", 3: "slack", 4: "pagerduty"}
_KNOWN_STATUSES = frozenset(_STATUSES.values())
_KNOWN_VIAS = frozenset(_VIAS.values())


def identifier(value: Any, *, depth: int = 0) -> dict[str, Any]:
    """An identifier, flattened: ``platform`` (e.g. ``snowflake_table``; "" where there is none) and
    that platform's own fields.

    A monitor's ``monitored_id`` is the identifier of what it monitors, flattened likewise.
    """
    platform, parts = _platform(value) if isinstance(value, Mapping) else ("", {})
    flat: dict[str, Any] = {**all_texts(parts, _MOST_PARTS), "platform": platform}
    if depth == 0 and (monitored := child(parts, "monitored_id")) is not None:
        flat["monitored_id"] = identifier(monitored, depth=1)
    return flat


def _platform(value: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The platform and its fields; a platform newer than this program after those that are known."""
    for platform, parts in pick(value, PLATFORMS).items():
        if isinstance(parts, Mapping):
            return platform, parts
    for key in sorted(value):
        if isinstance(parts := value[key], Mapping):
            return text(snake(key), 64), parts
    return "", {}


def entity(value: Any) -> dict[str, Any] | None:
    """An entity: ``name``, ``type_name``, ``folder``, ``entity_url``, ``identifier``. None if nothing
    of it can be read."""
    if not isinstance(value, Mapping):
        return None
    found = texts(value, "name", "type_name", "folder", "entity_url")
    flat = identifier(get(value, "identifier"))
    return {**found, "identifier": flat} if any(found.values()) or flat["platform"] else None


def owners(value: Any) -> list[dict[str, str]]:
    """The first owners of a list: ``id``, ``title``, ``url``."""
    if not isinstance(value, list):
        return []
    found = []
    for item in value[:MOST_ENTRIES]:
        owner = texts(item if isinstance(item, Mapping) else {}, "id", "title", "url")
        if isinstance(item, str):
            owner["title"] = text(item)
        if any(owner.values()):
            found.append(owner)
    return found


def actor(value: Any) -> dict[str, str] | None:
    """Who did something: ``name``, ``email``, ``slack``, ``pagerduty``, ``via`` ("" where absent)."""
    if not isinstance(value, Mapping):
        return None
    found = {
        "name": text(get(value, "name")),
        "email": _id_in(value, "email", "user_email"),
        "slack": _id_in(value, "slack", "user_id"),
        "pagerduty": _id_in(value, "pagerduty", "user_id"),
        "via": via(get(value, "via")),
    }
    return found if any(found.values()) else None


def _id_in(value: Mapping[str, Any], name: str, inner: str) -> str:
    nested = child(value, name)
    return text(get(nested, inner)) if nested is not None else text(get(value, name))


def via(value: Any) -> str:
    """The channel through which a person acted: ``api``, ``mcp``, ``slack``, ``pagerduty`` or ""."""
    found = word(value, "via_", _VIAS)
    return found if found in _KNOWN_VIAS else ""


def status(value: Any) -> str:
    """A triage status: ``investigating``, ``expected``, ``fixed``, ``no_action_needed`` or "".

    Webhooks write ``ISSUE_STATUS_FIXED``, the API writes ``STATUS_FIXED``. A status that this program
    does not know is "", which means open.
    """
    if isinstance(value, str):
        value = value.strip().upper().removeprefix("ISSUE_")
    found = word(value, "status_", _STATUSES)
    return found if found in _KNOWN_STATUSES else ""
