"""Comments, each marked by an entity property, because Jira has no other dedupe for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.deployment import Deployment
from sync.adapters.jira.calls.faults import Safety
from sync.adapters.jira.text import rich as text
from sync.domain.errors import Refused, Unknown
from sync.domain.ticket import MARKER_PROPERTY, TicketRef

_PAGE = 100
_MOST_PAGES = 100


class Comments:
    """Shared by threads. Texts are Markdown."""

    def __init__(self, calls: Calls, deployment: Deployment) -> None:
        self._calls = calls
        self._deployment = deployment

    def add(self, ref: TicketRef, markdown: str, marker: str) -> str:
        """One POST, never repeated. Returns the comment's id."""
        what = f"commenting on {ref.key}"
        answer = self._calls.call(
            "POST",
            f"issue/{ref.id}/comment",
            body={
                "body": self._body(markdown),
                "properties": [{"key": MARKER_PROPERTY, "value": {"marker": marker}}],
            },
            what=what,
            safety=Safety.ONCE,
            ticket=ref.id,
            project=ref.project,
        )
        if not (isinstance(answer, Mapping) and answer.get("id")):
            raise Unknown(f"{what}: Jira's answer names no comment")
        return str(answer["id"])

    def find(self, ref: TicketRef, marker: str) -> str:
        """The id of the comment with this marker, "" if there is none."""
        for comment in self._each(ref):
            for mark in comment.get("properties") or []:
                value = mark.get("value") if isinstance(mark, Mapping) else None
                if (
                    isinstance(value, Mapping)
                    and mark.get("key") == MARKER_PROPERTY
                    and value.get("marker") == marker
                ):
                    return str(comment["id"])
        return ""

    def edit(self, ref: TicketRef, comment_id: str, markdown: str) -> None:
        """Rewrite a comment. Raises Missing when it was deleted."""
        self._calls.call(
            "PUT",
            f"issue/{ref.id}/comment/{quote(comment_id, safe='')}",
            body={"body": self._body(markdown)},
            what=f"editing a comment on {ref.key}",
            safety=Safety.IDEMPOTENT,
            ticket=ref.id,
            project=ref.project,
        )

    def _body(self, markdown: str) -> Any:
        cloud = self._deployment.dialect().cloud
        made = text.document(markdown, cloud)
        return text.to_jira(made if made.blocks else text.document("—", cloud), cloud)

    def _each(self, ref: TicketRef) -> Iterator[Mapping[str, Any]]:
        """All comments, newest first where Jira can sort them."""
        what = f"reading the comments of {ref.key}"
        start = 0
        for _ in range(_MOST_PAGES):
            page = self._calls.call(
                "GET",
                f"issue/{ref.id}/comment",
                params={
                    "startAt": start,
                    "maxResults": _PAGE,
                    "orderBy": "-created",
                    "expand": "properties",
                },
                what=what,
                safety=Safety.READ,
                project=ref.project,
            )
            if not isinstance(page, Mapping) or not isinstance(page.get("comments"), list):
                raise Refused(f"{what}: the answer is not what Jira says")
            comments = [c for c in page["comments"] if isinstance(c, Mapping) and c.get("id")]
            yield from comments
            start += len(page["comments"])
            if not page["comments"] or start >= int(page.get("total") or 0):
                return
