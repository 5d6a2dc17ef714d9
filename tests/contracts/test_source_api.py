"""What every source's API tells when it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sync.domain.errors import Cause, Missing, Refused, Rejected
from sync.domain.subject import Kind, Status, SubjectRef
from sync.domain.surroundings import Impact
from sync.ports import FailedDelivery, SourceApi
from tests.contracts.sources import APIS, Upstream

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(params=APIS)
def upstream(request: pytest.FixtureRequest) -> Iterator[Upstream]:
    """The API of each source in turn, with what happens behind it."""
    with APIS[request.param]() as opened:
        yield opened


def later(upstream: Upstream, seconds: float = 60.0) -> float:
    """Let time pass; what the time is then."""
    upstream.clock.sleep(seconds)
    return upstream.clock.time()


def updated(upstream: Upstream, since: float, until: float) -> list[str]:
    return [id_ for page in upstream.api.issues_updated(since, until) for id_ in page]


def failures(upstream: Upstream, since: float, until: float) -> list[FailedDelivery]:
    return [one for page in upstream.api.failed_deliveries(since, until) for one in page]


def test_issues_are_listed_to_the_last_page_and_only_those_of_the_window(
    upstream: Upstream,
) -> None:
    upstream.open_issue()
    since = later(upstream)
    ids = []
    for _ in range(16):
        ids.append(upstream.open_issue())
        upstream.clock.sleep(1)
    until = later(upstream)
    later(upstream)
    upstream.open_issue()
    assert updated(upstream, since, until) == ids
    assert updated(upstream, until + 1, until + 2) == []


def test_an_issue_that_changed_is_listed_again_and_told_as_it_is_now(upstream: Upstream) -> None:
    id_ = upstream.open_issue()
    [opened] = upstream.api.issues([id_])
    since = later(upstream)
    upstream.close_issue(id_)
    assert updated(upstream, since, later(upstream)) == [id_]
    [closed] = upstream.api.issues([id_])
    assert (opened.status, closed.status) == (Status.OPEN, Status.CLOSED)
    assert closed.ref == opened.ref == SubjectRef(upstream.api.name, Kind.ISSUE, id_)
    assert closed.event_time > opened.event_time


def test_who_is_not_there_is_left_out(upstream: Upstream) -> None:
    issue = upstream.open_issue()
    incident = upstream.open_incident([issue])
    assert [one.ref.id for one in upstream.api.issues([NOBODY, issue])] == [issue]
    assert [one.ref.id for one in upstream.api.incidents([incident, NOBODY])] == [incident]
    assert upstream.api.issues([]) == []
    assert upstream.api.incidents([]) == []


def test_incidents_come_with_their_issues(upstream: Upstream) -> None:
    since = later(upstream)
    issues = [upstream.open_issue() for _ in range(3)]
    ids = []
    for _ in range(9):
        ids.append(upstream.open_incident(issues))
        upstream.clock.sleep(1)
    found = upstream.api.incidents_updated(since, later(upstream))
    assert {one.ref.id for one in found} == set(ids)
    assert {one.issue_ids for one in found} == {tuple(issues)}
    assert {one.ref.kind for one in found} == {Kind.INCIDENT}
    assert {one.ref.id: one for one in upstream.api.incidents(ids)} == {
        one.ref.id: one for one in found
    }


def test_deliveries_that_failed_for_good_are_told_with_what_was_sent(upstream: Upstream) -> None:
    upstream.fail_delivery()
    since = later(upstream, 3600)
    sent = dict(upstream.fail_delivery() for _ in range(9))
    found = failures(upstream, since, later(upstream))
    assert {one.event_id for one in found} == set(sent)
    assert {(one.event_type, one.status_code) for one in found} == {("issue_created", 401)}
    assert all(since <= one.created_at <= upstream.clock.time() for one in found)
    for one in found:
        [attempt] = upstream.api.attempts(one.id)
        assert (attempt.body, attempt.status_code) == (sent[one.event_id], 401)


def test_the_bodies_of_an_event_are_those_that_were_sent_of_it(upstream: Upstream) -> None:
    sent = dict(upstream.fail_delivery() for _ in range(3))
    assert {event: upstream.api.bodies(event) for event in sent} == {
        event: [body] for event, body in sent.items()
    }
    assert upstream.api.bodies(NOBODY) == []


def test_a_delivery_is_sent_again_on_request(upstream: Upstream) -> None:
    since = upstream.clock.time()
    upstream.fail_delivery()
    [failed] = failures(upstream, since, later(upstream))
    upstream.api.redeliver(failed.id)
    assert upstream.sent_again() == {failed.id}


def test_a_delivery_that_is_not_kept_is_missing(upstream: Upstream) -> None:
    with pytest.raises(Missing):
        upstream.api.attempts(NOBODY)
    with pytest.raises(Missing):
        upstream.api.redeliver(NOBODY)
    assert upstream.sent_again() == set()


STRANGER = {"platform": "custom", "id": "nobody knows it"}


def test_strangers_have_no_impact_and_no_addresses(upstream: Upstream) -> None:
    assert upstream.api.impact([STRANGER]) == Impact()
    assert upstream.api.owner_emails(["nobody", "owner-nobody"]) == {}


CALLS: dict[str, Callable[[SourceApi], object]] = {
    "issues_updated": lambda api: list(api.issues_updated(0, 1)),
    "issues": lambda api: api.issues([NOBODY]),
    "incidents_updated": lambda api: api.incidents_updated(0, 1),
    "incidents": lambda api: api.incidents([NOBODY]),
    "impact": lambda api: api.impact([STRANGER]),
    "owner_emails": lambda api: api.owner_emails([NOBODY]),
    "failed_deliveries": lambda api: list(api.failed_deliveries(0, 1)),
    "attempts": lambda api: api.attempts(NOBODY),
    "bodies": lambda api: api.bodies(NOBODY),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_question_to_a_server_that_is_ill_is_refused(upstream: Upstream, call: str) -> None:
    upstream.fall_ill()
    with pytest.raises(Refused):
        CALLS[call](upstream.api)


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_our_credentials_have_no_scope_for_is_rejected(
    upstream: Upstream, call: str
) -> None:
    upstream.take_scopes()
    with pytest.raises(Rejected) as caught:
        CALLS[call](upstream.api)
    assert caught.value.cause is Cause.PERMISSION
