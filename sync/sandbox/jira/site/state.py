"""The state of a site, and the contract between a site and its field types.

Site and FieldType stand in one file because each names the other: a site holds fields, and a field type
looks its values up in the site.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sync.ports import Clock
from sync.sandbox.jira.site.call import Call, Problem
from sync.sandbox.jira.site.events import Event, Webhook
from sync.sandbox.jira.site.model import (
    Board,
    Category,
    Comment,
    Dialect,
    History,
    HistoryItem,
    Issue,
    IssueType,
    LinkType,
    Named,
    Option,
    Project,
    Status,
    User,
)
from sync.sandbox.jira.site.rate_limits import Limits
from sync.sandbox.jira.site.search_index import SearchIndex

NO_ISSUE = "Issue does not exist or you do not have permission to see it."
_CUSTOM = "com.atlassian.jira.plugin.system.customfieldtypes:"


class Invalid(Exception):
    """A value that Jira refuses. The message is Jira's."""


class FieldType(ABC):
    """How values of a field are checked, kept, shown and worded.

    ``kind``, ``items`` and ``custom`` are the type, the type of a list's items and the custom type in
    field metadata. ``operations`` are the verbs that ``update`` may use. ``when_empty`` is the refusal
    of an empty value, "" where the field may be empty.
    """

    kind: ClassVar[str] = "string"
    items: ClassVar[str] = ""
    custom: ClassVar[str] = "textfield"
    operations: ClassVar[tuple[str, ...]] = ("set",)
    when_empty: ClassVar[str] = ""

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        """The value to keep, None for an empty one. Raises Invalid."""
        if raw is not None:
            return self.read(site, call, project, field, raw)
        if self.when_empty:
            raise Invalid(self.when_empty)
        return None

    @abstractmethod
    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        """The value to keep for a ``raw`` that is not None. Raises Invalid."""

    def kept(self, site: Site, before: Any, value: Any) -> Any:
        """What is kept once ``value`` was parsed for an issue that had ``before``."""
        return value

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        """The value as REST gives it; ``value`` may be None."""
        return value

    def text(self, site: Site, value: Any) -> str:
        """The value in words, for the history and for search; ``value`` may be None."""
        return "" if value is None else str(value)

    def ident(self, site: Site, value: Any) -> str | None:
        """The id by which the history names the value, None for a value that has none; ``value`` may be
        None."""
        return str(value.id) if hasattr(value, "id") else None

    def allowed(
        self, site: Site, call: Call, project: Project, field: FieldDef
    ) -> list[Any] | None:
        """``allowedValues`` of field metadata, None where the metadata lists no values."""
        return None


@dataclass(frozen=True, slots=True)
class FieldDef:
    """A field of the site. ``options`` are the choices of a select field."""

    id: str
    name: str
    type: FieldType
    options: tuple[Option, ...] = ()

    @property
    def custom(self) -> bool:
        return self.id.startswith("customfield_")

    @property
    def when_missing(self) -> str:
        """Jira's refusal where the field is required and a call leaves it empty."""
        return self.type.when_empty if self.id == "summary" else f"{self.name} is required."

    def schema(self) -> dict[str, Any]:
        """The field's schema as REST gives it."""
        schema: dict[str, Any] = {"type": self.type.kind}
        if self.type.items:
            schema["items"] = self.type.items
        if not self.custom:
            return {**schema, "system": self.id}
        number = int(self.id.removeprefix("customfield_"))
        kind = self.type.custom
        custom = kind if ":" in kind else _CUSTOM + kind
        return {**schema, "custom": custom, "customId": number}


