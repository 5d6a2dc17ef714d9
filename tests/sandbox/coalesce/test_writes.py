"""What the simulated API lets its callers do, and how it refuses, fails and loses its replies."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.sandbox.coalesce import Robot, Robots, Stream
from sync.sandbox.coalesce.rest import SCOPES
from sync.sandbox.coalesce.subjects import NANOS, rfc3339
from tests.sandbox.coalesce.test_rest import ACTOR, Caller

PERSON = {"name": "On call", "email": {"user_email": "on-call@example.com"}}


@pytest.fixture
def call() -> Caller:
    caller = Caller()
    assert caller.sign_in() == 200
    caller.clock.sleep(1)
    return caller


def about(call: Caller, **more: Any) -> dict[str, Any]:
    return {"actor": ACTOR, "time": call.past, **more}


def marked(
    call: Caller, issue: str, mark: str = "mark-fixed", status: int = 200, **more: Any
) -> str:
    """Make a call that marks an issue; returns the issue's status after it."""
    call("PATCH", f"/api/issues/v2/{issue}/{mark}", about(call, **more), status=status)
    return call.sandbox.issues[issue].status


def told(call: Caller) -> list[str]:
    """The types of all events, oldest first."""
    return [str(event["type"]) for event in call.sandbox.events]


def test_a_mark_only_for_unmarked_issues_answers_alike_and_tells_nothing(call: Caller) -> None:
    issue = call.sandbox.open_issue().id
    assert (
        marked(call, issue, "mark-investigating", requireNoExistingStatus=True) == "investigating"
    )
    before = told(call)
    assert marked(call, issue, "mark-fixed", require_no_existing_status=True) == "investigating"
    assert told(call) == before


def test_a_status_is_cleared_with_or_without_a_time(call: Caller) -> None:
    issue = call.sandbox.open_issue().id
    for body in (about(call), {"actor": ACTOR}):
        marked(call, issue)
        call("PATCH", f"/api/issues/v2/{issue}/clear-status", body)
        assert call.sandbox.issues[issue].status == ""
    assert told(call) == ["issue_created", *["issue_status_updated"] * 4]
    late = {"actor": ACTOR, "time": "2100-01-01T00:00:00Z"}
    call("PATCH", f"/api/issues/v2/{issue}/clear-status", late, status=400)


def test_a_comment_has_an_id_a_time_and_an_author_and_no_webhook(call: Caller) -> None:
    issue = call.sandbox.open_issue().id
    at = call.past
    call.clock.sleep(60)
    said = {"actor": {**ACTOR, "via": "VIA_MCP"}, "time": at, "comment": "Looking."}
    given = call("POST", f"/api/issues/v2/{issue}/comment", said)["commentId"]
    [shown] = call("POST", "/api/issues/v2/by-id", {"issueIds": [issue]})["issues"][issue][
        "comments"
    ]
    assert shown == {"id": given, "message": "Looking.", "createdAt": at, "actor": ACTOR}
    assert told(call) == ["issue_created"]
    call("POST", f"/api/issues/v2/{issue}/comment", about(call, comment=" "), status=400)


@pytest.mark.parametrize("raises", [True, False])
def test_a_comment_raises_the_time_of_update_or_does_not(call: Caller, raises: bool) -> None:
    issue = call.sandbox.open_issue()
    call.sandbox.comments_update = raises
    before = issue.updated_at
    call.clock.sleep(5)
    call("POST", f"/api/issues/v2/{issue.id}/comment", about(call, comment="Hello"))
    assert (issue.updated_at > before) is raises


def test_an_actor_with_the_name_of_a_way_is_shown_as_nobody(call: Caller) -> None:
    issue = call.sandbox.open_issue().id
    nobody = {"actor": {**ACTOR, "name": "API"}, "time": call.past}
    call("PATCH", f"/api/issues/v2/{issue}/mark-fixed", nobody)
    call("POST", f"/api/issues/v2/{issue}/comment", {**nobody, "comment": "x"})
    assert call.sandbox.events[-1]["issue"]["status_actor"] is None
    shown = call("POST", "/api/issues/v2/by-id", {"issueIds": [issue]})["issues"][issue]
    assert "latestStatusActor" not in shown
    assert "actor" not in shown["comments"][0]


