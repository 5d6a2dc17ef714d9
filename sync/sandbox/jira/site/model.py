"""What the simulated Jira is made of: users, projects, workflows, fields, issues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sync.sandbox.jira.fields.plain import FieldType


class Dialect(StrEnum):
    CLOUD = "cloud"
    DATACENTER = "datacenter"


def stamp(seconds: float) -> str:
    """A time as Jira writes it: ``2026-01-31T09:00:00.000+0000``."""
    when = datetime.fromtimestamp(seconds, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}+0000"


@dataclass(frozen=True, slots=True)
class User:
    """``account_id`` names a user on Cloud, ``name`` on Data Center. ``secret`` is token or PAT."""

    account_id: str
    name: str
    display_name: str
    email: str
    secret: str = ""
    active: bool = True
    email_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A priority, resolution, component, version or the like."""

    id: str
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Category:
    id: int
    key: str
    name: str
    color: str


@dataclass(frozen=True, slots=True)
class Status:
    id: str
    name: str
    category: Category


@dataclass(frozen=True, slots=True)
class ScreenItem:
    """A field on a screen. ``default`` is what Jira fills in when it is not given."""

    field: str
    required: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Validator:
    """A check that shows only as a 400: ``field`` must hold a value ("comment" for a comment)."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Transition:
    """``sources`` None means global. ``resolve`` sets (a name) or clears ("") the resolution."""

    id: str
    name: str
    to: str
    sources: frozenset[str] | None = None
    screen: tuple[ScreenItem, ...] = ()
    validators: tuple[Validator, ...] = ()
    resolve: str | None = None

    @property
    def has_screen(self) -> bool:
        return bool(self.screen)


@dataclass(frozen=True, slots=True)
class Workflow:
    """``first``, ``statuses`` and ``locked`` are status ids; in ``locked`` no field can be edited."""

    name: str
    first: str
    statuses: tuple[str, ...]
    transitions: tuple[Transition, ...]
    locked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class IssueType:
    id: str
    name: str
    subtask: bool = False
    level: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    id: str
    value: str
    children: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldDef:
    """A field of the site. ``options`` belong to select fields."""

    id: str
    name: str
    type: FieldType
    options: tuple[Option, ...] = ()

    @property
    def custom(self) -> bool:
        return self.id.startswith("customfield_")


@dataclass(slots=True)
class Project:
    """Screens are by issue type id, ``denied`` permissions by account id."""

    id: str
    key: str
    name: str
    types: tuple[IssueType, ...]
    workflow: Workflow
    create_screens: dict[str, tuple[ScreenItem, ...]]
    edit_screens: dict[str, tuple[ScreenItem, ...]]
    components: list[Named] = field(default_factory=list)
    versions: list[Named] = field(default_factory=list)
    lead: str = ""
    simplified: bool = False
    archived: bool = False
    counter: int = 0
    denied: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RichText:
    """Rich text in both forms. On Cloud ``adf`` is what is kept; on Data Center ``wiki``."""

    adf: Mapping[str, Any]
    wiki: str


@dataclass(slots=True)
class Comment:
    id: str
    author: str
    body: RichText
    created: float
    updated: float
    update_author: str
    properties: dict[str, Any] = field(default_factory=dict)
    visibility: Any = None


@dataclass(slots=True)
class RemoteLink:
    id: int
    global_id: str
    object: dict[str, Any]
    relationship: str = ""
    application: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LinkType:
    id: str
    name: str
    inward: str
    outward: str


@dataclass(frozen=True, slots=True)
class IssueLink:
    """``source`` shows the type's outward words and ``target`` under them (ids of issues)."""

    id: str
    type: LinkType
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class HistoryItem:
    field: str
    field_id: str
    before: str | None
    before_text: str | None
    after: str | None
    after_text: str | None


@dataclass(frozen=True, slots=True)
class History:
    id: str
    author: str
    created: float
    items: tuple[HistoryItem, ...]


@dataclass(slots=True)
class Issue:
    """``values`` holds fields by id in the field type's own form; status and type stand apart."""

    id: int
    key: str
    project: str
    type: str
    status: str
    creator: str
    created: float
    updated: float
    values: dict[str, Any] = field(default_factory=dict)
    resolved: float | None = None
    comments: list[Comment] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)
    remote_links: list[RemoteLink] = field(default_factory=list)
    links: list[IssueLink] = field(default_factory=list)
    history: list[History] = field(default_factory=list)
    deleted: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.values.get("labels") or ())
