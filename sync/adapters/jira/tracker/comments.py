"""Comments. Each is marked by an entity property, by which a comment is found after a lost reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sync.adapters.jira.calls.request import Call, Safety, records
from sync.adapters.jira.fields.history import PUBLIC_PROPERTY, marker_in
from sync.adapters.jira.fields.part import Part
from sync.adapters.jira.text import rich
from sync.adapters.jira.tracker.history import each_comment
from sync.domain.actions import Comment
from sync.domain.errors import Unknown
from sync.domain.ticket import MARKER_PROPERTY, TicketRef

# The comment looked for is among the newest.
_PAGE = 100


def content(comment: Comment, cloud: bool) -> dict[str, Any]:
    """A new comment as Jira takes it, with its marker."""
    mark = {"key": MARKER_PROPERTY, "value": {"marker": comment.marker}}
    return _edited(comment.text, comment.public, cloud, mark)


def _edited(markdown: str, public: bool, cloud: bool, *marks: Mapping[str, Any]) -> dict[str, Any]:
    """The text of a comment and who sees it. Every comment says so, in any project: a ticket may be
    moved to a service project, and looking which kind of project it is in would cost a call."""
    made = rich.document(markdown, cloud)
    text = rich.to_jira(made if made.blocks else rich.document("—", cloud), cloud)
    seen_by = {"key": PUBLIC_PROPERTY, "value": {"internal": not public}}
    return {"body": text, "properties": [*marks, seen_by]}


class Comments(Part):
    """Comments on tickets. See ``sync.ports.Tracker`` for the methods."""

    def comment(self, ref: TicketRef, text: str, marker: str, *, public: bool = False) -> str:
        what = f"commenting on {ref.key}"
        body = content(Comment(text, marker, public=public), self._calls.cloud())
        call = Call.on(ref, "POST", f"issue/{ref.id}/comment", what, Safety.ONCE, body)
        answer = self._calls.make(call)
        if not (isinstance(answer, Mapping) and answer.get("id")):
            raise Unknown(f"{what}: Jira's answer names no comment")
        return str(answer["id"])

    def find_comment(self, ref: TicketRef, marker: str) -> str:
        for comment in each_comment(self._calls, ref, "-created", _PAGE):
            if any(
                mark.get("key") == MARKER_PROPERTY and marker_in(mark.get("value")) == marker
                for mark in records(comment.get("properties"))
            ):
                return str(comment["id"])
        return ""

    def edit_comment(
        self, ref: TicketRef, comment_id: str, text: str, *, public: bool = False
    ) -> None:
        path = f"issue/{ref.id}/comment/{quote(comment_id, safe='')}"
        what, body = f"editing a comment on {ref.key}", _edited(text, public, self._calls.cloud())
        self._calls.make(Call.on(ref, "PUT", path, what, Safety.IDEMPOTENT, body))
