"""Search by marker and by time of change, and reading many tickets at once.

An answer without ``issues`` is a fault: taken for "no match", it would lead to a second ticket.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.request import Call, Safety
from sync.adapters.jira.fields.choices import nearest
from sync.adapters.jira.fields.observed import observed, ref_of, wanted_fields
from sync.adapters.jira.fields.part import Part
from sync.domain.errors import Cause, Refused, Rejected
from sync.domain.names import meant
from sync.domain.ticket import FAMILY_LABEL, Observed, TicketRef, marker_label
from sync.ports import Changed

_PAGE = 100
_MOST_PAGES = 10_000
# Jira's own limit of issues in one bulk fetch.
_BULK = 100
_BULK_WHAT = "reading tickets"
_ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)


def quoted(text: str) -> str:
    """Text as a JQL string literal.

    >>> quoted('say "hello"')
    '"say \\\\"hello\\\\""'
    """
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Search(Part):
    """Tickets by what they have in common. See ``sync.ports.Tracker`` for the methods."""

    def find(self, key: str) -> list[TicketRef]:
        marker = marker_label(key)
        jql = f"labels = {quoted(marker)} ORDER BY created ASC"
        each = self._each(jql, "searching for the marker")
        found = {one.ref for one in each if marker in one.labels}
        return sorted(found, key=lambda ref: (int(ref.id) if ref.id.isdigit() else 0, ref.id))

    def changed_since(self, since: float) -> Iterator[Changed]:
        # JQL reads times in the account's own time zone, so the time is given in minutes before now. JQL
        # takes whole minutes only, so the search begins a minute early.
        minutes = max(1, math.ceil((self._calls.clock.time() - since) / 60) + 1)
        within = f' AND updated >= "-{minutes}m"' if since else ""
        # In the order of creation, because no ticket changes its place while the pages are read.
        jql = f'labels = "{FAMILY_LABEL}"{within} ORDER BY created ASC'
        return self._each(jql, "searching for changed tickets")

    def matching(self, query: str) -> Iterator[Changed]:
        # Jira's own order is the newest first; where two tickets are for one issue, the older counts.
        order = "" if _ORDERED.search(query) else " ORDER BY created ASC"
        return self._each(f"{query}{order}", "searching")

    def field_id(self, name: str) -> str:
        known = [one.called for one in self._metadata.all_fields().values()]
        found = meant(name, known)
        if len(found) == 1:
            self._metadata.fields([found[0].id])
            return found[0].id
        raise Rejected(
            f"the site has {'several fields' if found else 'no field'} {name!r}",
            cause=Cause.FIELD,
            field=name,
            remedy=f"Name one by its id: {', '.join(one.with_id for one in found)}."
            if found
            else nearest(name, known),
        )

    def read_many(self, ids: Iterable[str]) -> dict[str, Observed | None]:
        wanted = list(dict.fromkeys(ids))
        found: dict[str, Observed | None] = dict.fromkeys(wanted)
        cloud = self._calls.cloud()
        for start in range(0, len(wanted), _BULK):
            answer = self._calls.make(self._bulk(wanted[start : start + _BULK], cloud))
            for raw in _issues(answer, _BULK_WHAT):
                seen = observed(raw, self._metadata, cloud, _BULK_WHAT)
                found[seen.ref.id] = seen
        return found

    def _bulk(self, ids: list[str], cloud: bool) -> Call:
        fields = wanted_fields(self._metadata)
        if cloud:
            body = {"issueIdsOrKeys": ids, "fields": fields}
            return Call("POST", "issue/bulkfetch", _BULK_WHAT, Safety.READ, body=body)
        params = {
            "jql": f"id in ({', '.join(map(quoted, ids))})",
            "fields": ",".join(fields),
            "maxResults": len(ids),
            # A strict search fails on the ids of deleted tickets.
            "validateQuery": "false",
        }
        return Call.get("search", _BULK_WHAT, params)

    def _each(self, jql: str, what: str) -> Iterator[Changed]:
        """Tickets of a search, page by page."""
        for raw in searched(self._calls, jql, "labels,updated", what):
            yield _changed(raw, what)


def searched(calls: Calls, jql: str, fields: str, what: str) -> Iterator[Any]:
    """Tickets of a search with these fields, as Jira gives them, page by page."""
    path = "search/jql" if calls.cloud() else "search"
    params: dict[str, Any] = {"jql": jql, "fields": fields, "maxResults": _PAGE}
    seen = 0
    for _ in range(_MOST_PAGES):
        answer = calls.make(Call.get(path, what, params))
        issues = _issues(answer, what)
        yield from issues
        seen += len(issues)
        # Cloud names the next page by a token; Data Center counts tickets.
        if path == "search/jql" and answer.get("nextPageToken"):
            params = {**params, "nextPageToken": answer["nextPageToken"]}
        elif path == "search" and issues and seen < int(answer.get("total") or 0):
            params = {**params, "startAt": seen}
        else:
            return


def _changed(raw: Any, what: str) -> Changed:
    fields = raw.get("fields") or {} if isinstance(raw, Mapping) else {}
    labels = tuple(str(label) for label in fields.get("labels") or [])
    return Changed(ref_of(raw, what), str(fields.get("updated") or ""), labels)


def _issues(answer: Any, what: str) -> list[Any]:
    if not isinstance(answer, Mapping) or not isinstance(answer.get("issues"), list):
        raise Refused(f"{what}: Jira's answer has no list of issues")
    return list(answer["issues"])
