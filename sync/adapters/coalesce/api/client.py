"""The REST API of Coalesce Quality, as far as ticket-sync asks it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from sync.adapters.coalesce.api import subjects, surroundings
from sync.adapters.coalesce.api.access import ApiAccess
from sync.adapters.coalesce.api.calls import Ask, Calls
from sync.adapters.coalesce.api.deliveries import attempt, failed_delivery, sent_delivery
from sync.adapters.coalesce.api.paging import pages, pages_by_last
from sync.adapters.coalesce.message.fields import child, get, text
from sync.adapters.coalesce.message.names import NAME
from sync.adapters.coalesce.message.timestamps import NANOS, rfc3339
from sync.domain.errors import Cause, Missing, Rejected
from sync.domain.subject import Snapshot
from sync.domain.surroundings import Impact
from sync.ports import Attempt, Clock, FailedDelivery, SentDelivery, SystemClock

BATCH = 100
_DELIVERIES = "/api/deliveries/v1"
_READ_DELIVERIES = "read deliveries"
_READ_IMPACT = "read entities and lineage (ENTITY_READ and LINEAGE_READ)"
_READ_OWNERS = "read owners (OWNERS_READ)"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_Reader = Callable[[str, Mapping[str, Any]], Snapshot]


class CoalesceApi:
    """Implements ``ports.SourceApi``. Safe to share between threads. Building it makes no call.

    Every method raises only faults of the domain: Refused (network, server, rate limit; with
    ``retry_after``), SiteDown (credentials), Rejected with cause PERMISSION (a scope is missing; the
    remedy names the scope), Missing, and Unknown for ``redeliver`` alone.
    """

    name = NAME

    def __init__(self, access: ApiAccess, clock: Clock | None = None) -> None:
        """``calls`` are those with these credentials, for whoever makes further ones."""
        self._access = access
        self.calls = Calls(access, clock or SystemClock())

    def close(self) -> None:
        """Let go of the connections."""
        self.calls.close()

    def issues_updated(self, since: float, until: float) -> Iterator[list[str]]:
        """Ids of issues updated between two times (seconds since the epoch), page by page."""
        listed = self._listed("/api/issues/v2", "issues", since, until)
        for page in pages(listed):
            if ids := subjects.ids_in(get(page, "issue_ids")):
                yield ids

    def issues(self, ids: Sequence[str]) -> list[Snapshot]:
        """Issues by id, in batches. Ids that the API does not know are left out."""
        return self._by_id("issues", "issueIds", ids, subjects.issue, "v2")

    def incidents_updated(self, since: float, until: float) -> list[Snapshot]:
        """Incidents updated between two times (seconds since the epoch), with ``issue_ids``."""
        listed = self._listed("/api/incidents/v1", "incidents", since, until)

        def ids(page: Mapping[str, Any]) -> list[str]:
            return subjects.ids_in([get(one, "id") for one in _objects(get(page, "incidents"))])

        found: dict[str, Snapshot] = {}
        for page in pages_by_last(listed, ids):
            for one in _objects(get(page, "incidents")):
                for id_ in subjects.ids_in([get(one, "id")]):
                    found[id_] = subjects.incident(id_, one)
        return list(found.values())

    def incidents(self, ids: Sequence[str]) -> list[Snapshot]:
        """Incidents by id, as ``issues``; with ``issue_ids``."""
        return self._by_id("incidents", "incidentIds", ids, subjects.incident, "v1")

    def impact(self, identifiers: Sequence[Mapping[str, Any]]) -> Impact:
        """What is touched where these entities break, in one call."""
        body = {"ids": [surroundings.identifier_sent(one) for one in identifiers]}
        try:
            reply = self.calls.ask(
                Ask("POST", "/api/impact/v1", "read impact", _READ_IMPACT, body=body)
            )
        except Missing:
            # Of entities that are gone, or were never taken in, nothing is downstream.
            return Impact()
        return surroundings.impact_of(reply)

    def owner_emails(self, ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The addresses by which owners are reached, by the ids as given, in batches."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, tuple[str, ...]] = {}
        for start in range(0, len(wanted), BATCH):
            body = {"ids": wanted[start : start + BATCH]}
            ask = Ask("POST", "/api/owners/v1/batch-get", "read owners", _READ_OWNERS, body=body)
            found |= surroundings.emails_of(self.calls.ask(ask))
        by_id = {id_: found.get(surroundings.bare(id_)) for id_ in wanted}
        return {id_: emails for id_, emails in by_id.items() if emails}

    def failed_deliveries(self, since: float, until: float) -> Iterator[list[FailedDelivery]]:
        """Deliveries of events between two times that failed for good, page by page."""
        for answers in self._deliveries(since, until, {"outcomes": "OUTCOME_FAILED"}):
            found = [failed_delivery(one) for one in answers]
            if failed := [one for one in found if one is not None]:
                yield failed

    def sent_deliveries(self, since: float, until: float) -> Iterator[list[SentDelivery]]:
        """All deliveries of events between two times, whatever became of them, newest first."""
        for answers in self._deliveries(since, until, {}):
            yield [sent_delivery(one) for one in answers]

    def _deliveries(
        self, since: float, until: float, filters: Mapping[str, Any]
    ) -> Iterator[list[Mapping[str, Any]]]:
        params: dict[str, Any] = {
            **filters,
            "since": rfc3339(math.floor(max(0.0, since)) * NANOS),
            "until": rfc3339(math.ceil(max(0.0, until)) * NANOS),
            "pagination.pageSize": self._access.page_size,
        }
        if self._access.integration_id:
            params["integrationId"] = self._access.integration_id

        def fetch(cursor: str) -> Mapping[str, Any]:
            more = {"pagination.cursor": cursor} if cursor else {}
            ask = Ask("GET", _DELIVERIES, "list deliveries", _READ_DELIVERIES, params | more)
            return self.calls.ask(ask)

        for page in pages(fetch):
            yield _objects(get(page, "deliveries"))

    def attempts(self, delivery_id: str) -> list[Attempt]:
        """The attempts at a delivery, oldest first. Raises Missing if the delivery is no longer kept."""
        path = f"{_DELIVERIES}/{quote(delivery_id, safe='')}/attempts"
        ask = Ask("GET", path, "read the attempts at a delivery", _READ_DELIVERIES)
        found = self.calls.ask(ask)
        return [attempt(one) for one in _objects(get(found, "attempts"))]

    def bodies(self, event_id: str) -> list[bytes]:
        """The bodies that were sent of an event, as far as they are kept."""
        params = {"eventId": event_id, "pagination.pageSize": self._access.page_size}
        ask = Ask("GET", _DELIVERIES, "list deliveries", _READ_DELIVERIES, params)
        listed = _objects(get(self.calls.ask(ask), "deliveries"))
        ids = [id_ for one in listed if isinstance(id_ := get(one, "id"), str) and id_]
        found: list[bytes] = []
        for id_ in ids:
            with suppress(Missing):
                found += [one.body for one in self.attempts(id_)[-1:] if one.body]
        return found

    def redeliver(self, delivery_id: str) -> None:
        """Have an event sent again, as a new delivery. Raises Unknown if the call may have worked."""
        path = f"{_DELIVERIES}/{quote(delivery_id, safe='')}/redeliver"
        self.calls.ask(Ask("POST", path, "redeliver", "edit deliveries", body={}, safe=False))

    def integrations(self, since: float, until: float) -> list[str]:
        """The integrations to which there were deliveries of events between two times: only
        that of the settings, where these name one."""
        found: dict[str, None] = {}
        for answers in self._deliveries(since, until, {}):
            found |= dict.fromkeys(text(get(one, "integration_id")) for one in answers)
        return [id_ for id_ in found if id_]

    def send_test(self, integration_id: str, message: str) -> None:
        """Have a test delivery (a ping) sent to an integration. Raises Unknown if it may be under way,
        and Missing where there is no such integration."""
        body = {"integrationId": integration_id, "message": message}
        path = f"{_DELIVERIES}/test"
        ask = Ask("POST", path, "send a test delivery", "edit deliveries", body=body, safe=False)
        self.calls.ask(ask)

    def test_sent(self, message: str, since: float, until: float) -> Attempt | None:
        """The last attempt at the test delivery with this message; None while there is none, or where
        the log does not show it."""
        for answers in self._deliveries(since, until, {"eventTypes": "EVENT_TYPE_PING"}):
            for one in answers:
                with suppress(Missing):
                    for attempted in reversed(self.attempts(text(get(one, "id")))):
                        if attempted.body and message.encode() in attempted.body:
                            return attempted
        return None

    def _listed(
        self, path: str, noun: str, since: float, until: float
    ) -> Callable[[str], Mapping[str, Any]]:
        """Fetches pages of what was updated in a window, oldest first.

        The order is ascending because an entry that changes meanwhile then moves to a later page, and
        is not missed.
        """
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
                return self.calls.ask(ask)
            except Rejected as fault:
                # The API's description names the end of the window in one place and omits it in
                # another. Without an end the answer has more entries than asked for, and none is
                # missed.
                if not end or fault.cause is Cause.PERMISSION:
                    raise
                end = {}
                return self.calls.ask(Ask("GET", path, ask.what, ask.scope, more))

        return fetch

    def _by_id(
        self, noun: str, key: str, ids: Sequence[str], reader: _Reader, version: str
    ) -> list[Snapshot]:
        # The API refuses a whole batch for one id that is no UUID, and has no subject of such an id.
        wanted = [id_ for id_ in dict.fromkeys(ids) if _UUID.match(id_)]
        found: list[Snapshot] = []
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]
            path, what = f"/api/{noun}/{version}/by-id", f"read {noun}"
            reply = self.calls.ask(Ask("POST", path, what, what, body={key: batch}))
            by_id = child(reply, noun) or {}
            for id_ in batch:
                if isinstance(one := by_id.get(id_), Mapping):
                    found.append(reader(id_, one))
        return found


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
