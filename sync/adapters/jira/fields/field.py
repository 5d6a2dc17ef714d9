"""A field of a Jira site: what it holds, and the names that rules may give it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class Shape(Enum):
    """What a field holds, which decides how it is written and read."""

    LINE = auto()
    TEXT = auto()
    LABELS = auto()
    NUMBER = auto()
    DATE = auto()
    DATETIME = auto()
    OPTION = auto()
    OPTIONS = auto()
    CASCADE = auto()
    NAMED = auto()
    NAMED_LIST = auto()
    USER = auto()
    USERS = auto()
    PARENT = auto()
    PROJECT = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Allowed:
    """One allowed value, with those below it (cascading select)."""

    id: str
    name: str
    children: tuple[Allowed, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A field as Jira describes it. ``allowed`` is None where Jira lists no values."""

    id: str
    name: str
    shape: Shape
    required: bool = False
    has_default: bool = False
    allowed: tuple[Allowed, ...] | None = None


_NAMED = {"priority", "resolution", "component", "version", "group", "issuetype", "securitylevel"}
_SINGLE = {
    "number": Shape.NUMBER,
    "date": Shape.DATE,
    "datetime": Shape.DATETIME,
    "option": Shape.OPTION,
    "option-with-child": Shape.CASCADE,
    "user": Shape.USER,
    "issuelink": Shape.PARENT,
    "project": Shape.PROJECT,
}


def shape_of(id_: str, schema: Mapping[str, Any]) -> Shape:
    """The shape for a schema as createmeta, ``/field`` and transitions give it."""
    kind, items = str(schema.get("type", "")), str(schema.get("items", ""))
    custom = str(schema.get("custom", "")).rsplit(":", 1)[-1]
    if id_ in ("description", "environment") or custom == "textarea":
        return Shape.TEXT
    if id_ == "labels" or custom == "labels":
        return Shape.LABELS
    if kind == "array":
        if items == "option":
            return Shape.OPTIONS
        if items == "user":
            return Shape.USERS
        return Shape.NAMED_LIST if items in _NAMED else Shape.OTHER
    if kind in _NAMED:
        return Shape.NAMED
    if kind == "string":
        return Shape.LINE
    return _SINGLE.get(kind, Shape.OTHER)


def _allowed(raw: Any) -> Allowed:
    if not isinstance(raw, Mapping):
        return Allowed(str(raw), str(raw))
    name = raw.get("value") or raw.get("name") or raw.get("key") or raw.get("id") or ""
    children = tuple(_allowed(child) for child in raw.get("children") or ())
    return Allowed(str(raw.get("id", "")), str(name), children)


def field_info(id_: str, raw: Mapping[str, Any]) -> FieldInfo:
    """A field from createmeta, a transition's screen, or ``/field``."""
    values = raw.get("allowedValues")
    return FieldInfo(
        id=id_,
        name=str(raw.get("name") or id_),
        shape=shape_of(id_, raw.get("schema") or {}),
        required=bool(raw.get("required")),
        has_default=bool(raw.get("hasDefaultValue")),
        allowed=tuple(_allowed(value) for value in values) if isinstance(values, list) else None,
    )


# Fields that every Jira has and describes alike, so that no call is needed to learn about them.
STANDARD: Mapping[str, FieldInfo] = {
    info.id: info
    for info in (
        FieldInfo("summary", "Summary", Shape.LINE),
        FieldInfo("description", "Description", Shape.TEXT),
        FieldInfo("environment", "Environment", Shape.TEXT),
        FieldInfo("priority", "Priority", Shape.NAMED),
        FieldInfo("resolution", "Resolution", Shape.NAMED),
        FieldInfo("security", "Security Level", Shape.NAMED),
        FieldInfo("labels", "Labels", Shape.LABELS),
        FieldInfo("components", "Components", Shape.NAMED_LIST),
        FieldInfo("fixVersions", "Fix versions", Shape.NAMED_LIST),
        FieldInfo("versions", "Affects versions", Shape.NAMED_LIST),
        FieldInfo("assignee", "Assignee", Shape.USER),
        FieldInfo("reporter", "Reporter", Shape.USER),
        FieldInfo("duedate", "Due date", Shape.DATE),
        FieldInfo("parent", "Parent", Shape.PARENT),
    )
}

_BY_NAME = {
    **{info.id.casefold(): info for info in STANDARD.values()},
    **{info.name.casefold(): info for info in STANDARD.values()},
}


def standard_fields(names: Iterable[str]) -> dict[str, FieldInfo]:
    """The standard fields that a rule means by ``names``, without the names of other fields."""
    return {name: info for name in names if (info := standard_field(name)) is not None}


def standard_field(name: str) -> FieldInfo | None:
    """The standard field that a rule names by id or name, as in ``due_date``; None for another."""
    return _BY_NAME.get(name.strip().casefold().replace("_", " "))
