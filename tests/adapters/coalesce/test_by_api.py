"""Upstream is told by the API in the name of who acted, and every answer is sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import structlog.testing

from sync.adapters.coalesce import ApiUpstream
from sync.adapters.coalesce.message.timestamps import nanoseconds
from sync.adapters.coalesce.upstream.abilities import AGAIN
from sync.domain.acts import Ability, Actor
from sync.domain.errors import Already, Cause, Fault, Missing, Refused, Rejected, SiteDown, Unknown
from sync.domain.subject import Kind, Status, SubjectRef
from tests.adapters.coalesce.answering import Answering, answering
from tests.clock import SimulatedClock

ID = "0b9f9a52-3f57-4c58-8a0b-6f1f6e3a7d10"
ISSUE, INCIDENT = SubjectRef("coalesce", Kind.ISSUE, ID), SubjectRef("coalesce", Kind.INCIDENT, ID)
ANN = Actor("Ann", "ann@example.com")


@dataclass
class Scene:
    server: Answering
    clock: SimulatedClock
    way: ApiUpstream


@pytest.fixture
def scene() -> Iterator[Scene]:
    clock = SimulatedClock()
    with answering() as server:
        server.there = {ID}
        api = server.api(clock)
        yield Scene(server, clock, ApiUpstream(api, "bot@example.com", clock))
        api.close()


# By ability: a call, the last part of its path, and its method.
CALLS: dict[Ability, tuple[Callable[[ApiUpstream, float], object], str, str]] = {
    Ability.MARK: (lambda w, at: w.mark(ISSUE, Status.NO_ACTION_NEEDED, ANN, at),
                   "mark-no-action-needed", "PATCH"),
    Ability.CLEAR: (lambda w, at: w.clear(ISSUE, ANN, at), "clear-status", "PATCH"),
    Ability.COMMENT_ISSUE: (lambda w, at: w.comment(ISSUE, "why", ANN, at), "comment", "POST"),
    Ability.MOVE_INCIDENT: (lambda w, at: w.move_incident(INCIDENT, Status.CLOSED, ANN, at),
                            "close", "PATCH"),
    Ability.COMMENT_INCIDENT: (lambda w, at: w.comment(INCIDENT, "why", ANN, at), "comment", "POST"),
}  # fmt: skip


@pytest.mark.parametrize("what", CALLS)
def test_each_act_is_one_call_that_says_who_and_when(scene: Scene, what: Ability) -> None:
    call, step, method = CALLS[what]
    call(scene.way, scene.clock.now - 60)
    [came] = scene.server.told
    noun = "incidents/v1" if "incident" in what else "issues/v2"
    assert (came.method, came.path) == (method, f"/api/{noun}/{ID}/{step}")
    assert came.body["actor"] == {"name": "Ann", "email": {"userEmail": "ann@example.com"}}
    assert ("at" if "incident" in what else "time") in came.body


def test_states_of_incidents_and_conditions_are_told(scene: Scene) -> None:
    scene.way.mark(ISSUE, Status.INVESTIGATING, ANN, 0, only_unmarked=True)
    scene.way.move_incident(INCIDENT, Status.CANCELLED, ANN, 0)
    scene.way.move_incident(INCIDENT, Status.OPEN, ANN, 0)
    marked, cancelled, opened = scene.server.told
    assert marked.body["requireNoExistingStatus"] is True
    assert cancelled.path.endswith("/cancel")
    assert opened.path.endswith("/state")
    assert opened.body["state"] == "STATE_OPEN"
    assert scene.way.comment(ISSUE, "why", ANN, 0) == "c-1"


def test_what_there_is_not_is_not_told(scene: Scene) -> None:
    for tell in (
        lambda: scene.way.mark(ISSUE, Status.OPEN, ANN, 0),
        lambda: scene.way.mark(INCIDENT, Status.FIXED, ANN, 0),
        lambda: scene.way.clear(INCIDENT, ANN, 0),
        lambda: scene.way.move_incident(ISSUE, Status.CLOSED, ANN, 0),
        lambda: scene.way.move_incident(INCIDENT, Status.FIXED, ANN, 0),
    ):
        with pytest.raises(Rejected):
            tell()
    assert scene.server.came == []


@pytest.mark.parametrize("ahead, told", [(-60, -60), (0, -0.001), (90, -0.001), (1e12, -0.001)])
def test_no_time_is_after_now(scene: Scene, ahead: float, told: float) -> None:
    scene.way.clear(ISSUE, ANN, scene.clock.now + ahead)
    [came] = scene.server.told
    found = nanoseconds(came.body["time"])
    assert found is not None
    assert found / 1e9 == pytest.approx(scene.clock.now + told, abs=1e-5)


def test_no_time_is_before_2022_01_02(scene: Scene) -> None:
    scene.way.clear(ISSUE, ANN, 0)
    assert scene.server.told[0].body["time"] == "2022-01-02T00:00:00Z"


@pytest.mark.parametrize(
    "who, name, email",
    [
        (Actor("Ann"), "Ann", "bot@example.com"),
        (Actor("Ann", "not an address"), "Ann", "bot@example.com"),
        (Actor("Ann", "a@x.example, b@x.example"), "Ann", "bot@example.com"),
        (Actor("Ann", " ann@x.example "), "Ann", "ann@x.example"),
        (Actor(" aPi\n", "a@x.example"), "aPi (Jira)", "a@x.example"),
        (Actor("MCP"), "MCP (Jira)", "bot@example.com"),
        (Actor("API team"), "API team", "bot@example.com"),
        (Actor("Ann\u202e\x00 \n Lee"), "Ann Lee", "bot@example.com"),
        (Actor(""), "Unnamed account", "bot@example.com"),
    ],
)
def test_an_actor_has_a_name_and_exactly_one_address(scene: Scene, who, name, email) -> None:
    scene.way.clear(ISSUE, who, 0)
    assert scene.server.told[0].body["actor"] == {"name": name, "email": {"userEmail": email}}


def test_a_long_name_is_cut(scene: Scene) -> None:
    scene.way.clear(ISSUE, Actor("x" * 5000, "a@x.example"), 0)
    assert len(scene.server.told[0].body["actor"]["name"]) == 100


def test_without_any_address_the_setting_is_named_and_nothing_is_told(scene: Scene) -> None:
    way = ApiUpstream(scene.server.api(scene.clock), clock=scene.clock)
    with pytest.raises(Rejected) as caught:
        way.clear(ISSUE, Actor("Ann"), 0)
    assert "actor_email in [coalesce.api]" in caught.value.remedy
    assert scene.server.came == []


ANSWERS: dict[int, type[Fault]] = {
    0: Unknown,
    302: Rejected,
    400: Rejected,
    409: Already,
    429: Refused,
    500: Unknown,
    502: Unknown,
    503: Unknown,
}


@pytest.mark.parametrize("status", ANSWERS)
@pytest.mark.parametrize("what", CALLS)
def test_every_answer_is_sorted_after_one_call(scene: Scene, what: Ability, status: int) -> None:
    call, step, _ = CALLS[what]
    scene.server.answers[step] = status
    with pytest.raises(ANSWERS[status]) as caught:
        call(scene.way, 0)
    assert type(caught.value) is ANSWERS[status]
    assert len(scene.server.told) == 1
    assert scene.way.unable(what) == ""


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_says_when_to_come_again_has_done_nothing(scene: Scene, status: int) -> None:
    scene.server.answers["clear-status"], scene.server.headers = status, {"retry-after": "33"}
    with pytest.raises(Refused) as caught:
        scene.way.clear(ISSUE, ANN, 0)
    assert caught.value.retry_after == 33


def test_a_token_that_is_refused_is_renewed_once(scene: Scene) -> None:
    scene.way.clear(ISSUE, ANN, 0)
    scene.server.answers["clear-status"] = 401
    with pytest.raises(SiteDown):
        scene.way.clear(ISSUE, ANN, 0)
    assert (scene.server.tokens, len(scene.server.told)) == (2, 3)


@pytest.mark.parametrize("what", CALLS)
def test_a_subject_that_is_gone_turns_nothing_off(scene: Scene, what: Ability) -> None:
    call, step, _ = CALLS[what]
    scene.server.answers[step], scene.server.there = 404, set()
    for _ in range(2):
        with pytest.raises(Missing):
            call(scene.way, 0)
    assert scene.way.unable(what) == ""


def test_a_404_of_a_subject_that_we_may_not_read_counts_as_gone(scene: Scene) -> None:
    scene.server.answers |= {"clear-status": 404, "by-id": 403}
    with pytest.raises(Missing):
        scene.way.clear(ISSUE, ANN, 0)
    assert scene.way.unable(Ability.CLEAR) == ""


@pytest.mark.parametrize("status", [403, 404, 405, 501])
@pytest.mark.parametrize("what", CALLS)
def test_an_ability_that_is_not_there_is_off_alone_and_tried_again_later(
    scene, what, status
) -> None:
    call, step, _ = CALLS[what]
    scene.server.answers[step] = status
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(Rejected) as caught:
                call(scene.way, 0)
            assert caught.value.cause is Cause.PERMISSION
    assert len(scene.server.told) == 1
    assert [line["ability"] for line in logs] == [what.value]
    assert [one for one in Ability if scene.way.unable(one)] == [what]
    # An hour later one call is made, and nothing is said again.
    scene.clock.sleep(AGAIN + 1)
    assert scene.way.unable(what) == ""
    with structlog.testing.capture_logs() as logs, pytest.raises(Rejected):
        call(scene.way, 0)
    assert logs == []
    assert scene.way.unable(what)
    del scene.server.answers[step]
    scene.clock.sleep(AGAIN + 1)
    call(scene.way, 0)
    assert not any(map(scene.way.unable, Ability))


def test_marks_go_on_while_comments_lack_their_scope(scene: Scene) -> None:
    scene.server.answers["comment"] = 403
    with pytest.raises(Rejected) as caught:
        scene.way.comment(ISSUE, "why", ANN, 0)
    assert "ISSUES_EDIT" in caught.value.remedy
    scene.way.mark(ISSUE, Status.FIXED, ANN, 0)
    assert [came.path.rpartition("/")[2] for came in scene.server.told] == ["comment", "mark-fixed"]


def test_a_probe_finds_missing_scopes_and_names_no_subject_and_no_actor(scene: Scene) -> None:
    scene.server.answers |= {"comment": 403, "clear-status": 501, "mark-investigating": 400}
    scene.server.answers["close"] = 404
    scene.way.probe()
    off = {what for what in Ability if scene.way.unable(what)}
    assert off == {Ability.CLEAR, Ability.COMMENT_ISSUE, Ability.COMMENT_INCIDENT}
    assert all(ID not in came.path and came.body == {} for came in scene.server.told)


def test_a_probe_of_a_server_that_is_ill_says_so(scene: Scene) -> None:
    scene.server.answers["mark-investigating"] = 500
    with pytest.raises(Refused):
        scene.way.probe()


def test_an_act_was_done_also_if_the_answer_cannot_be_read(scene: Scene) -> None:
    scene.server.garbled = True
    assert scene.way.comment(ISSUE, "why", ANN, 0) == ""
    assert len(scene.server.told) == 1
