"""Asking the API, over a real socket."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sync.adapters.coalesce import CoalesceSource
from sync.domain.subject import EventType, Status, merge_from_api, newest
from sync.sandbox.coalesce import encode, render
from tests.adapters.coalesce.served import Upstream, serving
from tests.sandbox.coalesce.openapi import Described


@pytest.fixture(scope="module")
def shared() -> Iterator[Upstream]:
    with serving(page_size=7) as upstream:
        yield upstream


def everything(upstream: Upstream, since: float = 0) -> list[str]:
    pages = upstream.api.issues_updated(since, upstream.clock.now + 60)
    return [id_ for page in pages for id_ in page]


def test_issues_are_listed_to_the_end_and_only_within_the_window(shared: Upstream) -> None:
    before = shared.pass_time()
    ids = []
    for _ in range(23):
        ids.append(shared.sandbox.open_issue().id)
        shared.pass_time(1)
    after = shared.pass_time()
    shared.sandbox.open_issue()
    pages = list(shared.api.issues_updated(before, after - 30))
    assert [id_ for page in pages for id_ in page] == ids
    assert max(map(len, pages)) == 7


def test_an_issue_that_changes_while_we_page_hides_no_other(shared: Upstream) -> None:
    since = shared.pass_time()
    ids = [shared.sandbox.open_issue().id for _ in range(20)]
    pages = shared.api.issues_updated(since, shared.clock.now + 600)
    first = next(pages)
    shared.pass_time(1)
    for id_ in first:
        shared.sandbox.update_issue(id_)
    rest = [id_ for page in pages for id_ in page]
    assert set(first) | set(rest) == set(ids)


def test_what_the_api_tells_of_an_issue_fits_what_the_webhook_told(shared: Upstream) -> None:
    since = shared.pass_time()
    issue = shared.sandbox.open_issue()
    shared.pass_time(5)
    actor = {"name": "Steward", "email": {"user_email": "steward@example.com"}, "via": "slack"}
    shared.sandbox.mark(issue.id, "investigating", actor=actor)
    [told] = shared.api.issues(everything(shared, since))
    heard = CoalesceSource().read(encode(render(shared.sandbox.events[-1])))[0].snapshot
    assert heard is not None
    assert (told.ref, told.status, told.event_time) == (heard.ref, heard.status, heard.event_time)
    assert told.severity == issue.severity
    for name in ("title", "started_at", "ended_at", "status"):
        assert told.payload[name] == heard.payload[name]
    assert told.payload["status_actor"] == {**heard.payload["status_actor"], "via": ""}
    assert (
        told.payload["trigger_entity"]["identifier"]
        == heard.payload["trigger_entity"]["identifier"]
    )
    assert set(told.payload) == set(heard.payload)
    assert merge_from_api(heard, told) == replace(heard, severity=issue.severity)
    assert newest(told, heard) == replace(heard, severity=issue.severity)


@pytest.mark.parametrize("status", ["", "investigating", "expected", "fixed", "no_action_needed"])
def test_a_status_set_and_a_close_missed_are_learnt(shared: Upstream, status: str) -> None:
    issue = shared.sandbox.open_issue()
    if status:
        shared.sandbox.mark(issue.id, status)
    [told] = shared.api.issues([issue.id])
    assert told.status is Status(status or "open")
    shared.sandbox.close_issue(issue.id)
    [told] = shared.api.issues([issue.id])
    assert (told.status, told.event_type) == (Status.CLOSED, EventType.ISSUE_CLOSED)
    assert told.payload["ended_at"]


def test_more_ids_than_a_batch_come_in_batches_and_unknown_ones_are_left_out(
    shared: Upstream,
) -> None:
    ids = [shared.sandbox.open_issue().id for _ in range(230)]
    asked = shared.rest.asked["POST /api/issues/v2/by-id"]
    odd = [str(uuid.uuid4()), "not-a-uuid", "", "'; drop table", *ids[:3]]
    found = shared.api.issues([*ids, *odd])
    assert [one.ref.id for one in found] == ids
    assert shared.rest.asked["POST /api/issues/v2/by-id"] - asked == 3


def test_incidents_come_with_their_issues_page_by_page(shared: Upstream) -> None:
    since = shared.pass_time()
    issues = [shared.sandbox.open_issue().id for _ in range(3)]
    for _ in range(17):
        shared.sandbox.open_incident(issues)
    opened = list(shared.sandbox.incidents.values())[-17:]
    shared.sandbox.close_incident(opened[0].id)
    shared.sandbox.cancel_incident(opened[1].id)
    shared.sandbox.set_members(opened[2].id, issues[:1])
    found = {one.ref.id: one for one in shared.api.incidents_updated(since, shared.clock.now + 9)}
    assert set(found) == {one.id for one in opened}
    states = [found[one.id].status for one in opened[:3]]
    assert states == [Status.CLOSED, Status.CANCELLED, Status.OPEN]
    assert found[opened[2].id].issue_ids == tuple(issues[:1])
    assert found[opened[3].id].issue_ids == tuple(issues)
    by_id = shared.api.incidents([one.id for one in opened])
    assert {one.ref.id: one for one in by_id} == found
    heard = CoalesceSource().read(encode(render(shared.sandbox.events[-1])))[0].snapshot
    assert heard is not None
    assert set(found[opened[1].id].payload) == set(heard.payload)


def test_failed_deliveries_are_found_with_their_bodies_and_sent_again(shared: Upstream) -> None:
    shared.sender.pump()
    since = shared.pass_time(3600)
    for _ in range(17):
        shared.sandbox.open_issue()
    events = {event["event_id"] for event in shared.sandbox.events[-17:]}
    shared.replies = [401] * 16
    while shared.sender.pump():
        shared.pass_time(1)
    pages = list(shared.api.failed_deliveries(since, shared.clock.now))
    failed = [one for page in pages for one in page if one.event_id in events]
    assert len(failed) == 16
    assert {(one.status_code, one.event_type) for one in failed} == {(401, "issue_created")}
    assert all(one.subject in shared.sandbox.issues for one in failed)
    assert all(since <= one.created_at <= shared.clock.now for one in failed)
    [attempt] = shared.api.attempts(failed[0].id)
    sending = shared.outbox.sendings[failed[0].id]
    assert (attempt.body, attempt.status_code) == (sending.body, 401)
    assert CoalesceSource().identify(sending.body)[0] == failed[0].event_id
    shared.api.redeliver(failed[0].id)
    assert shared.sender.pump() == 1
    [again] = [s for s in shared.outbox.sendings.values() if s.redelivery_of == failed[0].id]
    assert again.outcome == "delivered"


def test_a_body_that_is_gone_is_none(shared: Upstream) -> None:
    shared.sandbox.open_issue()
    shared.sender.pump()
    sending = list(shared.outbox.sendings.values())[-1]
    sending.body_kept = False
    assert [one.body for one in shared.api.attempts(sending.id)] == [None]


def test_all_traffic_fits_the_published_description() -> None:
    described = Described()
    with serving(page_size=3, described=described) as upstream:
        sandbox = upstream.sandbox
        issues = [sandbox.open_issue().id for _ in range(8)]
        sandbox.mark(issues[0], "fixed")
        sandbox.close_issue(issues[1])
        sandbox.comment(issues[2], "seen", {"name": "On call", "slack": {"user_id": "U1"}})
        for _ in range(4):
            sandbox.open_incident(issues[:2])
        upstream.pass_time()
        assert len(upstream.api.issues(everything(upstream))) == 8
        found = upstream.api.incidents_updated(0, upstream.clock.now)
        assert len(upstream.api.incidents([one.ref.id for one in found])) == 4
        assert upstream.rest.wrong == []
    assert described.checked == {
        "GET ListIssues",
        "POST BatchGetIssues",
        "GET ListIncidents",
        "POST BatchGetIncidents",
    }
