"""Epics by name: found by our label or by their exact summary, or made.

No name stands in a search: JQL finds words and not texts, in a language of its own. The open epics of
the project are listed, and their summaries compared here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.request import Call, Safety
from sync.adapters.jira.fields.field import Shape
from sync.adapters.jira.fields.metadata import Metadata
from sync.adapters.jira.fields.observed import ref_of
from sync.adapters.jira.fields.wire import by_id
from sync.adapters.jira.tracker.search import quoted, searched
from sync.domain.epics import EpicWish, folded
from sync.domain.errors import Missing, Rejected, Unknown
from sync.domain.names import Name
from sync.domain.ticket import TicketRef

_FINDING = "looking for an epic"
_Epics = tuple[tuple[TicketRef, str], ...]


class JiraEpics:
    """See ``sync.ports.Epics``."""

    def __init__(self, calls: Calls, metadata: Metadata) -> None:
        self._calls = calls
        self._metadata = metadata

    def find(self, wish: EpicWish, project: str, *, recent: bool = False) -> TicketRef | None:
        kind = self._metadata.epic_type(project, wish.issue_type)
        if not recent and (labelled := self.labelled(wish, project)):
            return labelled
        if recent:
            open_ = self._metadata.open_epics(project, kind, lambda: self._open(project, kind))
        else:
            open_ = self._open(project, kind)
        # In the order of their making.
        return next((ref for ref, summary in open_ if folded(summary) == wish.folded), None)

    def labelled(self, wish: EpicWish, project: str) -> TicketRef | None:
        label = wish.label(project)
        jql = f"labels = {quoted(label)} ORDER BY created ASC"
        for raw in searched(self._calls, jql, "labels", _FINDING):
            if label in (_fields(raw).get("labels") or ()):
                # Jira's index may still show a ticket that is deleted.
                with suppress(Missing):
                    ref = ref_of(raw, _FINDING)
                    what = f"reading epic {ref.key}"
                    return ref_of(
                        self._calls.make(Call.get(f"issue/{ref.id}", what, {"fields": "summary"})),
                        what,
                    )
        return None

    def _open(self, project: str, kind: Name) -> _Epics:
        jql = (
            f"project = {quoted(project)} AND issuetype = {quoted(kind.id or str(kind))} "
            "AND statusCategory != done ORDER BY created ASC"
        )
        found = searched(self._calls, jql, "summary", _FINDING)
        return tuple(
            (ref_of(one, _FINDING), str(_fields(one).get("summary") or "")) for one in found
        )

    def make(self, wish: EpicWish, project: str, *, not_after: float = math.inf) -> TicketRef:
        what = f"creating the epic {wish.name!r} in {project}"
        kind = self._metadata.epic_type(project, wish.issue_type)
        screen = self._metadata.create_fields(project, kind)
        fields: dict[str, Any] = {
            "project": {"id" if project.isdigit() else "key": project},
            "issuetype": by_id(kind),
            "summary": wish.name,
            "labels": [wish.label(project)],
            **{id_: wish.name for id_, one in screen.items() if one.shape is Shape.EPIC_NAME},
        }
        call = Call(
            "POST",
            "issue",
            what,
            Safety.ONCE,
            body={"fields": fields},
            project=project,
            not_after=not_after,
        )
        try:
            answer = self._calls.make(call)
        except Rejected:
            self._metadata.forget(project)
            raise
        if not (isinstance(answer, Mapping) and answer.get("id") and answer.get("key")):
            raise Unknown(f"{what}: Jira's answer names no ticket")
        return TicketRef(str(answer["id"]), str(answer["key"]))


def _fields(raw: Any) -> Mapping[str, Any]:
    found = raw.get("fields") if isinstance(raw, Mapping) else None
    return found if isinstance(found, Mapping) else {}
