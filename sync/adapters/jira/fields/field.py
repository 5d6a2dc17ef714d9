"""A field of a Jira site: what it holds, and the names that rules may give it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from sync.domain.names import Name


class Shape(Enum):
    """What a field holds, which decides how it is written and read."""

    LINE = auto()
    # A line that Data Center shows as wiki markup, unless its administrators have chosen otherwise.
    MARKUP_LINE = auto()
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
    # Fields of Jira's own apps: see ``fields/apps.py``.
    TEAM = auto()
    SPRINT = auto()
    EPIC_LINK = auto()
    # The short name that Data Center wants of an epic beside its summary.
    EPIC_NAME = auto()
    REQUEST_TYPE = auto()
    ORGANIZATIONS = auto()
    ASSETS = auto()
    OTHER = auto()


# Shapes whose value is chosen among values that the site defines.
CHOSEN = frozenset({Shape.OPTION, Shape.OPTIONS, Shape.CASCADE, Shape.NAMED, Shape.NAMED_LIST})


@dataclass(frozen=True, slots=True)
class Allowed:
    """One allowed value, with those below it (cascading select). ``released`` and ``archived`` are for
    versions; ``released`` is None for all else."""

    name: Name
    children: tuple[Allowed, ...] = ()
    released: bool | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A field as Jira describes it. ``allowed`` is None where Jira lists no values; ``doubled`` are the
    names that several allowed values share."""

    id: str
    name: str
    shape: Shape
    required: bool = False
    has_default: bool = False
    allowed: tuple[Allowed, ...] | None = None
    doubled: frozenset[str] = frozenset()

    @property
    def called(self) -> Name:
        return Name.of(self.name, self.id)

    def told_apart(self, name: Name) -> Name:
        """The name of a value, together with its id where the name alone does not tell which it is."""
        if name not in self.doubled:
            return name
        return Name(f"{name} (id {name.id})", name.id, name.untranslated)


_NAMED = {"priority", "resolution", "component", "version", "group", "issuetype", "securitylevel"}
_MANY = {"option": Shape.OPTIONS, "user": Shape.USERS}
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


# Fields of Jira's apps, by the last part of the custom type in their schema.
_APPS = {
    "rm-teams-custom-field-team": Shape.TEAM,
    "atlassian-team": Shape.TEAM,
    "gh-sprint": Shape.SPRINT,
    "gh-epic-link": Shape.EPIC_LINK,
    "gh-epic-label": Shape.EPIC_NAME,
    "vp-origin": Shape.REQUEST_TYPE,
    "sd-customer-organizations": Shape.ORGANIZATIONS,
    "cmdb-object-cftype": Shape.ASSETS,
    "rlabs-customfield-default-object": Shape.ASSETS,
}


def shape_of(id_: str, schema: Mapping[str, Any]) -> Shape:
    """The shape for a schema as createmeta, ``/field`` and transitions give it."""
    kind, items = str(schema.get("type", "")), str(schema.get("items", ""))
    custom = str(schema.get("custom", "")).rsplit(":", 1)[-1]
    if custom in _APPS:
        return _APPS[custom]
    if id_ in ("description", "environment") or custom == "textarea":
        return Shape.TEXT
    if id_ == "labels" or custom == "labels":
        return Shape.LABELS
    if kind == "array":
        return Shape.NAMED_LIST if items in _NAMED else _MANY.get(items, Shape.OTHER)
    if kind in _NAMED:
        return Shape.NAMED
    if kind == "string":
        return Shape.MARKUP_LINE if custom == "textfield" else Shape.LINE
    return _SINGLE.get(kind, Shape.OTHER)


def _allowed(raw: Any) -> Allowed:
    if not isinstance(raw, Mapping):
        return Allowed(Name(str(raw)))
    children = tuple(_allowed(child) for child in raw.get("children") or ())
    released = bool(raw["released"]) if "released" in raw else None
    return Allowed(name_of(raw), children, released, bool(raw.get("archived")))


def name_of(raw: Mapping[str, Any]) -> Name:
    """The name of a thing in JSON of Jira's: its own, else its key or id."""
    name = raw.get("value") or raw.get("name") or raw.get("key") or raw.get("id") or ""
    return Name(str(name), str(raw.get("id") or ""), str(raw.get("untranslatedName") or ""))


def below(parent: Name, child: Name) -> Name:
    """The value of a cascading select: an option and one below it, by name and by id."""
    return Name(f"{parent} > {child}", f"{parent.id}>{child.id}" if parent.id and child.id else "")


def level_of(raw: Mapping[str, Any]) -> int:
    """The level of an issue type in JSON of Jira's: -1 for sub-tasks, 0 for what they are parts of, more
    for what is above that. Data Center tells sub-tasks only; its other types are all of level 0."""
    level = raw.get("hierarchyLevel")
    return level if isinstance(level, int) else -1 if raw.get("subtask") else 0


def _doubled(allowed: Iterable[Allowed]) -> frozenset[str]:
    values = [
        (one.name, *(below(one.name, child.name) for child in one.children)) for one in allowed
    ]
    counts = Counter(str(name) for names in values for name in names)
    return frozenset(name for name, count in counts.items() if count > 1)


def with_allowed(info: FieldInfo, names: Iterable[Name]) -> FieldInfo:
    """The field with these as its allowed values, as a transition's screen lists them."""
    if info.shape is Shape.CASCADE:
        return info
    allowed = tuple(map(Allowed, names))
    return replace(info, allowed=allowed or None, doubled=_doubled(allowed))


def field_info(id_: str, raw: Mapping[str, Any]) -> FieldInfo:
    """A field from createmeta, a transition's screen, or ``/field``."""
    values = raw.get("allowedValues")
    # A list without values, beside an address to search values at, is not the list of all values.
    if isinstance(values, list) and (values or not raw.get("autoCompleteUrl")):
        allowed = tuple(map(_allowed, values))
    else:
        allowed = None
    name = str(raw.get("name") or id_)
    return FieldInfo(
        id=id_,
        name=Name(name, id_, str(raw.get("untranslatedName") or "")),
        shape=shape_of(id_, raw.get("schema") or {}),
        required=bool(raw.get("required")),
        has_default=bool(raw.get("hasDefaultValue")),
        allowed=allowed,
        doubled=_doubled(allowed or ()),
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


def own_words(names: Iterable[str]) -> dict[str, FieldInfo]:
    """The standard fields for those of the names that are words of the rule language, such as
    ``due_date``: they mean the standard field even where another field of the site has that name."""
    found = {name: standard_field(name) for name in names if name == name.lower()}
    return {name: info for name, info in found.items() if info is not None and " " not in name}


def standard_field(name: str) -> FieldInfo | None:
    """The standard field that a rule names by id or name, as in ``due_date``; None for another."""
    return _BY_NAME.get(name.strip().casefold().replace("_", " "))
