"""The simulated Coalesce Quality, told of acts: what it shows afterwards, and what our reading finds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync.adapters.coalesce import ApiUpstream
from sync.domain.acts import Ability, Actor
from sync.domain.errors import Already, Missing, Rejected, SiteDown, Unknown
from sync.domain.subject import Kind, Status, SubjectRef
from tests.adapters.coalesce.served import Upstream, serving

ANN = Actor("API", "ann@example.com")
HIDDEN = Actor("Ben")


@pytest.fixture
def scene() -> Iterator[tuple[Upstream, ApiUpstream]]:
    with serving() as upstream:
        yield upstream, ApiUpstream(upstream.api, "bot@example.com", upstream.clock)


def issue_of(upstream: Upstream) -> SubjectRef:
    return SubjectRef("coalesce", Kind.ISSUE, upstream.sandbox.open_issue().id)


def incident_of(upstream: Upstream) -> SubjectRef:
    issue = upstream.sandbox.open_issue().id
    return SubjectRef("coalesce", Kind.INCIDENT, upstream.sandbox.open_incident([issue]).id)


def test_an_issue_is_marked_cleared_and_commented_by_whom_we_say(scene) -> None:
    upstream, way = scene
    ref = issue_of(upstream)
    # The tracker's clock is ahead: upstream takes no time after its own.
    way.mark(ref, Status.EXPECTED, ANN, upstream.clock.now + 90)
    way.mark(ref, Status.INVESTIGATING, HIDDEN, upstream.clock.now, only_unmarked=True)
    id_ = way.comment(ref, "we know", HIDDEN, upstream.clock.now - 5)
    [found] = upstream.api.issues([ref.id])
    assert found.status is Status.EXPECTED
    assert found.payload["status_actor"]["name"] == "API (Jira)"
    [said] = found.comments
    assert (said.id, said.text, said.author) == (id_, "we know", "Ben")
    assert said.at == pytest.approx(upstream.clock.now - 5, abs=1e-3)
    way.clear(ref, ANN, upstream.clock.now)
    assert upstream.api.issues([ref.id])[0].status is Status.OPEN


def test_an_incident_is_closed_opened_again_and_cancelled(scene) -> None:
    upstream, way = scene
    ref = incident_of(upstream)
    for status in (Status.CLOSED, Status.OPEN, Status.CANCELLED):
        way.move_incident(ref, status, ANN, upstream.clock.now)
        assert upstream.api.incidents([ref.id])[0].status is status
        with pytest.raises(Already):
            way.move_incident(ref, status, ANN, upstream.clock.now)
    way.comment(ref, "over", ANN, upstream.clock.now)
    assert [one.text for one in upstream.api.incidents([ref.id])[0].comments] == ["over"]


def test_a_scope_that_is_missing_turns_off_what_it_is_for_and_a_probe_finds_it(scene) -> None:
    upstream, way = scene
    issue, incident = issue_of(upstream), incident_of(upstream)
    upstream.rest.scopes.discard("incidents:edit")
    upstream.rest.scopes.discard("mcp:write")
    way.probe()
    off = {what for what in Ability if way.unable(what)}
    assert off == {Ability.MOVE_INCIDENT, Ability.COMMENT_INCIDENT}
    with pytest.raises(Rejected):
        way.move_incident(incident, Status.CLOSED, ANN, 0)
    assert upstream.api.incidents([incident.id])[0].status is Status.OPEN
    way.mark(issue, Status.FIXED, ANN, upstream.clock.now)
    assert upstream.api.issues([issue.id])[0].status is Status.FIXED


def test_a_call_that_upstream_does_not_have_is_told_from_an_issue_that_is_gone(scene) -> None:
    upstream, way = scene
    upstream.rest.off["issues/clear-status"] = 404
    gone = SubjectRef("coalesce", Kind.ISSUE, "00000000-0000-4000-8000-000000000000")
    with pytest.raises(Missing):
        way.clear(gone, ANN, 0)
    assert way.unable(Ability.CLEAR) == ""
    with pytest.raises(Rejected):
        way.clear(issue_of(upstream), ANN, 0)
    assert way.unable(Ability.CLEAR)
    with pytest.raises(Missing):
        way.mark(gone, Status.FIXED, ANN, upstream.clock.now)


def test_a_lost_reply_is_unknown_and_a_token_that_ends_is_renewed(scene) -> None:
    upstream, way = scene
    ref = issue_of(upstream)
    upstream.rest.faults.add(status=0, path="/comment", after=True, count=1)
    with pytest.raises(Unknown):
        way.comment(ref, "once", ANN, upstream.clock.now)
    assert [one.text for one in upstream.api.issues([ref.id])[0].comments] == ["once"]
    upstream.rest.revoke_tokens()
    way.mark(ref, Status.FIXED, ANN, upstream.clock.now)
    assert upstream.api.issues([ref.id])[0].status is Status.FIXED


def test_wrong_credentials_take_all_of_it_down(scene) -> None:
    upstream, way = scene
    ref = issue_of(upstream)
    upstream.rest.client_secret = "changed"
    upstream.rest.revoke_tokens()
    with pytest.raises(SiteDown):
        way.mark(ref, Status.FIXED, ANN, upstream.clock.now)
    assert not any(map(way.unable, Ability))
