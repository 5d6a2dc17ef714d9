"""The site's state, and how things in it are found."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sync.ports import Clock
from sync.sandbox.jira.site.call import Call, Problem
from sync.sandbox.jira.site.model import (
    Category,
    Dialect,
    FieldDef,
    History,
    HistoryItem,
    Issue,
    IssueType,
    LinkType,
    Named,
    Project,
    Status,
    User,
)
from sync.sandbox.jira.site.rate_limits import Limits
from sync.sandbox.jira.site.search_index import SearchIndex

NO_ISSUE = "Issue does not exist or you do not have permission to see it."


@dataclass(slots=True)
class Site:
    """Everything a site holds. Users are by account id, projects by key, issues by numeric id."""

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
    limits: Limits | None = None

    @property
    def cloud(self) -> bool:
        return self.dialect is Dialect.CLOUD

    def now(self) -> float:
        return self.clock.time() + self.offset

    def user(self, name: str) -> User | None:
        """A user by what this dialect calls them."""
        if self.cloud:
            return self.users.get(name)
        return next((user for user in self.users.values() if user.name == name), None)

    def may(self, user: User | None, project: Project, permission: str) -> bool:
        if user is None or not user.active:
            return False
        return permission not in project.denied.get(user.account_id, ())

    def project(self, call: Call, key_or_id: str) -> Project:
        """A project that the caller can see. Raises Problem(404)."""
        found = self.projects.get(key_or_id) or next(
            (p for p in self.projects.values() if p.id == key_or_id), None
        )
        if found is None or not self.may(call.user, found, "BROWSE_PROJECTS"):
            raise Problem(404, f"No project could be found with key '{key_or_id}'.")
        return found

    def visible_projects(self, call: Call) -> list[Project]:
        return [p for p in self.projects.values() if self.may(call.user, p, "BROWSE_PROJECTS")]

    def find(self, id_or_key: str) -> Issue | None:
        """An issue by numeric id, key, or a key it had before it was moved."""
        number = int(id_or_key) if id_or_key.isascii() and id_or_key.isdigit() else None
        if number is None:
            number = self.keys.get(id_or_key.upper())
        issue = self.issues.get(number) if number is not None else None
        return None if issue is None or issue.deleted else issue

    def issue(self, call: Call) -> Issue:
        """The issue that a call's path names. Raises Problem(404) when gone or not visible."""
        issue = self.find(call.params["issue"])
        if issue is None or not self.may(
            call.user, self.projects[issue.project], "BROWSE_PROJECTS"
        ):
            raise Problem(404, NO_ISSUE if self.cloud else "Issue Does Not Exist")
        if call.method != "GET":
            self.count_write(call, issue)
        return issue

    def count_write(self, call: Call, issue: Issue) -> None:
        """Raises Problem(429) where the issue was written to too often."""
        if self.limits is not None:
            self.limits.write(issue.id, call.now)

    def children(self, issue: Issue) -> list[Issue]:
        """Issues whose parent this is, and which are subtasks."""
        return [
            self.issues[number]
            for number in self.subtasks.get(issue.id, ())
            if not self.issues[number].deleted
        ]

    def touch(self, call: Call, issue: Issue, items: Iterable[HistoryItem] = ()) -> None:
        """Note a change: history, time of update, search index."""
        changed = tuple(items)
        if changed:
            author = call.user.account_id if call.user else ""
            issue.history.append(History(str(next(self.ids)), author, call.now, changed))
        issue.updated = call.now
        self.index.put(issue, call.now)

    def resolution(self, name: str) -> Named | None:
        return next((one for one in self.resolutions if one.name == name), None)

    def show_value(self, call: Call, field_id: str, value: Any) -> Any:
        definition = self.fields[field_id]
        return definition.type.show(self, call, definition, value)

    def word_value(self, field_id: str, value: Any) -> str:
        definition = self.fields[field_id]
        return definition.type.text(self, definition, value)