def test_an_incident_is_closed_cancelled_and_opened_again_which_webhooks_tell(call: Caller) -> None:
    incident = call.sandbox.open_incident([call.sandbox.open_issue().id])
    root, body = f"/api/incidents/v1/{incident.id}", {"actor": ACTOR, "at": call.past}
    call("PATCH", f"{root}/close", body)
    assert (incident.state, incident.ended_at is not None) == ("closed", True)
    call("PATCH", f"{root}/close", body, status=409)
    call("PATCH", f"{root}/state", {**body, "state": 1})
    assert (incident.state, incident.ended_at) == ("open", None)
    call("PATCH", f"{root}/state", {**body, "state": "STATE_OPEN"}, status=409)
    call("PATCH", f"{root}/cancel", body)
    assert told(call)[1:] == [
        "incident_open",
        "incident_closed",
        "incident_open",
        "incident_cancelled",
    ]
    call("PATCH", f"{root}/state", {**body, "state": "STATE_GONE"}, status=400)
    call("PATCH", f"{root}/close", {"actor": ACTOR}, status=400)
    call("POST", f"{root}/issues", {**body, "issueIds": []}, status=400)


def test_what_is_gone_is_not_found(call: Caller) -> None:
    issue = call.sandbox.open_issue().id
    incident = call.sandbox.open_incident([issue]).id
    call.sandbox.forget(issue)
    call.sandbox.forget(incident)
    call("PATCH", f"/api/issues/v2/{issue}/mark-fixed", about(call), status=404)
    call("POST", f"/api/issues/v2/{issue}/comment", about(call, comment="x"), status=404)
    body = {"actor": ACTOR, "at": call.past}
    call("PATCH", f"/api/incidents/v1/{incident}/close", body, status=404)
    assert call("POST", "/api/issues/v2/by-id", {"issueIds": [issue]}) == {"issues": {}}


def test_marks_that_change_nothing_may_conflict(call: Caller) -> None:
    issue = call.sandbox.open_issue().id
    marked(call, issue)
    assert marked(call, issue) == "fixed"
    call.rest.writes.conflicts = True
    before = told(call)
    assert marked(call, issue, status=409) == "fixed"
    assert marked(call, issue, "mark-expected") == "expected"
    call.sandbox.mark(issue, "")
    call("PATCH", f"/api/issues/v2/{issue}/clear-status", {"actor": ACTOR}, status=409)
    assert told(call) == [*before, *["issue_status_updated"] * 2]


def test_each_write_needs_its_scope(call: Caller) -> None:
    issue = call.sandbox.open_issue().id
    incident = f"/api/incidents/v1/{call.sandbox.open_incident([issue]).id}"
    body = {"actor": ACTOR, "at": call.past, "comment": "x"}
    call.rest.scopes = set(SCOPES) - {"issues:edit"}
    marked(call, issue, status=403)
    call("POST", f"/api/issues/v2/{issue}/comment", about(call, comment="x"), status=403)
    call("POST", f"{incident}/comment", body)
    call.rest.scopes = {"mcp:write"}
    call("POST", f"/api/issues/v2/{issue}/comment", about(call, comment="x"))
    call("POST", f"{incident}/comment", body)
    call("PATCH", f"{incident}/close", body, status=403)
    assert marked(call, issue, status=403) == ""


def test_an_ability_can_be_off_while_the_others_work(call: Caller) -> None:
    issue = call.sandbox.open_issue().id
    incident = f"/api/incidents/v1/{call.sandbox.open_incident([issue]).id}"
    said = {"actor": ACTOR, "at": call.past, "comment": "x"}
    for status in (404, 405, 501, 403):
        call.rest.off = {"issues/clear-status": status, "incidents/comment": status}
        call("PATCH", f"/api/issues/v2/{issue}/clear-status", about(call), status=status)
        call("POST", f"{incident}/comment", said, status=status)
        call("POST", f"/api/issues/v2/{issue}/comment", about(call, comment="x"))
    assert marked(call, issue) == "fixed"
    assert call.sandbox.incidents[incident.rpartition("/")[2]].remarks == []


def test_a_reply_may_be_lost_before_the_work_or_after_it(call: Caller) -> None:
    first, second = call.sandbox.open_issue().id, call.sandbox.open_issue().id
    fault = call.rest.faults.add(status=0, path="mark-fixed", count=1)
    assert marked(call, first, status=0) == ""
    call.rest.faults.add(status=0, path="mark-fixed", count=1, after=True)
    assert marked(call, first, status=0) == "fixed"
    call.rest.faults.add(status=502, method="POST", path="/comment$", skip=1, count=1, after=True)
    for status in (200, 502, 200):
        call("POST", f"/api/issues/v2/{second}/comment", about(call, comment="x"), status=status)
    assert len(call.sandbox.issues[second].remarks) == 3
    assert fault.hits == 1


