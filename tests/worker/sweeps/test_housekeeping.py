"""Housekeeping: what stands still without a reason is found by the store alone."""

from __future__ import annotations

import pytest

from sync.domain.errors import Rejected
from sync.domain.subject import Status, merge_from_api
from sync.worker.sweeps.housekeeping import HousekeepingSweep
from tests.worker.sweeps.build import RULES, Scene, incident, issue


@pytest.fixture
def own(scene: Scene) -> HousekeepingSweep:
    return HousekeepingSweep(scene.store, {"main": scene.jira}, scene.rules, scene.clock)


def test_a_quiet_house_has_nothing_to_find(scene: Scene, own: HousekeepingSweep) -> None:
    scene.absorb(issue(1))
    scene.settle()
    assert scene.found(own) == []


def test_a_lease_that_ran_out_is_freed_and_its_ticket_walked(
    scene: Scene, own: HousekeepingSweep
) -> None:
    scene.absorb(issue(1))
    scene.settle()
    before = scene.clock.now
    scene.change("DATA-1", lease_owner="dead", lease_until=before - 61, due_at=None)
    assert scene.found(own) == [
        "wrong: DATA-1: its lease ended and nobody claimed it again; it is walked again"
    ]
    assert scene.row("DATA-1").lease_owner is None
    assert scene.settle() == 1
    assert scene.found(own) == []


def test_a_lease_that_just_ended_is_left_to_the_claims(
    scene: Scene, own: HousekeepingSweep
) -> None:
    scene.absorb(issue(1))
    scene.settle()
    scene.change("DATA-1", lease_owner="slow", lease_until=scene.clock.now - 5)
    assert scene.found(own) == []


def test_an_open_create_that_nobody_searches_for_is_taken_up(
    scene: Scene, own: HousekeepingSweep
) -> None:
    scene.absorb(issue(1))
    scene.change("coalesce:issue:1", state="creating", due_at=None)
    assert len(scene.found(own)) == 1
    scene.settle()
    assert len(scene.jira.alive) == 1


def test_a_ticket_due_for_too_long_is_reported_but_not_touched(
    scene: Scene, own: HousekeepingSweep
) -> None:
    scene.absorb(issue(1))
    scene.clock.now += 3600
    report = scene.run(own)
    assert [str(finding) for finding in report.tally.findings] == [
        "stale: coalesce:issue:1: due for 60 minutes; the workers do not keep up"
    ]
    assert report.tally.repaired == 0


def test_what_the_rules_parked_is_tried_again_once_they_were_edited(
    scene: Scene, own: HousekeepingSweep
) -> None:
    scene.jira.fail("create", lambda: Rejected("Field 'x' cannot be set"))
    scene.absorb(issue(1))
    scene.settle()
    assert scene.rows()[0].parked is not None
    assert scene.found(own) == []
    assert scene.found(own) == [], "without an edit it stays parked"
    scene.write_rules(RULES.replace("ISSUES", "").replace('"Bug"', '"Task"'))
    assert scene.found(own) == [
        "stale: coalesce:issue:1: parked, but the rules were edited since it was parked; "
        "it is tried again"
    ]
    scene.settle()
    assert scene.rows()[0].parked is None
    assert scene.found(own) == []


def test_what_a_site_parked_is_tried_again_once_it_is_back(
    scene: Scene, own: HousekeepingSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.jira.fail("create", lambda: Rejected("no permission"))
    scene.absorb(issue(1))
    scene.settle()
    with monkeypatch.context() as down:
        down.setattr(scene.jira.health, "down", lambda: "401")
        assert scene.found(own) == []
    assert len(scene.found(own)) == 1
    scene.settle()
    assert scene.rows()[0].parked is None


def test_a_dry_run_changes_no_ticket(scene: Scene, own: HousekeepingSweep) -> None:
    scene.absorb(issue(1))
    scene.settle()
    scene.change("DATA-1", lease_owner="dead", lease_until=scene.clock.now - 100)
    assert len(scene.found(own, dry=True)) == 1
    assert scene.row("DATA-1").lease_owner == "dead"
    assert len(scene.found(own)) == 1


@pytest.mark.parametrize(
    ("line", "state"), [('hold = "10m"', "spared"), ('on_deleted = "recreate"', "gone")]
)
def test_a_ticket_at_rest_is_woken_for_an_open_subject(
    scene: Scene, own: HousekeepingSweep, line: str, state: str
) -> None:
    scene.write_rules(RULES.replace("ISSUES", "").replace('"Bug"', f'"Bug"\n{line}'))
    scene.absorb(issue(1))
    scene.change("coalesce:issue:1", state=state, due_at=None, created_at=scene.clock.now - 3600)
    assert scene.found(own) == [
        f"wrong: coalesce:issue:1: it is {state}, but a subject of it is open; it is walked again"
    ]
    scene.settle()
    assert len(scene.jira.alive) == 1
    assert scene.found(own) == []


def test_a_ticket_at_rest_stays_so_where_nothing_asks_for_it(
    scene: Scene, own: HousekeepingSweep
) -> None:
    scene.write_rules(RULES.replace("ISSUES", 'issues = { on_ticket = true }\nhold = "10m"'))
    scene.absorb(issue(1), issue(2))
    with scene.store.write() as session:
        over = incident(9, [1], at=1, status=Status.CLOSED)
        scene.triage.merge_snapshots(session, [over], merge=merge_from_api)
    scene.settle()
    # An incident that is over speaks for its issues; what was deleted stays so unless it is recreated.
    scene.change("coalesce:issue:2", state="gone", jira_id=None)
    states = {row.key: row.state for row in scene.rows()}
    assert (states["coalesce:incident:9"], states["coalesce:issue:2"]) == ("spared", "gone")
    assert scene.found(own) == []
