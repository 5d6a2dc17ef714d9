"""Plain data of a Jira site: users, projects, workflows, issues, and an issue's comments and links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

# The property of a comment that says whether customers see the comment.
PUBLIC_PROPERTY = "sd.public.comment"


class Dialect(StrEnum):
    CLOUD = "cloud"
    DATACENTER = "datacenter"


def stamp(seconds: float) -> str:
    """A time as Jira writes it: ``2026-01-31T09:00:00.000+0000``."""
    when = datetime.fromtimestamp(seconds, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}+0000"


@dataclass(frozen=True, slots=True)
class User:
    """A user, named by ``account_id`` on Cloud and by ``name`` on Data Center.

    ``secret`` is the API token (Cloud) or the personal access token (Data Center), "" for a user who
    cannot call the API. ``scopes`` are the token's, None for a token without scopes. Names and messages
    are shown in the user's ``language``. ``groups`` are the groups and the roles that the user is in.
    ``app`` is an account that no person has, such as that of Jira Automation. ``deleted``: the account
    was closed, and only its id can still be seen.
    """

    account_id: str
    name: str
    display_name: str
    email: str
    secret: str = ""
    active: bool = True
    email_hidden: bool = False
    scopes: frozenset[str] | None = None
    language: str = "en_GB"
    key: str = ""
    groups: frozenset[str] = frozenset()
    app: bool = False
    deleted: bool = False

    @property
    def user_key(self) -> str:
        """The key of Data Center, which stays when the user is renamed."""
        return self.key or self.name


@dataclass(frozen=True, slots=True)
class Named:
    """A priority, a resolution, a component, a version or a security level.

    Versions may be ``released`` and ``archived``. An issue with a security level is seen by the users in
    its ``group`` alone, by everybody where that is "".
    """

    id: str
    name: str
    description: str = ""
    released: bool = False
    archived: bool = False
    group: str = ""


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


# What a transition's screen may list beside fields: a comment that goes along.
COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class ScreenItem:
    """A field on a screen, or ``COMMENT`` on that of a transition. ``default`` is the value that Jira
    fills in where a call gives none."""

    field: str
    required: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Validator:
    """A check of a transition that no metadata shows; it answers 400 with ``message``.

    ``field`` must hold a value; "comment" means that the call must add a comment.
    """

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition to the status ``to``, from the statuses ``sources`` (None: from every status).

    ``resolve`` is the name of the resolution that the transition sets, "" where it clears the
    resolution, None where it leaves the resolution alone.
    """

    id: str
    name: str
    to: str
    sources: frozenset[str] | None = None
    screen: tuple[ScreenItem, ...] = ()
    validators: tuple[Validator, ...] = ()
    resolve: str | None = None


@dataclass(frozen=True, slots=True)
class Workflow:
    """``first``, ``statuses`` and ``locked`` are status ids. A locked status forbids edits of fields."""

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


@dataclass(slots=True)
class Project:
    """Screens are by issue type id, ``denied`` permissions by account id.

    ``simplified`` marks a team-managed project, ``service`` a service project, whose customers see
    its public comments. ``levels`` are the security levels.
    ``assigns_lead``: the lead gets each issue that is made without an assignee.
    ``counter`` is the number in the newest issue's key.
    """

    id: str
    key: str
    name: str
    types: tuple[IssueType, ...]
    workflow: Workflow
    create_screens: dict[str, tuple[ScreenItem, ...]]
    edit_screens: dict[str, tuple[ScreenItem, ...]]
    components: list[Named] = field(default_factory=list)
    versions: list[Named] = field(default_factory=list)
    levels: list[Named] = field(default_factory=list)
    lead: str = ""
    assigns_lead: bool = False
    simplified: bool = False
    service: bool = False
    archived: bool = False
    counter: int = 0
    denied: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RichText:
    """Rich text. Cloud keeps ``adf`` and derives ``wiki`` from it; Data Center keeps ``wiki`` alone."""

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
    visibility: dict[str, str] | None = None

    @property
    def internal(self) -> bool:
        """Whether customers of a service project are kept from seeing the comment."""
        mark = self.properties.get(PUBLIC_PROPERTY)
        return isinstance(mark, Mapping) and mark.get("internal") is True


@dataclass(slots=True)
class RemoteLink:
    id: int
    global_id: str
    object: dict[str, Any]
    relationship: str = ""
    application: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Board:
    """A board of Jira Software over the issues of one project. ``sprints`` are ids of sprints, oldest
    first. Only boards of type kanban have none by nature."""

    id: str
    name: str
    type: str
    project: str
    sprints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkType:
    id: str
    name: str
    inward: str
    outward: str


@dataclass(frozen=True, slots=True)
class IssueLink:
    """A link between two issues, given by id: "source <outward words> target"."""

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
    """An issue. ``values`` holds the field values by field id, each in the form its field type keeps.

    ``resolved`` is when the issue got its resolution, None without a resolution.
    """

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
    # Names of files, by id.
    attachments: dict[str, str] = field(default_factory=dict)
    history: list[History] = field(default_factory=list)
    deleted: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.values.get("labels") or ())
