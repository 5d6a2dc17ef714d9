"""The simulated API answers as the published description says."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest

from sync.sandbox.coalesce import CoalesceSandbox, Outbox
from sync.sandbox.coalesce.rest import CLIENT_ID, CLIENT_SECRET, CoalesceRest
from sync.sandbox.coalesce.subjects import NANOS, rfc3339
from tests.clock import SimulatedClock
from tests.sandbox.coalesce.openapi import Described

ACTOR = {"name": "On call", "email": {"userEmail": "on-call@example.com"}}


class Caller:
    """Calls the API without a socket; what is described is held against the description."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.sandbox = CoalesceSandbox(self.clock, seed=9)
        self.outbox = Outbox(self.sandbox)
        self.rest = CoalesceRest(self.outbox)
        self.described: Described | None = None
        self.token = ""

    def __call__(
        self, method: str, path: str, body: Any = None, status: int = 200, **query: Any
    ) -> dict[str, Any]:
        sent = b"" if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.token}"}
        encoded = urlencode({name.replace("_", "."): value for name, value in query.items()})
        answer = self.rest.handle(method, path, encoded, headers, sent)
        assert answer.status == status, answer.content
        if self.described is not None:
            self.described.check(method, path, encoded, sent, answer)
        return dict(answer.content)

    def sign_in(self, secret: str = CLIENT_SECRET) -> int:
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": secret}
        answer = self.rest.handle("POST", "/oauth2/token", "", {}, urlencode(form).encode())
        self.token = answer.content.get("access_token", "")
        return answer.status

    @property
    def past(self) -> str:
        return rfc3339(round(self.clock.now * NANOS) - NANOS)


@pytest.fixture
def call() -> Caller:
    caller = Caller()
    assert caller.sign_in() == 200
    caller.clock.sleep(1)
    return caller


def test_every_described_call_that_is_simulated_answers_as_described(call: Caller) -> None:
    call.described = Described()
    issue = call.sandbox.open_issue().id
    call.sandbox.open_incident([issue])
    by_id = {"issueIds": [issue, str(uuid.uuid4())]}
    call("GET", "/api/issues/v2", lifecycleState="LIFECYCLE_STATE_UNTRIAGED")
    for name in ("investigating", "fixed", "expected", "no-action-needed"):
        body = {"actor": ACTOR, "time": call.past}
        call("PATCH", f"/api/issues/v2/{issue}/mark-{name}", body)
        shown = call("POST", "/api/issues/v2/by-id", by_id)["issues"]
        assert shown[issue]["latestStatus"] == f"STATUS_{name.upper().replace('-', '_')}"
        assert shown[issue]["latestStatusActor"] == ACTOR
    said = {"actor": ACTOR, "time": call.past, "comment": "Looking."}
    call("POST", f"/api/issues/v2/{issue}/comment", said)
    call.sandbox.close_issue(issue)
    shown = call("POST", "/api/issues/v2/by-id", by_id)["issues"]
    assert list(shown) == [issue]
    assert (shown[issue]["state"], shown[issue]["comments"][0]["message"]) == (
        "STATE_CLOSED",
        "Looking.",
    )
    [incident] = call("GET", "/api/incidents/v1", states="STATE_OPEN")["incidents"]
    call("POST", "/api/incidents/v1/by-id", {"incidentIds": [incident["id"]]})
    assert call("GET", "/api/incidents/v1", states="STATE_CLOSED") == {"incidents": []}
    root, about = f"/api/incidents/v1/{incident['id']}", {"actor": ACTOR, "at": call.past}
    call("PATCH", f"{root}/close", about)
    opened = call("PATCH", f"{root}/state", {**about, "state": "STATE_OPEN"})["incident"]
    assert (opened["state"], opened["updatedBy"]) == ("STATE_OPEN", ACTOR)
    call("PATCH", f"{root}/cancel", about)
    call("PATCH", f"{root}/rename", {**about, "name": "Late loads"})
    call("PATCH", f"{root}/assign-owner", {"actor": ACTOR, "ownerEmail": "owner@example.com"})
    other = call.sandbox.open_issue().id
    call("POST", f"{root}/issues", {**about, "issueIds": [other, issue]})
    call("POST", f"{root}/comment", {**about, "comment": "Over."})
    shown = call("POST", "/api/incidents/v1/by-id", {"incidentIds": [incident["id"]]})
    ended = shown["incidents"][incident["id"]]
    assert (ended["state"], ended["name"]) == ("STATE_CANCELLED", "Late loads")
    assert (ended["owner"], ended["issueIds"]) == ({"email": "owner@example.com"}, [issue, other])
    assert [one["message"] for one in ended["comments"]] == ["Over."]
    assert len(call.described.checked) == 15


def test_a_mark_made_through_the_api_is_told_by_a_webhook(call: Caller) -> None:
    issue = call.sandbox.open_issue().id
    call("PATCH", f"/api/issues/v2/{issue}/mark-fixed", {"actor": ACTOR, "time": call.past})
    event = call.sandbox.events[-1]
    assert (event["type"], event["issue"]["status"]) == ("issue_status_updated", "fixed")
    assert event["issue"]["status_actor"] == {
        "name": "On call",
        "via": "api",
        "email": {"user_email": "on-call@example.com"},
    }


