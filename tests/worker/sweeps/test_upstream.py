"""Upstream state: what webhooks missed becomes due by the same way, and nothing is done twice."""

from __future__ import annotations

import pytest

from sync.domain.errors import Cause, Refused, Rejected
from sync.domain.subject import Status
from sync.store.tables import RunResult
from sync.worker.sweeps.run import Window
from sync.worker.sweeps.upstream import SLICE_SECONDS, IncidentsSweep, IssuesSweep, slices
from tests.worker.sweeps.build import START, MemoryApi, Scene, incident, issue


@pytest.fixture
def sweep(scene: Scene, api: MemoryApi) -> IssuesSweep:
    return IssuesSweep(scene.store, scene.triage, api)


def test_an_issue_that_no_webhook_told_of_gets_its_ticket(
    scene: Scene, api: MemoryApi, sweep: IssuesSweep
) -> None:
    api.put(issue(1, at=-60, title="lost"))
    assert scene.found(sweep) == [
        "missing: coalesce:issue:1: open: 'lost'; rule 'issues': ticket coalesce:issue:1 is due"
    ]
    scene.settle()
    assert [ticket.fields["summary"] for ticket in scene.jira.alive] == ["lost"]
    assert scene.found(sweep) == []


def test_an_issue_whose_close_was_lost_closes_its_ticket(
    scene: Scene, api: MemoryApi, sweep: IssuesSweep
) -> None:
    scene.absorb(issue(1, at=-60))
    scene.settle()
    api.put(issue(1, at=-30, status=Status.CLOSED))
    assert scene.found(sweep) == [
        "stale: coalesce:issue:1: known as open, is closed; ticket DATA-1 is due"
    ]
    scene.settle()
    assert scene.jira.alive[0].status.name == "Done"


def test_what_is_as_known_is_no_drift_and_no_walk(
    scene: Scene, api: MemoryApi, sweep: IssuesSweep
) -> None:
    scene.absorb(issue(1, at=-60))
    scene.settle()
    # The API counts a change (a comment, say) that no event told of.
    api.put(issue(1, at=-10))
    assert scene.found(sweep) == []
    assert scene.settle() == 0


def test_severity_is_learnt_without_being_called_drift(
    scene: Scene, api: MemoryApi, sweep: IssuesSweep
) -> None:
    scene.absorb(issue(1, at=-60))
    api.put(issue(1, at=-60, severity="error"))
    report = scene.run(sweep)
    assert report.tally.total == 0
    assert report.tally.reasons == {"learnt": 1}
    api.put(issue(1, at=-60, severity="fatal"))
    assert len(scene.found(sweep)) == 1, "but one that changed is"


def test_a_late_webhook_older_than_what_the_api_told_changes_nothing(
    scene: Scene, api: MemoryApi, sweep: IssuesSweep
) -> None:
    api.put(issue(1, at=-30, status=Status.CLOSED))
    scene.run(sweep)
    scene.settle()
    scene.absorb(issue(1, at=-50))
    scene.settle()
    assert scene.jira.alive[0].status.name == "Done"


def test_a_dry_run_shows_the_drift_and_stores_nothing(
    scene: Scene, api: MemoryApi, sweep: IssuesSweep
) -> None:
    api.put(issue(1, at=-60))
    assert scene.found(sweep, dry=True) == ["missing: coalesce:issue:1: open: 'orders is stale'"]
    assert scene.rows() == []
    assert len(scene.found(sweep)) == 1


def test_paging_goes_to_the_end(scene: Scene, api: MemoryApi, sweep: IssuesSweep) -> None:
    api.page = 7
    api.put(*(issue(n, at=-n) for n in range(1, 24)))
    report = scene.run(sweep)
    assert report.tally.looked == 23
    assert len(scene.rows()) == 23
    assert report.tally.calls == len(api.calls) == 4 + 4


def test_an_api_that_fails_in_the_middle_of_a_page_loses_nothing(
    scene: Scene, api: MemoryApi, sweep: IssuesSweep
) -> None:
    api.page = 5
    api.put(*(issue(n, at=-n) for n in range(1, 13)))
    api.faults = [("issues", Refused("429", retry_after=30))]
    scene.run(sweep)
    api.faults = []

    def break_second_page(name: str) -> None:
        if name == "issues" and api.calls.count("issues") == 3:
            raise Refused("the token expired and no new one was to be had")

    api.on_call = break_second_page
    assert scene.run(sweep).result is RunResult.FAILED
    api.on_call = lambda _name: None
    assert scene.run(sweep).result is RunResult.OK
    scene.settle()
    assert len(scene.jira.alive) == 12


@pytest.mark.parametrize("skew", [300.0, -300.0], ids=["ahead", "behind"])
def test_an_upstream_clock_five_minutes_off_hides_nothing(
    scene: Scene, api: MemoryApi, sweep: IssuesSweep, skew: float
) -> None:
    api.skew = skew
    scene.run(sweep)
    for n in range(1, 9):
        scene.clock.now += 150
        # Changed just before a round, by the true time.
        api.put(issue(n, at=scene.clock.now - START - 1))
        scene.run(sweep)
    assert len(scene.rows()) == 8


def test_without_the_scope_for_incidents_issues_are_swept_all_the_same(
    scene: Scene, api: MemoryApi, sweep: IssuesSweep
) -> None:
    api.put(issue(1, at=-5), incident(9, at=-5))
    denied = Rejected("the credentials have no scope for incidents", cause=Cause.PERMISSION)
    api.faults = [("incidents_updated", denied)]
    incidents = IncidentsSweep(scene.store, scene.triage, api)
    assert scene.run(incidents).result is RunResult.DISABLED
    assert scene.run(sweep).result is RunResult.OK
    assert scene.runner.run(incidents) is None
    assert [row.key for row in scene.rows()] == ["coalesce:issue:1"]


def test_a_wide_window_is_done_in_slices_each_a_place_to_go_on_from(
    scene: Scene, api: MemoryApi, sweep: IssuesSweep
) -> None:
    scene.run(sweep)
    scene.clock.now += 10 * SLICE_SECONDS
    api.put(*(issue(n, at=n * SLICE_SECONDS + 10) for n in range(10)))

    def break_late(name: str) -> None:
        if name == "issues" and api.calls.count("issues") == 6:
            raise Refused("gone for a moment")

    api.on_call = break_late
    scene.run(sweep)
    before = len(scene.rows())
    assert before == 5
    api.calls.clear()
    api.on_call = lambda _name: None
    scene.run(sweep)
    assert len(scene.rows()) == 10
    assert api.calls.count("issues") <= 6, "what was reached is not read again"


def test_slices_cover_a_window_without_a_gap() -> None:
    parts = list(slices(Window(0, 25), 10))
    assert parts == [Window(0, 10), Window(10, 20), Window(20, 25)]
    assert list(slices(Window(3, 3), 10)) == [Window(3, 3)]
