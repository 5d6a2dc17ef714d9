"""The REST API of Coalesce Quality, as far as ticket-sync asks it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sync.adapters.coalesce import told
from sync.adapters.coalesce.access import ApiAccess
from sync.adapters.coalesce.bodies import NAME
from sync.adapters.coalesce.calls import Ask, Calls
from sync.adapters.coalesce.fields import child, get, number
from sync.adapters.coalesce.paging import pages, pages_by_last
from sync.adapters.coalesce.timestamps import NANOS, rfc3339
from sync.domain.errors import Cause, Rejected
from sync.domain.subject import Snapshot
from sync.ports import Attempt, Clock, FailedDelivery, SystemClock

BATCH = 100
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_Teller = Callable[[str, str, str, Mapping[str, Any]], Snapshot]


class CoalesceApi:
    """Implements ``ports.SourceApi``. Safe to share between threads. No call is made on building it.

    Every method raises only faults of the domain: Refused (network, server, rate limit; with
    ``retry_after``), SiteDown (credentials), Rejected with cause PERMISSION (a scope is missing; the
    remedy names it), Missing, and Unknown for ``redeliver`` and ``send_test`` alone.
    """

    name = NAME

    def __init__(self, access: ApiAccess, clock: Clock | None = None) -> None:
        self._access = access
        self._calls = Calls(access, clock or SystemClock())

    @property
    def calls(self) -> int:
        """How many calls were made so far, retries and tokens included."""
        return self._calls.count

    def close(self) -> None:
        """Let go of the connections."""
        self._calls.close()

    def issues_updated(self, since: float, until: float) -> Iterator[list[str]]:
        """Ids of issues updated between two times (seconds since the epoch), page by page."""
        listed = self._listed("/api/issues/v2", "issues", since, until)
        for page in pages(listed):
            if ids := told.ids_in(get(page, "issue_ids")):
                yield ids

    def issues(self, ids: Sequence[str]) -> list[Snapshot]:
        """Issues by id, in batches. Who is not there is left out."""
        return self._by_id("issues", "issueIds", ids, told.issue, "v2")

    def incidents_updated(self, since: float, until: float) -> list[Snapshot]:
        """Incidents updated between two times (seconds since the epoch), with ``issue_ids``."""
        listed = self._listed("/api/incidents/v1", "incidents", since, until)

        def ids(page: Mapping[str, Any]) -> list[str]:
            return told.ids_in([get(one, "id") for one in _objects(get(page, "incidents"))])

        found: dict[str, Snapshot] = {}
        for page in pages_by_last(listed, ids):
            for one in _objects(get(page, "incidents")):
                for id_ in told.ids_in([get(one, "id")]):
                    found[id_] = told.incident(NAME, self._access.workspace, id_, one)
        return list(found.values())

    def incidents(self, ids: Sequence[str]) -> list[Snapshot]:
        """Incidents by id, in batches, with ``issue_ids``. Who is not there is left out."""
        return self._by_id("incidents", "incidentIds", ids, told.incident, "v1")

    def failed_deliveries(self, since: float, until: float) -> Iterator[list[FailedDelivery]]:
        """Deliveries of events between two times that failed for good, page by page."""
        params: dict[str, Any] = {
            "outcomes": "OUTCOME_FAILED",
            "since": rfc3339(math.floor(max(0.0, since)) * NANOS),
            "until": rfc3339(math.ceil(max(0.0, until)) * NANOS),
            "pagination.pageSize": self._access.page_size,
        }
        if self._access.integration_id:
            params["integrationId"] = self._access.integration_id

        def fetch(cursor: str) -> Mapping[str, Any]:
            more = {"pagination.cursor": cursor} if cursor else {}
            return self._deliveries("GET", "", "list deliveries", params=params | more)

        for page in pages(fetch):
            found = [told.failed_delivery(one) for one in _objects(get(page, "deliveries"))]
            if failed := [one for one in found if one is not None]:
                yield failed

    def attempts(self, delivery_id: str) -> list[Attempt]:
        """The attempts at a delivery, oldest first. Raises Missing where it is no longer kept."""
        path = f"/{quote(delivery_id, safe='')}/attempts"
        found = self._deliveries("GET", path, "read the attempts at a delivery")
        return [told.attempt(one) for one in _objects(get(found, "attempts"))]

    def redeliver(self, delivery_id: str) -> None:
        """Have an event sent again, as a new delivery. Raises Unknown when that may have worked."""
        path = f"/{quote(delivery_id, safe='')}/redeliver"
        self._deliveries("POST", path, "redeliver", body={}, edit=True)

    def send_test(self, message: str = "", *, integration_id: str = "") -> None:
        """Have a ping sent to us. Raises Unknown when that may have worked."""
        body = {"integrationId": integration_id or self._access.integration_id, "message": message}
        self._deliveries("POST", "/test", "send a test", body=body, edit=True)

    def summary(self, since: float) -> dict[str, int]:
        """How many deliveries since then (seconds since the epoch) have which outcome."""
        body = {"since": rfc3339(math.floor(since) * NANOS)}
        found = self._deliveries("POST", "/summarise", "count deliveries", body=body)
        counts = child(found, "counts") or child(found, "outcomes") or found
        words = {key.removeprefix("OUTCOME_").lower(): number(n) for key, n in counts.items()}
        return {word: n for word, n in words.items() if n is not None}

    def _listed(
        self, path: str, noun: str, since: float, until: float
    ) -> Callable[[str], Mapping[str, Any]]:
        """Fetches pages of what was updated in a window, oldest first: what changes meanwhile moves to
        a later page instead of out of sight."""
        params: dict[str, Any] = {
            "time.field": "FIELD_UPDATED_AT",
            "time.from.seconds": math.floor(max(0.0, since)),
            "sort.sortBy": "FIELD_UPDATED_AT",
            "sort.order": "ORDER_ASC",
            "pagination.pageSize": self._access.page_size,
        }
        end = {"time.to.seconds": math.ceil(max(0.0, until)) + 1}

        def fetch(cursor: str) -> Mapping[str, Any]:
            nonlocal end
            more = params | ({"pagination.cursor": cursor} if cursor else {})
            ask = Ask("GET", path, f"list {noun}", f"read {noun}", more | end)
            try:
                return self._calls.ask(ask)
            except Rejected as fault:
                # Its description names the parameter in one place and not in another. Without it
                # there is more to look at than was asked for, and nothing is missed.
                if not end or fault.cause is Cause.PERMISSION:
                    raise
                end = {}
                return self._calls.ask(Ask("GET", path, ask.what, ask.scope, more))

        return fetch

    def _by_id(
        self, noun: str, key: str, ids: Sequence[str], teller: _Teller, version: str
    ) -> list[Snapshot]:
        # The API refuses a whole batch for one id that is no UUID, and could not know it anyway.
        wanted = [id_ for id_ in dict.fromkeys(ids) if _UUID.match(id_)]
        found: list[Snapshot] = []
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]
            ask = Ask("POST", f"/api/{noun}/{version}/by-id", f"read {noun}", f"read {noun}")
            reply = self._calls.ask(
                Ask(ask.method, ask.path, ask.what, ask.scope, body={key: batch})
            )
            by_id = child(reply, noun) or {}
            for id_ in batch:
                if isinstance(one := by_id.get(id_), Mapping):
                    found.append(teller(NAME, self._access.workspace, id_, one))
        return found

    def _deliveries(
        self,
        method: str,
        path: str,
        what: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        edit: bool = False,
    ) -> Mapping[str, Any]:
        scope = "edit deliveries" if edit else "read deliveries"
        ask = Ask(method, f"/api/deliveries/v1{path}", what, scope, params, body, safe=not edit)
        return self._calls.ask(ask)


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
