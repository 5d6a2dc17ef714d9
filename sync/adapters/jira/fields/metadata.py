"""What a site offers: issue types, fields of create screens, projects, users. Cached for a while.

While the site does not answer, an expired answer is used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast
from urllib.parse import quote

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.request import Call, records, unexpected
from sync.adapters.jira.fields.boards import Board, Boards, Sprint, chosen
from sync.adapters.jira.fields.choices import nearest, several
from sync.adapters.jira.fields.desks import Desks, Offer
from sync.adapters.jira.fields.field import (
    STANDARD,
    FieldInfo,
    Shape,
    field_info,
    level_of,
    name_of,
)
from sync.adapters.jira.fields.people import Account, People
from sync.adapters.jira.fields.values import OfferOf, PersonOf
from sync.domain.errors import Cause, Fault, Missing, Refused, Rejected, Scope, SiteDown
from sync.domain.names import Name, meant
from sync.domain.remembered import Remembered
from sync.domain.ticket import TicketRef

T = TypeVar("T")

_PAGE = 200
_MOST_PAGES = 50
# An answer younger than this many seconds is not asked for again because of a name that is not in it.
_YOUNG = 15.0
# An empty answer is kept for this many seconds only: somebody may soon add what was not found.
_NOTHING_TTL = 60.0
# An active sprint is believed for this many seconds: the tickets of a burst are one question.
_SPRINT_TTL = 60.0
# The most answers that are kept: a template of a rule may name any number of people.
_MOST_REMEMBERED = 2_000
_WHAT = "reading what the site offers"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the site answered: until when that is believed, when it was asked for, and the answer."""

    until: float
    at: float
    value: Any