def test_a_mark_that_must_not_overrule_does_not(call: Caller) -> None:
    issue = call.sandbox.open_issue().id
    call.sandbox.mark(issue, "expected")
    body = {"actor": ACTOR, "time": call.past, "requireNoExistingStatus": True}
    call("PATCH", f"/api/issues/v2/{issue}/mark-fixed", body)
    assert call.sandbox.issues[issue].status == "expected"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"actor": ACTOR},
        {"actor": {"name": "x"}, "time": "2026-01-01T00:00:00Z"},
        {"actor": {**ACTOR, "name": " "}, "time": "2026-01-01T00:00:00Z"},
        {"actor": {**ACTOR, "slack": {"userId": "U1"}}, "time": "2026-01-01T00:00:00Z"},
        {"actor": {"name": "x", "email": {"userEmail": ""}}, "time": "2026-01-01T00:00:00Z"},
        {"actor": {"name": "x", "email": {"userEmail": "nobody"}}, "time": "2026-01-01T00:00:00Z"},
        {"actor": {**ACTOR, "via": "VIA_PIGEON"}, "time": "2026-01-01T00:00:00Z"},
        {"actor": ACTOR, "time": "2022-01-01T00:00:00Z"},
        {"actor": {"email": ACTOR["email"]}, "time": "2026-01-01T00:00:00Z"},
        {"actor": ACTOR, "time": "2100-01-01T00:00:00Z"},
        {"actor": ACTOR, "time": "soon"},
        {"actor": ACTOR, "time": "2026-01-01T00:00:00"},
        [],
    ],
)
def test_a_mark_needs_an_actor_and_a_time_that_is_past(call: Caller, body: Any) -> None:
    issue = call.sandbox.open_issue().id
    refusal = call("PATCH", f"/api/issues/v2/{issue}/mark-fixed", body, status=400)
    assert (refusal["code"], call.sandbox.issues[issue].status) == (3, "")


def test_pages_follow_their_cursor_in_both_directions(call: Caller) -> None:
    ids = [call.sandbox.open_issue().id for _ in range(5)]
    for order, wanted in (("ORDER_ASC", ids), ("ORDER_DESC", ids[::-1])):
        found, cursor = [], ""
        for _ in range(3):
            page = call(
                "GET",
                "/api/issues/v2",
                sort_order=order,
                pagination_pageSize=2,
                pagination_cursor=cursor,
            )
            found += page["issueIds"]
            cursor = page["pageInfo"]["lastId"]
        assert (found, cursor) == (wanted, "")


def test_tokens_end_and_wrong_credentials_get_none(call: Caller) -> None:
    call("GET", "/api/issues/v2")
    call.clock.sleep(3600)
    call("GET", "/api/issues/v2", status=401)
    assert call.sign_in("wrong") == 401
    call("GET", "/api/issues/v2", status=401)


def test_odd_requests_are_refused_and_nothing_breaks(call: Caller) -> None:
    call("GET", "/api/issues/v2", status=400, pagination_cursor="made-up")
    call("GET", "/api/issues/v2", status=400, pagination_pageSize="many")
    call("POST", "/api/issues/v2/by-id", {"issueIds": ["x"]}, status=400)
    call("POST", "/api/issues/v2/by-id", {}, status=400)
    call("DELETE", "/api/issues/v2", status=404)
    call("GET", "/api/deliveries/v1/none/attempts", status=404)
    about = {"actor": ACTOR, "time": call.past}
    call("PATCH", "/api/issues/v2/none/mark-fixed", about, status=400)
    call("PATCH", f"/api/issues/v2/{uuid.uuid4()}/mark-fixed", about, status=404)


def test_deliveries_can_be_filtered(call: Caller) -> None:
    issue = call.sandbox.open_issue().id
    call.clock.sleep(10)
    call.sandbox.close_issue(issue)
    call.sandbox.ping()
    path = "/api/deliveries/v1"
    [closed] = call("GET", path, eventTypes="EVENT_TYPE_ISSUE_CLOSED")["deliveries"]
    assert (closed["subject"]["id"], closed["outcome"]) == (issue, "OUTCOME_PENDING")
    assert call("GET", path, eventId=closed["eventId"])["deliveries"] == [closed]
    assert len(call("GET", path, since=closed["createdAt"])["deliveries"]) <= 2
    assert len(call("GET", path, until=call.past)["deliveries"]) == 1
    assert call("GET", path, outcomes="OUTCOME_FAILED")["deliveries"] == []
    assert call("GET", path, integrationId="another")["deliveries"] == []
    assert len(call("GET", path, integrationId=call.sandbox.integration_id)["deliveries"]) == 3
    assert call("POST", f"{path}/summarise", {}) == {
        "total": 3,
        "byOutcome": [{"outcome": "OUTCOME_PENDING", "count": 3}],
    }