def test_a_callback_may_be_redirected(call: Caller) -> None:
    headers = {"location": "http://127.0.0.1/"}
    call.rest.faults.add(status=307, path="^/callbacks/", headers=headers)
    answer = call.rest.handle("POST", "/callbacks/made-up", "", {}, b"{}")
    assert (answer.status, answer.headers) == (307, headers)


def test_limits_failures_and_ended_tokens_do_nothing(call: Caller) -> None:
    issue = call.sandbox.open_issue().id
    call.rest.faults.add(status=429, path="mark-fixed", count=1, retry_after=7.0)
    path, body = f"/api/issues/v2/{issue}/mark-fixed", about(call)
    answer = call.rest.handle("PATCH", path, "", {"authorization": f"Bearer {call.token}"}, b"{}")
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    call.rest.limited = call.rest.failing = 1
    call("PATCH", path, body, status=503)
    call("PATCH", path, body, status=429)
    call.rest.revoke_tokens()
    call("PATCH", path, body, status=401)
    assert call.sandbox.issues[issue].status == ""
    assert call.sign_in() == 200
    call("PATCH", path, body)
    call.rest.faults.clear()


def test_a_person_upstream_marks_while_a_robot_marks_after_them(call: Caller) -> None:
    robots = Robots(call.sandbox)
    robot = robots.add(Robot("fixed", statuses=("investigating",)))
    robots.add(Robot("expected", statuses=("fixed",)))
    issue = call.sandbox.open_issue().id
    call.sandbox.mark(issue, "investigating", actor=PERSON)
    assert (call.sandbox.issues[issue].status, robot.acted) == ("fixed", 1)
    actors = [
        event["issue"]["status_actor"]["name"]
        for event in call.sandbox.events
        if event["type"] == "issue_status_updated"
    ]
    assert actors == ["On call", "Triage robot"]
    call.sandbox.close_issue(issue)
    call.sandbox.mark(issue, "investigating", actor=PERSON)
    assert call.sandbox.issues[issue].status == "investigating"


def test_a_story_with_robots_and_writes_goes_on(call: Caller) -> None:
    Robots(call.sandbox).add(Robot("expected"))
    stream = Stream(call.sandbox, seed=4)
    for _ in range(100):
        stream.step()
        call.clock.sleep(1)
    open_ = [one for one in call.sandbox.issues.values() if not one.ended_at]
    assert open_
    assert all(one.status not in ("", "investigating") for one in open_)


def callbacks_of(call: Caller, issue: str) -> dict[str, dict[str, Any]]:
    """The newest callbacks of an issue, by the name of their command."""
    event = [e for e in call.sandbox.events if "issue" in e and e["issue"]["issue_id"] == issue][-1]
    return {
        next(name for name in one["issues_command"] if name != "workspace"): one
        for one in event["callbacks"]
    }


def called(call: Caller, callback: dict[str, Any], command: Any, status: int) -> None:
    path = callback["url"].removeprefix("https://callbacks.example.com")
    token, call.token = call.token, ""
    call("POST", path, command, status=status)
    call.token = token


