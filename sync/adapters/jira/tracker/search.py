"""Search: by marker, by what changed; and reading many tickets at once.

An answer without ``issues`` is an error, never "no match".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.deployment import Deployment
from sync.adapters.jira.calls.faults import Safety
from sync.adapters.jira.fields.metadata import Metadata
from sync.adapters.jira.fields.observed import observed, ref_of, wanted_fields
from sync.domain.errors import Refused
from sync.domain.ticket import FAMILY_LABEL, Observed, TicketRef, marker_label
from sync.ports import Changed

_PAGE = 100
_MOST_PAGES = 1000
# Jira's own limit of issues in one bulk fetch.
_BULK = 100
_MARKERS_AT_ONCE = 50


def quoted(text: str) -> str:
    """A JQL string. Nothing in it is JQL any more."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _number(ref: TicketRef) -> tuple[int, str]:
    return (int(ref.id) if ref.id.isdigit() else 0, ref.id)


class Search:
    """Shared by threads."""

    def __init__(self, calls: Calls, deployment: Deployment, metadata: Metadata) -> None:
        self._calls = calls
        self._deployment = deployment
        self._metadata = metadata

    def find(self, key: str) -> list[TicketRef]:
        """Tickets with the marker of one ticket key, oldest first."""
        return self.find_many([key])[key]

    def find_many(self, keys: Iterable[str]) -> dict[str, list[TicketRef]]:
        """The same for many keys in few calls."""
        wanted = list(dict.fromkeys(keys))
        by_label = {marker_label(key): key for key in wanted}
        found: dict[str, list[TicketRef]] = {key: [] for key in wanted}
        labels = list(by_label)
        for start in range(0, len(labels), _MARKERS_AT_ONCE):
            some = labels[start : start + _MARKERS_AT_ONCE]
            jql = f"labels in ({', '.join(map(quoted, some))}) ORDER BY created ASC"
            for one in self._each(jql, "searching for the marker"):
                for label in one.labels:
                    if label in by_label:
                        found[by_label[label]].append(one.ref)
        return {key: sorted(set(refs), key=_number) for key, refs in found.items()}

    def changed_since(self, since: float) -> Iterator[Changed]:
        """Tickets with the family label changed since ``since`` (seconds since the epoch), oldest
        change first. The minute is the grain, rounded so that nothing is left out."""
        # JQL reads times in the account's own time zone; relative minutes mean the same everywhere.
        minutes = max(1, math.ceil((self._calls.clock.time() - since) / 60) + 1)
        jql = f'labels = "{FAMILY_LABEL}" AND updated >= "-{minutes}m" ORDER BY updated ASC'
        return self._each(jql, "searching for changed tickets")

    def matching(self, jql: str) -> Iterator[Changed]:
        """Tickets that a person's JQL names."""
        return self._each(jql, "searching")

    def read_many(self, ids: Iterable[str]) -> dict[str, Observed | None]:
        """Tickets by id in bulk, without their transitions. None: gone, or not visible to us."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, Observed | None] = dict.fromkeys(wanted)
        cloud = self._deployment.dialect().cloud
        for start in range(0, len(wanted), _BULK):
            some = wanted[start : start + _BULK]
            for raw in self._bulk(some, cloud):
                seen = observed(raw, self._metadata, cloud, "reading tickets")
                found[seen.ref.id] = seen
        return found

    def _bulk(self, ids: list[str], cloud: bool) -> list[Any]:
        fields = wanted_fields(self._metadata)
        if cloud:
            answer = self._calls.call(
                "POST",
                "issue/bulkfetch",
                body={"issueIdsOrKeys": ids, "fields": fields},
                what="reading tickets",
                safety=Safety.READ,
            )
        else:
            # Ids that are gone would make a strict search fail.
            answer = self._calls.call(
                "GET",
                "search",
                params={
                    "jql": f"id in ({', '.join(map(quoted, ids))})",
                    "fields": ",".join(fields),
                    "maxResults": len(ids),
                    "validateQuery": "false",
                },
                what="reading tickets",
                safety=Safety.READ,
            )
        return self._issues(answer, "reading tickets")

    def _each(self, jql: str, what: str) -> Iterator[Changed]:
        cloud = self._deployment.dialect().cloud
        params: dict[str, Any] = {"jql": jql, "fields": "labels,updated", "maxResults": _PAGE}
        start = 0
        for _ in range(_MOST_PAGES):
            answer = self._calls.call(
                "GET",
                "search/jql" if cloud else "search",
                params=params,
                what=what,
                safety=Safety.READ,
            )
            issues = self._issues(answer, what)
            for raw in issues:
                fields = raw.get("fields") or {} if isinstance(raw, Mapping) else {}
                yield Changed(
                    ref_of(raw, what),
                    str(fields.get("updated") or ""),
                    tuple(str(label) for label in fields.get("labels") or []),
                )
            start += len(issues)
            token = answer.get("nextPageToken")
            if cloud:
                if not token:
                    return
                params["nextPageToken"] = token
            else:
                if not issues or start >= int(answer.get("total") or 0):
                    return
                params["startAt"] = start

    def _issues(self, answer: Any, what: str) -> list[Any]:
        if not isinstance(answer, Mapping) or not isinstance(answer.get("issues"), list):
            raise Refused(f"{what}: Jira's answer has no list of issues")
        return list(answer["issues"])
