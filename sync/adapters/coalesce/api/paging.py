"""Fetching lists to their end, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sync.adapters.coalesce.message.fields import child, get

Page = Mapping[str, Any]


def pages(fetch: Callable[[str], Page]) -> Iterator[Page]:
    """Every page of a list whose answers carry ``pageInfo.lastId``.

    ``fetch`` takes a cursor, "" for the first page. A cursor that was returned before ends the list,
    because the last page of some lists repeats its own cursor.
    """
    cursor, seen = "", {""}
    while True:
        page = fetch(cursor)
        yield page
        cursor = _last_id(page)
        if cursor in seen:
            return
        seen.add(cursor)


def pages_by_last(
    fetch: Callable[[str], Page], ids_of: Callable[[Page], list[str]]
) -> Iterator[Page]:
    """Every page of a list whose answers may lack ``pageInfo``: then the last entry's id is the cursor.

    Without ``pageInfo`` a page without new entries is the end, because such a list may ignore the cursor
    and return the same page for ever.
    """
    cursor: str = ""
    seen: set[str] = set()
    while True:
        page = fetch(cursor)
        ids = ids_of(page)
        if seen.issuperset(ids):
            return
        yield page
        seen.update(ids)
        following = _last_id(page) if child(page, "page_info") is not None else ids[-1]
        if following in ("", cursor):
            return
        cursor = following


def _last_id(page: Page) -> str:
    info = child(page, "page_info")
    value = get(info, "last_id") if info is not None else None
    return value if isinstance(value, str) else ""
