"""Canonical values to what Jira takes, and what Jira shows to canonical values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.adapters.jira.fields.field import FieldInfo, Shape
from sync.adapters.jira.fields.values import datetime_form, parse_datetime
from sync.adapters.jira.text import rich as text
from sync.domain.ticket import Document


def encode(info: FieldInfo, value: Any, cloud: bool) -> Any:
    """A canonical value for the wire. None clears the field."""
    shape = info.shape
    if isinstance(value, Document) or shape is Shape.TEXT:
        return text.to_jira(value if isinstance(value, Document) else None, cloud)
    if value is None or value == []:
        return [] if shape in (Shape.LABELS, Shape.NAMED_LIST) else None
    if shape is Shape.OPTION:
        return {"value": value}
    if shape is Shape.OPTIONS:
        return [{"value": name} for name in value]
    if shape is Shape.CASCADE:
        parent, _, child = str(value).partition(" > ")
        return {"value": parent, "child": {"value": child}} if child else {"value": parent}
    if shape is Shape.NAMED:
        return {"name": value}
    if shape is Shape.NAMED_LIST:
        return [{"name": name} for name in value]
    user = "accountId" if cloud else "name"
    if shape is Shape.USER:
        return {user: value}
    if shape is Shape.USERS:
        return [{user: name} for name in value]
    if shape in (Shape.PARENT, Shape.PROJECT):
        return {"id" if str(value).isdigit() else "key": value}
    return value


def decode(info: FieldInfo | None, raw: Any, cloud: bool) -> Any:
    """What Jira shows, in canonical form. ``info`` None: told from the value's own shape."""
    shape = info.shape if info else None
    if shape is Shape.TEXT:
        made = text.from_jira(raw, cloud)
        return made if made.blocks else None
    if shape is Shape.LABELS:
        return sorted(str(label) for label in raw or [])
    if raw is None or raw == "" or raw == []:
        return None
    if isinstance(raw, list):
        return _decode_list(raw, cloud)
    if isinstance(raw, Mapping):
        return _decode_object(raw, cloud)
    if shape is Shape.DATETIME:
        moment = parse_datetime(str(raw))
        return datetime_form(moment) if moment else raw
    if isinstance(raw, float) and raw.is_integer():
        return int(raw)
    return raw


def _decode_list(raw: list[Any], cloud: bool) -> list[Any]:
    found = [_decode_object(v, cloud) if isinstance(v, Mapping) else v for v in raw]
    return sorted(found, key=str)


def _decode_object(raw: Mapping[str, Any], cloud: bool) -> Any:
    if raw.get("type") == "doc" and isinstance(raw.get("content"), list):
        return text.from_jira(raw, cloud)
    if cloud and raw.get("accountId"):
        return str(raw["accountId"])
    if "value" in raw:
        child = raw.get("child")
        below = f" > {child.get('value')}" if isinstance(child, Mapping) else ""
        return f"{raw['value']}{below}"
    if "key" in raw and "name" not in raw:
        return str(raw["key"])
    if "key" in raw and "projectTypeKey" in raw:
        return str(raw["key"])
    for name in ("name", "key", "id"):
        if raw.get(name) not in (None, ""):
            return str(raw[name])
    return dict(raw)