@dataclass(slots=True)
class Site:
    """Everything a site holds.

    ``users`` are by account id, ``projects`` by key, ``issues`` by numeric id. ``keys`` holds the id for
    every key that an issue has or had, ``subtasks`` the ids by the parent's id. ``offset`` is how many
    seconds the site's time is ahead of ``clock``. Accounts in
    ``cannot_browse_users`` lack that global permission, those in ``no_agents`` a licence for service
    projects. ``translations`` gives, by language, what is
    shown in place of names of the site. ``limits`` None means no rate limits.
    ``basic_plane_only``: the database fails on characters of four bytes, as an old MySQL does.
    ``closed_sprints`` and ``future_sprints`` are ids; every other sprint is active. ``boards`` are by
    id, None on a Jira without Jira Software. ``most_characters`` is the longest rich text,
    ``most_comments`` how many comments an issue shows among its fields. ``administrators`` are account
    ids. ``version`` is that of Data Center. ``webhooks`` are by id. ``listeners`` get every event, once
    the call that made it has ended.
    """

    dialect: Dialect
    clock: Clock
    users: dict[str, User] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    categories: tuple[Category, ...] = ()
    types: dict[str, IssueType] = field(default_factory=dict)
    fields: dict[str, FieldDef] = field(default_factory=dict)
    priorities: list[Named] = field(default_factory=list)
    resolutions: list[Named] = field(default_factory=list)
    link_types: list[LinkType] = field(default_factory=list)
    issues: dict[int, Issue] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    subtasks: dict[int, list[int]] = field(default_factory=dict)
    index: SearchIndex = field(default_factory=SearchIndex)
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(10_001))
    offset: float = 0.0
    cannot_browse_users: set[str] = field(default_factory=set)
    no_agents: set[str] = field(default_factory=set)
    translations: dict[str, dict[str, str]] = field(default_factory=dict)
    limits: Limits | None = None
    basic_plane_only: bool = False
    closed_sprints: set[str] = field(default_factory=set)
    future_sprints: set[str] = field(default_factory=set)
    boards: dict[str, Board] | None = field(default_factory=dict)
    most_characters: int = 32_767
    most_comments: int = 5000
    administrators: set[str] = field(default_factory=set)
    version: str = "10.3.5"
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    listeners: list[Callable[[Event], None]] = field(default_factory=list)
    _untold: list[Event] = field(default_factory=list)

    @property
    def cloud(self) -> bool:
        return self.dialect is Dialect.CLOUD

    def now(self) -> float:
        return self.clock.time() + self.offset

    def user(self, name: str) -> User | None:
        """A user by account id on Cloud, by user name on Data Center."""
        if self.cloud:
            return self.users.get(name)
        return next((user for user in self.users.values() if user.name == name), None)

    def may(self, user: User | None, project: Project, permission: str) -> bool:
        """Whether the user has a permission in the project. None is an anonymous user, who has none."""
        if user is None or not user.active:
            return False
        return permission not in project.denied.get(user.account_id, ())

    def hides_users(self, user: User | None) -> bool:
        """Whether a user may not see who there is."""
        return user is None or user.account_id in self.cannot_browse_users

    def allows(self, call: Call, issue: Issue, permission: str) -> bool:
        """Whether the caller has a permission in the issue's project."""
        return self.may(call.user, self.projects[issue.project], permission)

    def shows(self, call: Call, comment: Comment) -> bool:
        """Whether the caller may see a comment, which may be restricted to a role or a group."""
        level = comment.visibility
        return level is None or (call.user is not None and level["value"] in call.user.groups)

    def administrates(self, user: User | None) -> bool:
        """Whether the user administrates the site."""
        return user is not None and user.active and user.account_id in self.administrators

    def project(self, call: Call, key_or_id: str) -> Project:
        """A project that the caller can see. Raises Problem(404)."""
        for found in self.visible_projects(call):
            if key_or_id in (found.key, found.id):
                return found
        raise Problem(404, f"No project could be found with key '{key_or_id}'.")

    def visible_projects(self, call: Call) -> list[Project]:
        return [p for p in self.projects.values() if self.may(call.user, p, "BROWSE_PROJECTS")]

    def find(self, id_or_key: str) -> Issue | None:
        """An issue by numeric id, by key, or by a key that it had before it was moved."""
        number = int(id_or_key) if id_or_key.isascii() and id_or_key.isdigit() else None
        if number is None:
            number = self.keys.get(id_or_key.upper())
        issue = self.issues.get(number) if number is not None else None
        return None if issue is None or issue.deleted else issue

    def visible(self, call: Call, id_or_key: str) -> Issue | None:
        """Like ``find``, but None also for an issue that the caller may not see."""
        issue = self.find(id_or_key)
        return issue if issue is not None and self.sees(call, issue) else None

    def sees(self, call: Call, issue: Issue) -> bool:
        """Whether the caller may see an issue: its project, and its security level."""
        level = issue.values.get("security")
        cleared = level is None or self.has_level(call.user, level)
        return cleared and self.allows(call, issue, "BROWSE_PROJECTS")

    def has_level(self, user: User | None, level: Named) -> bool:
        """Whether a user may see issues of a security level."""
        return user is not None and level.group in ("", *user.groups)

    def issue(self, call: Call) -> Issue:
        """The issue that a call's path names.

        Raises Problem(404) for an issue that does not exist or that the caller may not see, and
        Problem(429) for a write beyond the issue's limit.
        """
        issue = self.visible(call, call.params["issue"])
        if issue is None:
            raise Problem(404, NO_ISSUE if self.cloud else "Issue Does Not Exist")
        if call.method != "GET":
            self.count_write(call, issue)
        return issue

    def count_write(self, call: Call, issue: Issue) -> None:
        """Count one write to an issue. Raises Problem(429) beyond the issue's limit."""
        if self.limits is not None:
            self.limits.write(issue.id, call.now)

    def children(self, issue: Issue) -> list[Issue]:
        """The issue's subtasks."""
        children = (self.issues[number] for number in self.subtasks.get(issue.id, ()))
        return [child for child in children if not child.deleted]

    def touch(
        self,
        call: Call,
        issue: Issue,
        items: Iterable[HistoryItem] = (),
        comment: Comment | None = None,
    ) -> None:
        """Record a change of an issue in its history, its time of update and the search index.

        ``comment`` is one that goes along with the change in the same event.
        """
        changed = tuple(items)
        if changed:
            author = call.user.account_id if call.user else ""
            issue.history.append(History(str(next(self.ids)), author, call.now, changed))
        issue.updated = call.now
        self.index.put(issue, call.now)
        if changed or comment is not None:
            self.happen(call, issue, "issue_updated", changed, comment)

    def happen(
        self,
        call: Call,
        issue: Issue,
        name: str,
        items: tuple[HistoryItem, ...] = (),
        comment: Comment | None = None,
    ) -> None:
        """Keep an event, which the listeners get once the call has ended."""
        if not self.listeners:
            return
        change = issue.history[-1].id if items else ""
        author = call.user.account_id if call.user else ""
        event = Event(name, call.now, author, issue, items, change, comment, call.bulk)
        self._untold.append(event)

    def tell(self) -> None:
        """Tell the listeners of the events of a call that has ended."""
        untold, self._untold = self._untold, []
        for event in untold:
            for listener in list(self.listeners):
                listener(event)

    def sprint_state(self, sprint: str) -> str:
        """Whether a sprint (id) is closed, future or active."""
        if sprint in self.closed_sprints:
            return "closed"
        return "future" if sprint in self.future_sprints else "active"

    def resolution(self, name: str) -> Named | None:
        return next((one for one in self.resolutions if one.name == name), None)

    def show_value(self, call: Call, field_id: str, value: Any) -> Any:
        """A field's value as REST gives it."""
        definition = self.fields[field_id]
        return definition.type.show(self, call, definition, value)

    def value_text(self, field_id: str, value: Any) -> str:
        """A field's value in words."""
        return self.fields[field_id].type.text(self, value)
