"""What a site offers: issue types, fields of create screens, priorities, users. Cached for a while.

While the site cannot be asked, what was known before is used on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

import structlog

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.deployment import Deployment
from sync.adapters.jira.calls.faults import Safety
from sync.adapters.jira.fields.field import STANDARD, FieldInfo, field_info
from sync.domain.errors import Cause, Fault, Missing, Refused, Rejected, SiteDown

log = structlog.get_logger("jira")
T = TypeVar("T")

_PAGE = 200
_MOST_PAGES = 50
# What was asked so many seconds ago is not asked again because of a refusal: many tickets may meet it.
_MOMENT = 15.0
_SHORT_MOMENT = 2.0


class Metadata:
    """Shared by threads; each question is under way once at a time."""

    def __init__(self, calls: Calls, deployment: Deployment) -> None:
        self._calls = calls
        self._deployment = deployment
        self._lock = threading.Lock()
        self._locks: dict[tuple[str, ...], threading.Lock] = {}
        # Until when it is good, when it was asked, and what was answered.
        self._known: dict[tuple[str, ...], tuple[float, float, Any]] = {}
        # Fields met in drafts and on screens: how to read and write them again.
        self._met: dict[str, FieldInfo] = dict(STANDARD)

    def issue_types(self, project: str) -> dict[str, str]:
        """Names of the issue types one may create in a project, with their ids."""

        def load() -> dict[str, str]:
            path = f"issue/createmeta/{quote(project, safe='')}/issuetypes"
            words = self._project_words(project)
            raw = self._pages(path, ("issueTypes", "values"), words, project=project)
            return {str(t["name"]): str(t["id"]) for t in raw if "name" in t and "id" in t}

        return self._cached(("types", project), load)

    def create_fields(self, project: str, issue_type: str) -> dict[str, FieldInfo]:
        """The fields of the create screen, by id. Raises Rejected for an unknown issue type."""

        def load() -> dict[str, FieldInfo]:
            types = {name.casefold(): id_ for name, id_ in self.issue_types(project).items()}
            id_ = types.get(issue_type.casefold(), issue_type if issue_type.isdigit() else "")
            if not id_:
                raise self.no_issue_type(project, (issue_type,))
            path = f"issue/createmeta/{quote(project, safe='')}/issuetypes/{quote(id_, safe='')}"
            words = self._project_words(project)
            raw = self._pages(path, ("fields", "values"), words, project=project)
            found = {str(f.get("fieldId") or f.get("key")): f for f in raw}
            return {key: field_info(key, f) for key, f in found.items()}

        return self._cached(("create", project, issue_type.casefold()), load)

    def all_fields(self) -> dict[str, FieldInfo]:
        """All fields of the site, by id."""

        def load() -> dict[str, FieldInfo]:
            raw = self._calls.call("GET", "field", what="reading the fields", safety=Safety.READ)
            fields = [f for f in raw if isinstance(f, dict)] if isinstance(raw, list) else []
            return {str(f["id"]): field_info(str(f["id"]), f) for f in fields if "id" in f}

        return self._cached(("fields",), load)

    def projects(self) -> dict[str, str]:
        """Names of the projects we can see, by key."""
        if self._deployment.dialect().cloud:
            raw = self._pages("project/search", ("values",))
        else:
            answer = self._calls.call(
                "GET", "project", what="reading the projects", safety=Safety.READ
            )
            raw = [p for p in answer if isinstance(p, dict)] if isinstance(answer, list) else []
        return {str(p["key"]): str(p.get("name", "")) for p in raw if "key" in p}

    def user(self, email: str) -> str | None:
        """The account id (Cloud) or user name (Data Center) of an address, None for nobody."""

        def load() -> str | None:
            cloud = self._deployment.dialect().cloud
            raw = self._calls.call(
                "GET",
                "user/search",
                params={"query" if cloud else "username": email, "maxResults": 10},
                what=f"looking up the user {email}",
                safety=Safety.READ,
            )
            users = [u for u in raw if isinstance(u, dict)] if isinstance(raw, list) else []
            exact = [
                u for u in users if str(u.get("emailAddress", "")).casefold() == email.casefold()
            ]
            # Addresses may be hidden on Cloud; a search for one that finds one account found it.
            hidden = [u for u in users if not u.get("emailAddress")]
            chosen = exact or (hidden if len(users) == 1 else [])
            return (
                str(chosen[0].get("accountId" if cloud else "name") or "") or None
                if chosen
                else None
            )

        return self._cached(("user", email.casefold()), load)

    def meet(self, info: FieldInfo) -> None:
        """Remember how a field is read and written."""
        if info.id not in STANDARD:
            self._met[info.id] = info

    def met(self) -> dict[str, FieldInfo]:
        """All fields met so far, by id."""
        return dict(self._met)

    def field(self, id_: str) -> FieldInfo:
        """How a field is read and written. Raises Rejected when the site has none of that id."""
        info = self._met.get(id_)
        if info is None:
            info = self.all_fields().get(id_)
            if info is None:
                raise Rejected(f"the site has no field {id_!r}", cause=Cause.FIELD, field=id_)
            self.meet(info)
        return info

    def name_of(self, id_: str) -> str:
        """A field's display name, for messages; its id where the site does not tell."""
        info = self._met.get(id_)
        if info is None:
            try:
                info = self.all_fields().get(id_)
            except Fault:
                return id_
        return info.name if info else id_

    def forget(self, project: str) -> None:
        """Ask anew about a project: what we knew of it led to a refusal."""
        self._forget(project, float("inf"))

    def renew(self, project: str, *, soon: bool = False) -> bool:
        """Ask anew about a project and about people, but for what was asked only a moment ago; whether
        there is anything to ask. Somebody may have mended what a rule names. ``soon``: somebody says so,
        and the moment is shorter."""
        moment = _SHORT_MOMENT if soon else _MOMENT
        return self._forget(project, self._calls.clock.monotonic() - moment)

    def _forget(self, project: str, before: float) -> bool:
        with self._lock:
            old = [
                key
                for key, (_, at, _) in self._known.items()
                if at <= before and (key[1:2] == (project,) or key[0] in ("fields", "user"))
            ]
            for key in old:
                del self._known[key]
        return bool(old)

    def no_issue_type(self, project: str, wished: tuple[str, ...]) -> Rejected:
        there = ", ".join(sorted(self.issue_types(project)))
        # Somebody may mend it in a minute, and then ask for another try.
        self.forget(project)
        if not there:
            return self._project_words(project)()
        return Rejected(
            f"project {project} has no issue type {' or '.join(map(repr, wished))}",
            cause=Cause.ISSUE_TYPE,
            remedy=f"It has: {there}. Name one of them as `issue_type` in the rule.",
        )

    def _project_words(self, project: str) -> Callable[[], Rejected]:
        return lambda: Rejected(
            f"project {project} does not exist, or our account may not create issues in it",
            cause=Cause.PROJECT,
            remedy="Check the rule's `project` and the account's 'Create issues' permission there.",
        )

    def _pages(
        self,
        path: str,
        names: tuple[str, ...],
        missing: Callable[[], Rejected] | None = None,
        *,
        project: str = "",
    ) -> list[dict[str, Any]]:
        """All items of a paged answer, under whichever of ``names`` it has them. ``missing`` makes the
        fault to raise where Jira says there is no such thing, ``project`` is what it is about."""
        found: list[dict[str, Any]] = []
        for _ in range(_MOST_PAGES):
            try:
                page = self._calls.call(
                    "GET",
                    path,
                    params={"startAt": len(found), "maxResults": _PAGE},
                    what="reading what the site offers",
                    safety=Safety.READ,
                    project=project,
                )
            except (Missing, Rejected):
                if missing is None:
                    raise
                # To somebody it does not know, Jira says that there is no such project.
                self._calls.verify()
                raise missing() from None
            name = next((n for n in names if isinstance(page, dict) and n in page), None)
            if name is None:
                raise Refused("reading what the site offers: the answer is not what Jira says")
            items = [item for item in page[name] if isinstance(item, dict)]
            found += items
            total = page.get("total")
            last = len(found) >= int(total) if total is not None else page.get("isLast", True)
            if not items or last:
                break
        return found

    def _cached(self, key: tuple[str, ...], load: Callable[[], T]) -> T:
        """What is known for a key, loaded where it is not or has grown old."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        known: tuple[float, float, T] | None = self._known.get(key)
        if not lock.acquire(timeout=self._calls.site.hang_after):
            # Who asks is not answered; to wait in line for that helps nobody.
            if known is None:
                raise Refused("reading what the site offers: somebody waits for the answer already")
            return known[2]
        try:
            now = self._calls.clock.monotonic()
            known = self._known.get(key)
            if known is not None and now < known[0]:
                return known[2]
            try:
                value = load()
            except (Refused, SiteDown):
                if known is None:
                    raise
                return known[2]
            # A user nobody knows may be invited in a minute.
            ttl = self._calls.site.metadata_ttl if value is not None else 60.0
            with self._lock:
                self._known[key] = (now + ttl, now, value)
            return value
        finally:
            lock.release()
