"""What a service project offers by name: its request types and its organizations.

They are no allowed values of a screen; Jira Service Management's own API lists them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.faults import LacksScope
from sync.adapters.jira.calls.request import DESK, Call, records, unexpected
from sync.adapters.jira.fields.field import Shape, name_of
from sync.domain.errors import Missing, Rejected
from sync.domain.names import Name

_PAGE = 50
_MOST_PAGES = 40
# What is listed below a desk's address, by the shape of the field.
_LISTS = {Shape.REQUEST_TYPE: "requesttype", Shape.ORGANIZATIONS: "organization"}
_CALLED = {Shape.REQUEST_TYPE: "request types", Shape.ORGANIZATIONS: "organizations"}


@dataclass(frozen=True, slots=True)
class Offer:
    """What a service project offers; without names, why we do not know, where that is known."""

    names: tuple[Name, ...] = ()
    problem: str = ""
    remedy: str = ""

    def __bool__(self) -> bool:
        return bool(self.names)


class Desks:
    """Asks a site. Methods raise Refused and SiteDown."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def offer(self, project: str, shape: Shape) -> Offer:
        """The request types or organizations of a service project."""
        what = f"reading the {_CALLED[shape]} of {project}"
        try:
            found = self._listed(project, _LISTS[shape], what)
        except LacksScope as fault:
            return Offer(problem=str(fault), remedy=fault.remedy)
        except Missing:
            return _no_desk(project)
        except Rejected as fault:
            return Offer(
                problem=f"Jira does not show our account the {_CALLED[shape]} of {project}: {fault}",
                remedy="Make our account an agent of the service project, with a licence for Jira "
                "Service Management, or write numbers instead of names.",
            )
        return Offer(tuple(name_of(one) for one in found if "id" in one and "name" in one))

    def _listed(self, project: str, list_: str, what: str) -> list[dict[str, Any]]:
        """What is listed below a project's desk. Raises Missing for a project without one."""
        if self._calls.cloud():
            # It takes a project for a desk: one call less. Not each gateway before it does.
            with suppress(Missing):
                return self._pages(f"servicedesk/{quote(project, safe='')}/{list_}", what)
        desk = self._desk(project)
        if not desk:
            raise Missing(f"{project} has no service desk")
        return self._pages(f"servicedesk/{quote(desk, safe='')}/{list_}", what)

    def _desk(self, project: str) -> str:
        """The id of a project's desk, "" for none."""
        desks = self._pages("servicedesk", "looking for the service desks")
        return next((str(one.get("id")) for one in desks if one.get("projectKey") == project), "")

    def _pages(self, path: str, what: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for _ in range(_MOST_PAGES):
            params = {"start": len(found), "limit": _PAGE}
            page = self._calls.make(Call.get(path, what, params, root=DESK))
            if not isinstance(page, dict) or "values" not in page:
                raise unexpected(what)
            items = records(page["values"])
            found += items
            if not items or page.get("isLastPage", True):
                break
        return found


def _no_desk(project: str) -> Offer:
    return Offer(
        problem=f"{project} is no service project, or our account may not see its service desk",
        remedy="Check the rule's `project`, and that our account has a role in the service project.",
    )
