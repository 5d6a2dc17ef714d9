"""Reads a ticket's history, in as few calls as can be.

The call that reads the ticket brings the newest part of its changelog, and says whether it has any
comments. A further call is made only where the changelog is cut short of the time asked for, and for
comments: their markers, and on Data Center whether they are internal, come with no other call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.request import Call, records, unexpected
from sync.adapters.jira.fields.history import acts_of, by_age, comment_of, names_by_key, seconds
from sync.domain.history import History
from sync.domain.ticket import TicketRef

# What the call that reads the ticket asks for in addition.
HISTORY_FIELD, EXPANSION = "comment", "changelog"
_COMMENTS_A_PAGE = 1_000
_ENTRIES_A_PAGE = 100
_MOST_PAGES = 100


def history_of(
    calls: Calls, ref: TicketRef, raw: Mapping[str, Any], since: float, read_at: float
) -> History:
    """The history of a ticket that was read as ``raw``. Raises the faults of a call."""
    cloud, address = calls.cloud(), f"{calls.site.people_url}/browse/{ref.key}"
    entries, complete = _entries(calls, ref, raw.get(EXPANSION), since)
    shown = raw["fields"].get(HISTORY_FIELD)
    none = isinstance(shown, Mapping) and shown.get("total") == 0 and not shown.get("comments")
    comments = [] if none else list(each_comment(calls, ref, "created", _COMMENTS_A_PAGE))
    people = {} if cloud else {**names_by_key(raw), **names_by_key(comments)}
    acts = acts_of(entries, people, cloud)
    return History(
        acts=tuple(act for act in acts if act.at >= since),
        comments=by_age(
            comment_of(one, f"{address}?focusedCommentId={one['id']}", cloud) for one in comments
        ),
        read_at=read_at,
        address=address,
        complete=complete,
    )


def _entries(
    calls: Calls, ref: TicketRef, page: Any, since: float
) -> tuple[list[dict[str, Any]], bool]:
    """The entries of the changelog since a time, and whether none is missing. Where Jira cuts the
    changelog, it leaves out the oldest entries."""
    if not isinstance(page, Mapping):
        return [], False
    entries = records(page.get("histories"))
    end = int(page.get("total") or 0) - len(entries)
    pages = _MOST_PAGES if calls.cloud() else 0
    while end > 0 and pages and not _reach_back(entries, since):
        start = max(0, end - _ENTRIES_A_PAGE)
        params = {"startAt": start, "maxResults": end - start}
        what = f"reading the changelog of {ref.key}"
        call = Call.get(f"issue/{ref.id}/changelog", what, params, project=ref.project)
        answer = calls.make(call)
        if not isinstance(answer, Mapping) or not isinstance(answer.get("values"), list):
            raise unexpected(what)
        entries = [*records(answer["values"]), *entries]
        end, pages = start, pages - 1
    found = {str(entry.get("id")): entry for entry in entries}
    return list(found.values()), end <= 0 or _reach_back(entries, since)


def _reach_back(entries: list[dict[str, Any]], since: float) -> bool:
    return any(seconds(entry.get("created")) < since for entry in entries)


def each_comment(
    calls: Calls, ref: TicketRef, order: str, page_size: int
) -> Iterator[dict[str, Any]]:
    """All comments with their properties, in this order where Jira can sort them."""
    what = f"reading the comments of {ref.key}"
    start = 0
    for _ in range(_MOST_PAGES):
        params = {
            "startAt": start,
            "maxResults": page_size,
            "orderBy": order,
            "expand": "properties",
        }
        call = Call.get(f"issue/{ref.id}/comment", what, params, project=ref.project)
        page = calls.make(call)
        if not isinstance(page, Mapping) or not isinstance(page.get("comments"), list):
            raise unexpected(what)
        yield from (comment for comment in records(page["comments"]) if comment.get("id"))
        start += len(page["comments"])
        if not page["comments"] or start >= int(page.get("total") or 0):
            return
