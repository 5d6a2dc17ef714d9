"""Translates canonical values into the form that Jira takes, and the values that Jira shows back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sync.adapters.jira.fields import apps
from sync.adapters.jira.fields.field import FieldInfo, Shape, below, name_of
from sync.adapters.jira.fields.values import datetime_form, parse_datetime
from sync.adapters.jira.text import rich as text
from sync.domain.names import Name
from sync.domain.ticket import Document


def encode(
    values: Mapping[str, Any], infos: Mapping[str, FieldInfo], cloud: bool
) -> dict[str, Any]:
    """Canonical values in the form that Jira takes, all by field id. None clears a field."""
    return {id_: _encoded(infos[id_].shape, value, cloud) for id_, value in values.items()}


def decode(raw: Mapping[str, Any], infos: Mapping[str, FieldInfo], cloud: bool) -> dict[str, Any]:
    """Jira's values in canonical form, by field id. The form of a value decides how a field without an
    info is read."""
    return {id_: _decoded(infos.get(id_), value, cloud) for id_, value in raw.items()}


def _encoded(shape: Shape, value: Any, cloud: bool) -> Any:
    if isinstance(value, Document) or shape is Shape.TEXT:
        return text.to_jira(value if isinstance(value, Document) else None, cloud)
    if value is None or value == []:
        return [] if shape in _LISTS else None
    write = _WRITE.get(shape)
    return write(value, cloud) if write else value


def by_id(value: str, otherwise: str = "name") -> dict[str, Any]:
    """How a thing is named in a call: by its id, where that is known."""
    id_ = value.id if isinstance(value, Name) else ""
    return {"id": id_} if id_ else {otherwise: value}


def _cascade(value: str, cloud: bool) -> dict[str, Any]:
    if isinstance(value, Name) and value.id:
        word, (parent, _, child) = "id", value.id.partition(">")
    else:
        word, (parent, _, child) = "value", value.partition(" > ")
    return {word: parent, "child": {word: child}} if child else {word: parent}


def _user(name: str, cloud: bool) -> dict[str, str]:
    return {"accountId" if cloud else "name": name}


def _id_or_key(value: Any, cloud: bool) -> dict[str, Any]:
    return {"id" if str(value).isdigit() else "key": value}


# Cleared by an empty list; fields of other shapes by null.
_LISTS = {Shape.LABELS, Shape.NAMED_LIST, *apps.MANY}
# Values of other shapes go to Jira unchanged.
_WRITE: Mapping[Shape, Callable[[Any, bool], Any]] = {
    Shape.MARKUP_LINE: text.line_to_jira,
    Shape.OPTION: lambda value, cloud: by_id(value, "value"),
    Shape.OPTIONS: lambda value, cloud: [by_id(name, "value") for name in value],
    Shape.CASCADE: _cascade,
    Shape.NAMED: lambda value, cloud: by_id(value),
    Shape.NAMED_LIST: lambda value, cloud: [by_id(name) for name in value],
    Shape.USER: _user,
    Shape.USERS: lambda value, cloud: [_user(name, cloud) for name in value],
    Shape.PARENT: _id_or_key,
    Shape.PROJECT: _id_or_key,
    **apps.SENT,
}


def _decoded(info: FieldInfo | None, raw: Any, cloud: bool) -> Any:
    if info is not None and info.shape in _READ:
        return _READ[info.shape](raw, cloud)
    if info is not None and info.shape in apps.FORMS:
        return apps.ids_of(info.shape, raw)
    if raw is None or raw == "" or raw == []:
        return None
    if isinstance(raw, list):
        return sorted((_read(info, item, cloud) for item in raw), key=str)
    return int(raw) if isinstance(raw, float) and raw.is_integer() else _read(info, raw, cloud)


def _read(info: FieldInfo | None, raw: Any, cloud: bool) -> Any:
    """One value, together with its id where several values of the field share its name."""
    if info is not None and info.doubled and isinstance(raw, Mapping):
        name, child = name_of(raw), raw.get("child")
        if isinstance(child, Mapping):
            name = below(name, name_of(child))
        if name in info.doubled:
            return str(info.told_apart(name))
    if isinstance(raw, str) and (info is None or info.shape is Shape.OTHER):
        return apps.steady(raw)
    return _plain(raw, cloud)


def _text(raw: Any, cloud: bool) -> Document | None:
    made = text.from_jira(raw, cloud)
    return made if made.blocks else None


def _datetime(raw: Any, cloud: bool) -> Any:
    moment = parse_datetime(str(raw)) if raw else None
    return datetime_form(moment) if moment else raw or None


# For other shapes, the form of the value decides how it is read.
_READ: Mapping[Shape, Callable[[Any, bool], Any]] = {
    Shape.TEXT: _text,
    Shape.MARKUP_LINE: text.line_from_jira,
    Shape.LABELS: lambda raw, cloud: sorted(str(label) for label in raw or []),
    Shape.DATETIME: _datetime,
}


def _plain(raw: Any, cloud: bool) -> Any:
    """The name, key or id by which a JSON object of Jira's is known; other values as they are."""
    if not isinstance(raw, Mapping):
        return raw
    if raw.get("type") == "doc" and isinstance(raw.get("content"), list):
        return text.from_jira(raw, cloud)
    if "value" in raw and not (cloud and raw.get("accountId")):
        child = raw.get("child")
        return f"{raw['value']}" + (
            f" > {child.get('value')}" if isinstance(child, Mapping) else ""
        )
    for name in _names(raw, cloud):
        if raw.get(name) not in (None, ""):
            return str(raw[name])
    return dict(raw)


def _names(raw: Mapping[str, Any], cloud: bool) -> tuple[str, ...]:
    """Which members of a JSON object may identify it, best first."""
    by_key = "key" in raw and ("name" not in raw or "projectTypeKey" in raw)
    first = ("accountId",) if cloud else ()
    return (*first, "key", "name", "id") if by_key else (*first, "name", "key", "id")
