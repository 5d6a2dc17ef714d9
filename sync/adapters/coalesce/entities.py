"""The parts of an issue message: entities with their identifiers, owners, actors, statuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.adapters.coalesce.fields import child, get, snake, text, word

# Lists are kept up to so many entries; ``more_entities`` of the payload counts the rest.
MOST_ENTRIES = 200
_MOST_PARTS = 20

_STATUSES = {1: "investigating", 2: "expected", 3: "fixed", 4: "no_action_needed"}
_VIAS = {1: "api", 2: "mcp", 3: "slack", 4: "pagerduty"}
_KNOWN_STATUSES = frozenset(_STATUSES.values())
_KNOWN_VIAS = frozenset(_VIAS.values())

# Platforms of ``synq.entities.v1.Identifier``, in the order in which one is chosen if several are set.
PLATFORMS = (
    "airflow_dag",
    "airflow_task",
    "bigquery_table",
    "clickhouse_table",
    "custom",
    "databricks_table",
    "dataproduct",
    "dbt_cloud_node",
    "dbt_core_node",
    "monitor",
    "mysql_table",
    "postgres_table",
    "redshift_table",
    "snowflake_table",
    "sql_mesh_audit",
    "sql_mesh_model",
    "synq_path",
    "trino_table",
)


def identifier(value: Any, *, depth: int = 0) -> dict[str, Any]:
    """An identifier, flattened: ``platform`` (e.g. ``snowflake_table``; "" where there is none) and
    that platform's own fields.

    A monitor's ``monitored_id`` is the identifier of what it monitors, flattened likewise.
    """
    flat: dict[str, Any] = {"platform": ""}
    if not isinstance(value, Mapping):
        return flat
    platform, parts = _platform(value)
    if parts is None:
        return flat
    flat["platform"] = platform
    for key in sorted(parts)[:_MOST_PARTS]:
        name, part = text(snake(key), 64), parts[key]
        if name == "monitored_id" and isinstance(part, Mapping):
            if depth == 0:
                flat[name] = identifier(part, depth=1)
        elif name != "platform" and (found := text(part)):
            flat.setdefault(name, found)
    return flat


def _platform(value: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    for platform in PLATFORMS:
        if (parts := child(value, platform)) is not None:
            return platform, parts
    for key in sorted(value):
        if isinstance(parts := value[key], Mapping):
            return text(snake(key), 64), parts
    return "", None


def entity(value: Any) -> dict[str, Any] | None:
    """An entity: ``name``, ``type_name``, ``folder``, ``entity_url``, ``identifier``. None if nothing
    of it can be read."""
    if not isinstance(value, Mapping):
        return None
    found: dict[str, Any] = {
        name: text(get(value, name)) for name in ("name", "type_name", "folder", "entity_url")
    }
    found["identifier"] = identifier(get(value, "identifier"))
    return (
        found
        if any(found[k] for k in found if k != "identifier") or found["identifier"]["platform"]
        else None
    )


def entities(value: Any) -> tuple[list[dict[str, Any]], int]:
    """The first entities of a list, and how many more there were."""
    if not isinstance(value, list):
        return [], 0
    found = [one for item in value[:MOST_ENTRIES] if (one := entity(item)) is not None]
    return found, max(0, len(value) - MOST_ENTRIES)


def owners(value: Any) -> list[dict[str, str]]:
    """The first owners of a list: ``id``, ``title``, ``url``."""
    if not isinstance(value, list):
        return []
    found = []
    for item in value[:MOST_ENTRIES]:
        owner = {
            name: text(get(item, name)) if isinstance(item, Mapping) else ""
            for name in ("id", "title", "url")
        }
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
    """By which way somebody acted: ``api``, ``mcp``, ``slack``, ``pagerduty`` or ""."""
    found = word(value, "via_", _VIAS)
    return found if found in _KNOWN_VIAS else ""


def status(value: Any) -> str:
    """A triage status: ``investigating``, ``expected``, ``fixed``, ``no_action_needed`` or "".

    Webhooks say ``ISSUE_STATUS_FIXED``, the API ``STATUS_FIXED``. A status newer than this program is
    "", which means open.
    """
    if isinstance(value, str):
        value = value.strip().upper().removeprefix("ISSUE_")
    found = word(value, "status_", _STATUSES)
    return found if found in _KNOWN_STATUSES else ""