def test_deliveries_offer_callbacks_that_act_without_a_token(call: Caller) -> None:
    call.sandbox.open_issue()
    assert "callbacks" not in call.sandbox.events[-1]
    call.sandbox.callbacks.base = "https://callbacks.example.com"
    issue = call.sandbox.open_issue().id
    other = call.sandbox.open_issue().id
    incident = call.sandbox.open_incident([issue])
    assert "callbacks" not in call.sandbox.events[-1]
    offered = callbacks_of(call, issue)
    assert set(offered) == {
        "mark_investigating",
        "mark_expected",
        "mark_fixed",
        "mark_no_action_needed",
        "post_comment",
    }
    fixed = offered["mark_fixed"]
    assert fixed["action_name"] == "Mark as fixed"
    command = fixed["issues_command"]
    inner = {**command["mark_fixed"], "actor": PERSON, "time": call.past}
    called(call, fixed, {**command, "mark_fixed": inner}, 200)
    assert call.sandbox.issues[issue].status == "fixed"
    assert call.sandbox.events[-1]["issue"]["status_actor"]["name"] == "On call"
    said = {"issueId": issue, "actor": ACTOR, "time": call.past, "comment": "Hello"}
    camel = {"workspace": command["workspace"], "postComment": said}
    called(call, offered["post_comment"], camel, 200)
    assert [one.message for one in call.sandbox.issues[issue].remarks] == ["Hello"]
    for broken, status in (
        ({"mark_fixed": inner}, 400),
        ({**command, "mark_fixed": inner, "mark_expected": inner}, 400),
        ({"workspace": command["workspace"]}, 400),
        ({**command, "mark_fixed": {**inner, "issue_id": other}}, 403),
        ({**command, "mark_fixed": {**inner, "actor": {"name": "x"}}}, 400),
    ):
        called(call, fixed, broken, status)
    called(call, {"url": fixed["url"] + "0"}, command, 401)
    called(call, {"url": "https://callbacks.example.com/callbacks/made-up"}, command, 401)
    assert (call.sandbox.issues[other].status, incident.state) == ("", "open")


def test_the_address_of_a_callback_may_end(call: Caller) -> None:
    call.sandbox.callbacks.base = "https://callbacks.example.com"
    call.sandbox.callbacks.seconds = 3600
    issue = call.sandbox.open_issue().id
    fixed = callbacks_of(call, issue)["mark_fixed"]
    inner = {
        "issue_id": issue,
        "actor": PERSON,
        "time": rfc3339(round(call.clock.now * NANOS) - NANOS),
    }
    command = {"workspace": "acme", "mark_fixed": inner}
    call.clock.sleep(3601)
    called(call, fixed, command, 401)
    call.sandbox.mark(issue, "expected")
    called(call, callbacks_of(call, issue)["mark_fixed"], command, 200)
    assert call.sandbox.issues[issue].status == "fixed"


def test_an_unknown_subject_of_a_callback_is_not_found(call: Caller) -> None:
    call.sandbox.callbacks.base = "https://callbacks.example.com"
    issue = call.sandbox.open_issue().id
    fixed = callbacks_of(call, issue)["mark_fixed"]
    call.sandbox.forget(issue)
    inner = {"issue_id": issue, "actor": PERSON, "time": call.past}
    called(call, fixed, {"workspace": "acme", "mark_fixed": inner}, 404)
    with pytest.raises(KeyError):
        call.sandbox.mark(str(uuid.uuid4()), "fixed")


_WORDS = st.sampled_from(
    ["actor", "name", "email", "userEmail", "user_email", "slack", "via", "time", "at", "state",
     "comment", "issueIds", "workspace", "mark_fixed", "postComment", "issue_id", "ownerEmail"]
)  # fmt: skip
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "x", "acme", "a@example.com", "2026-01-01T00:00:00Z", "0001-01-01"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=8,
)
_VALID = st.just({}) | st.just(
    {"actor": ACTOR, "time": "2026-01-01T00:00:00Z", "at": "2026-01-01T00:00:00Z"}
)
_ENDS = (
    "issues/v2/{}/mark-fixed", "issues/v2/{}/clear-status", "issues/v2/{}/comment",
    "incidents/v1/{}/close", "incidents/v1/{}/state", "incidents/v1/{}/rename",
    "incidents/v1/{}/assign-owner", "incidents/v1/{}/issues", "incidents/v1/{}/comment",
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(end=st.sampled_from(_ENDS), valid=_VALID, body=st.dictionaries(_WORDS, _VALUES, max_size=4))
def test_no_body_breaks_the_api(end: str, valid: dict[str, Any], body: dict[str, Any]) -> None:
    call = Caller()
    call.sign_in()
    call.sandbox.callbacks.base = "https://callbacks.example.com"
    issue = call.sandbox.open_issue().id
    incident = call.sandbox.open_incident([issue]).id
    path = "/api/" + end.format(issue if end.startswith("issues") else incident)
    callback = callbacks_of(call, issue)["mark_fixed"]["url"].partition(".com")[2]
    sent = json.dumps({**valid, **body}).encode()
    headers = {"authorization": f"Bearer {call.token}"}
    for method, target in (("PATCH", path), ("POST", path), ("POST", callback)):
        answer = call.rest.handle(method, target, "", headers, sent)
        assert answer.status in {200, 400, 403, 404, 409}
        assert json.loads(answer.body) is not None