class _Question:
    """One question to the site, its newest answer, and the lock of the thread that asks."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answer: _Answer | None = None

    def older(self, than: float) -> bool:
        """Whether there is an answer, from ``than`` (monotonic) or before."""
        return self.answer is not None and self.answer.at <= than


class Metadata:
    """Shared by threads. Two threads with the same question make one call. Methods that ask the site
    raise Refused, Rejected and SiteDown."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._patience = calls.site.hang_after
        self._people = People(calls)
        self._boards = Boards(calls)
        self._desks = Desks(calls)
        self._known: Remembered[tuple[str, ...], _Question] = Remembered(_MOST_REMEMBERED)
        # Fields of drafts and of transition screens: how to read and write them.
        self._learned: dict[str, FieldInfo] = dict(STANDARD)

    def issue_types(self, project: str) -> tuple[Name, ...]:
        """The issue types that our account may create in a project."""
        return tuple(name for name, _ in self.levels(project))

    def levels(self, project: str) -> tuple[tuple[Name, int], ...]:
        """The issue types that our account may create in a project, with their levels (``level_of``)."""

        def load() -> tuple[tuple[Name, int], ...]:
            path = f"issue/createmeta/{quote(project, safe='')}/issuetypes"
            raw = self._pages(path, ("issueTypes", "values"), project)
            return tuple((name_of(t), level_of(t)) for t in raw if "name" in t and "id" in t)

        return self._cached(("types", project), load)

    def issue_type(self, project: str, wished: Iterable[str]) -> Name:
        """The first of these issue types, given by name or id, that a project has.

        Raises Rejected where the project has none of them, or several of one name.
        """
        wished = tuple(wished)
        there = self.issue_types(project)
        for name in wished:
            found = meant(name, there)
            if len(found) > 1:
                raise several("issue types", name, found, cause=Cause.ISSUE_TYPE)
            if found:
                return found[0]
        raise self.no_issue_type(project, wished)

    def epic_type(self, project: str, wished: str = "") -> Name:
        """The issue type of a project's epics, or the one ``wished``, by name or id. Raises Rejected
        where the project has none, or several."""
        if wished:
            return self.issue_type(project, (wished,))
        levels = self.levels(project)
        above = [name for name, level in levels if level == 1]
        # Data Center tells no levels, but an epic has a field of its own for its short name.
        found = (
            above or meant("Epic", [name for name, _ in levels]) or self._with_epic_name(project)
        )
        if len(found) == 1:
            return found[0]
        if found:
            raise several("issue types of epics", "Epic", found, cause=Cause.ISSUE_TYPE)
        raise Rejected(
            f"project {project} has no issue type for epics that our account may create",
            cause=Cause.ISSUE_TYPE,
            remedy="Add one to the project, or name another beside `epic` as `issue_type`.",
        )

    def _with_epic_name(self, project: str) -> list[Name]:
        if self._calls.cloud():
            return []
        return [
            name
            for name in self.issue_types(project)
            if any(
                one.shape is Shape.EPIC_NAME for one in self.create_fields(project, name).values()
            )
        ]

    def open_epics(
        self, project: str, kind: Name, load: Callable[[], tuple[tuple[TicketRef, str], ...]]
    ) -> tuple[tuple[TicketRef, str], ...]:
        """The epics of a project that are not done, with their summaries; remembered for a minute."""
        return self._cached(("epics", project, kind.id), load, ttl=_NOTHING_TTL)

    def create_fields(self, project: str, issue_type: str) -> dict[str, FieldInfo]:
        """The fields of the create screen, by id. Raises Rejected for an unknown issue type."""
        known = isinstance(issue_type, Name) and issue_type.id
        id_ = known or self.issue_type(project, (issue_type,)).id

        def load() -> dict[str, FieldInfo]:
            path = f"issue/createmeta/{quote(project, safe='')}/issuetypes/{quote(id_, safe='')}"
            raw = self._pages(path, ("fields", "values"), project)
            found = {str(f.get("fieldId") or f.get("key")): f for f in raw}
            return {key: field_info(key, f) for key, f in found.items()}

        return self._cached(("create", project, id_), load)

    def link_types(self) -> tuple[Name, ...]:
        """The site's types of links between tickets."""

        def load() -> tuple[Name, ...]:
            raw = self._calls.make(Call.get("issueLinkType", "reading the link types"))
            found = raw.get("issueLinkTypes") if isinstance(raw, dict) else None
            return tuple(name_of(kind) for kind in records(found))

        return self._cached(("links",), load)

    def link_type(self, wished: str) -> Name:
        """The link type with this name or id. Raises Rejected where there is none, or several."""
        found = meant(wished, self.link_types())
        if not found and self._forget(lambda key: key == ("links",), _YOUNG):
            # Somebody may have added the type in Jira since it was last asked for.
            found = meant(wished, self.link_types())
        if len(found) > 1:
            raise several("link types", wished, found, cause=Cause.RULE)
        if not found:
            raise Rejected(
                f"the site has no link type {wished!r}",
                cause=Cause.RULE,
                remedy=nearest(wished, self.link_types()),
            )
        return found[0]

    def all_fields(self) -> dict[str, FieldInfo]:
        """All fields of the site, by id."""

        def load() -> dict[str, FieldInfo]:
            fields = records(self._calls.make(Call.get("field", "reading the fields")))
            return {str(f["id"]): field_info(str(f["id"]), f) for f in fields if "id" in f}

        return self._cached(("fields",), load)

    def projects(self) -> dict[str, str]:
        """Names of the projects that our account can see, by key."""
        if self._calls.cloud():
            raw = self._pages("project/search", ("values",))
        else:
            raw = records(self._calls.make(Call.get("project", "reading the projects")))
        return {str(p["key"]): str(p.get("name", "")) for p in raw if "key" in p}

    def person(self, wished: str, project: str = "", field: str = "") -> Account:
        """The account of a person, by address, name, key or id, for a field of a ticket in a project."""
        assigned = field == "assignee" and bool(project)

        def load() -> Account:
            return self._people.find(wished, project, assigned=assigned)

        return self._cached(("user", project, wished.casefold(), str(assigned)), load)

    def board(self, wished: str) -> Board:
        """The board that a rule names. Raises Rejected where there is none, or several of that name."""
        return chosen(
            wished, self._cached(("boards", "", wished), lambda: self._boards.named(wished))
        )

    def active_sprints(self, wished: str) -> tuple[Sprint, ...]:
        """The active sprints of the board that a rule names, the one that began last first. Raises
        Rejected for a board that is not there or has no sprints by nature."""
        board = self.board(wished)
        key = ("sprint", "", board.name.id)
        return self._cached(key, lambda: self._boards.active(board), ttl=_SPRINT_TTL)

    def offers(self, project: str) -> OfferOf:
        """What a service project offers for a field, which no screen lists."""

        def offer(shape: Shape) -> Offer:
            key = ("desk", project, shape.name)
            return self._cached(key, lambda: self._desks.offer(project, shape))

        return offer

    def may_browse_people(self) -> bool | None:
        """Whether our account may see who there is on the site; None where Jira does not tell.

        Asked by a read of our own permissions, whose answer is the same in every language.
        """
        return self._people.may_browse()

    def people(self, project: str) -> PersonOf:
        """How the people in fields of tickets of a project are looked up."""
        return lambda wished, field: self.person(wished, project, field)

    def learn(self, infos: Iterable[FieldInfo]) -> None:
        """Remember how fields are read and written.

        A field may offer other values in another project. Names that several values share in one project
        are told apart in all, so that a value is read the same way whichever screen was seen last.
        """
        for info in infos:
            known = self._learned.get(info.id)
            doubled = info.doubled | known.doubled if known else info.doubled
            info = STANDARD.get(info.id, info)
            self._learned[info.id] = replace(info, doubled=doubled) if doubled else info

    def learned(self) -> dict[str, FieldInfo]:
        """All fields learned so far and the standard ones, by id."""
        return dict(self._learned)

    def fields(self, ids: Iterable[str]) -> dict[str, FieldInfo]:
        """How fields are read and written. Raises Rejected when the site has none of an id."""
        found: dict[str, FieldInfo] = {}
        for id_ in ids:
            info = self._learned.get(id_) or self.all_fields().get(id_)
            if info is None:
                raise Rejected(
                    f"the site has no field {id_!r}",
                    cause=Cause.FIELD,
                    field=id_,
                    remedy="Take it out of the rule, or put the field back in Jira.",
                )
            found[id_] = info
        self.learn(found.values())
        return found

    def name_of(self, id_: str) -> str:
        """A field's display name, for messages; its id where the site does not give the name."""
        info = self._learned.get(id_)
        if info is None:
            try:
                info = self.all_fields().get(id_)
            except Fault:
                return id_
        return info.name if info else id_

    def forget(self, project: str, *, older_than: float = 0.0) -> bool:
        """Drop the cached answers about a project, about people and about the site's fields after a
        refusal, except answers younger than ``older_than`` seconds. Whether any was dropped."""
        return self._forget(
            lambda key: key[1:2] == (project,) or key[0] in ("fields", "user"), older_than
        )

    def _forget(self, which: Callable[[tuple[str, ...]], bool], older_than: float) -> bool:
        before = self._calls.clock.monotonic() - older_than
        found = self._known.forget_where(lambda key, asked: which(key) and asked.older(before))
        return bool(found)

    def no_issue_type(self, project: str, wished: Sequence[str]) -> Rejected:
        """The fault for a project that has none of the issue types wished for."""
        if not self.issue_types(project):
            return _no_project(project)
        return Rejected(
            f"project {project} has no issue type {' or '.join(map(repr, wished))}",
            cause=Cause.ISSUE_TYPE,
            field="issue_type",
            scope=Scope.PROJECT,
            remedy=f"{nearest(wished[0], self.issue_types(project))} Name one of them as `issue_type` "
            "in the rule.",
        )

    def _pages(self, path: str, names: tuple[str, ...], project: str = "") -> list[dict[str, Any]]:
        """All items of a paged answer, under whichever of ``names`` the answer has them."""
        found: list[dict[str, Any]] = []
        for _ in range(_MOST_PAGES):
            page = self._page(path, len(found), project)
            name = next((n for n in names if n in page), None)
            if name is None:
                raise unexpected(_WHAT)
            items = records(page[name])
            found += items
            total = page.get("total")
            last = len(found) >= int(total) if total is not None else page.get("isLast", True)
            if not items or last:
                break
        return found

    def _page(self, path: str, start: int, project: str) -> dict[str, Any]:
        params = {"startAt": start, "maxResults": _PAGE}
        try:
            page = self._calls.make(Call.get(path, _WHAT, params, project=project))
        except (Missing, Rejected):
            if not project:
                raise
            # Jira answers a caller whose credentials it does not accept in the same way: find out
            # which.
            self._calls.verify()
            raise _no_project(project) from None
        return page if isinstance(page, dict) else {}

    def _cached(
        self, key: tuple[str, ...], load: Callable[[], T], *, ttl: float | None = None
    ) -> T:
        """The cached answer to a question, loaded where there is none or it has expired. ``ttl`` is for
        how many seconds it is believed, by default as long as the site's settings say."""
        question = self._known.made(key, _Question)
        known: _Answer | None = question.answer
        if not question.lock.acquire(timeout=self._patience):
            # The thread that holds the lock may hang in its call. Do not hang with it.
            if known is None:
                raise Refused(f"{_WHAT}: another thread waits for the answer")
            return cast(T, known.value)
        try:
            now = self._calls.clock.monotonic()
            known = question.answer
            if known is not None and now < known.until:
                return cast(T, known.value)
            try:
                value = load()
            except (Refused, SiteDown):
                if known is None:
                    raise
                return cast(T, known.value)
            believed = self._calls.site.metadata_ttl if ttl is None else ttl
            question.answer = _Answer(now + (believed if value else _NOTHING_TTL), now, value)
            return value
        finally:
            question.lock.release()


def _no_project(project: str) -> Rejected:
    return Rejected(
        f"project {project} does not exist, or our account may not create issues in it",
        cause=Cause.PROJECT,
        scope=Scope.PROJECT,
        remedy="Check the rule's `project` and the account's 'Create issues' permission there.",
    )
