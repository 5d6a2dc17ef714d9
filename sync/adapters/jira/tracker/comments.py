"""Comments. Each is marked by an entity property, by which a comment is found after a lost reply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from sync.adapters.jira.calls.request import Call, Safety, records, unexpected
from sync.adapters.jira.fields.part import Part
from sync.adapters.jira.text import rich
from sync.domain.actions import Comment
from sync.domain.errors import Unknown
from sync.domain.ticket import MARKER_PROPERTY, TicketRef

# Who sees a comment in a service project: without this property, its customers do, by mail as well.
_PUBLIC_PROPERTY = "sd.public.comment"
_PAGE = 100
_MOST_PAGES = 100


def content(comment: Comment, cloud: bool) -> dict[str, Any]:
    """A new comment as Jira takes it, with its marker."""
    mark = {"key": MARKER_PROPERTY, "value": {"marker": comment.marker}}
    return _edited(comment.text, comment.public, cloud, mark)


def _edited(markdown: str, public: bool, cloud: bool, *marks: Mapping[str, Any]) -> dict[str, Any]:
    """The text of a comment and who sees it. Every comment says so, in any project: a ticket may be
    moved to a service project, and looking which kind of project it is in would cost a call."""
    made = rich.document(markdown, cloud)
    text = rich.to_jira(made if made.blocks else rich.document("—", cloud), cloud)
    seen_by = {"key": _PUBLIC_PROPERTY, "value": {"internal": not public}}
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
        for comment in self._each_comment(ref):
            if any(
                mark.get("key") == MARKER_PROPERTY and _marker_of(mark) == marker
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

    def _each_comment(self, ref: TicketRef) -> Iterator[Mapping[str, Any]]:
        """All comments, newest first where Jira can sort them."""
        what = f"reading the comments of {ref.key}"
        start = 0
        for _ in range(_MOST_PAGES):
            params = {
                "startAt": start,
                "maxResults": _PAGE,
                "orderBy": "-created",
                "expand": "properties",
            }
            path = f"issue/{ref.id}/comment"
            page = self._calls.make(Call.get(path, what, params, project=ref.project))
            if not isinstance(page, Mapping) or not isinstance(page.get("comments"), list):
                raise unexpected(what)
            yield from (comment for comment in records(page["comments"]) if comment.get("id"))
            start += len(page["comments"])
            if not page["comments"] or start >= int(page.get("total") or 0):
                return


def _marker_of(mark: Mapping[str, Any]) -> Any:
    value = mark.get("value")
    return value.get("marker") if isinstance(value, Mapping) else None
