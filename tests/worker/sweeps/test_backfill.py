"""Backfill: the past is brought in once, behind live traffic, and goes on where it was killed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sync.domain.errors import Cause, Rejected
from sync.domain.subject import Status
from sync.store import claims, leases
from sync.store.engine import Store
from sync.store.tables import RunResult
from sync.worker.sweeps.backfill import SLICE_SECONDS, Backfill
from tests.worker.sweeps.build import START, MemoryApi, Scene, incident, issue

DAY = 86_400.0


def backfill(scene: Scene, api: MemoryApi, **kwargs: object) -> Backfill:
    since = scene.clock.now - 6 * DAY
    made = Backfill(scene.store, scene.triage, api, scene.rules, scene.clock, since)
    return replace(made, **kwargs)  # type: ignore[arg-type]


def history(count: int) -> list:
    """Issues spread over the last days, some of them over."""
    step = 5 * DAY / count
    return [
        issue(n, at=-5 * DAY + n * step, status=Status.CLOSED if n % 4 == 0 else Status.OPEN)
        for n in range(count)
    ]


def test_the_past_becomes_tickets_each_in_its_state(scene: Scene, api: MemoryApi) -> None:
    api.put(*history(20), incident(9, [1, 2], at=-DAY))
    report = scene.run(backfill(scene, api))
    assert report.result is RunResult.OK
    scene.settle()
    states = sorted(ticket.status.name for ticket in scene.jira.alive)
    assert states == ["Done"] * 5 + ["To Do"] * 16
    again = scene.run(backfill(scene, api))
    assert again.tally.total == 0


def test_what_it_makes_due_is_spread_and_live_traffic_goes_first(
    scene: Scene, api: MemoryApi
) -> None:
    api.put(*history(50))
    scene.run(backfill(scene, api, rate=5.0))
    due = sorted(row.due_at or 0.0 for row in scene.rows())
    assert due[0] > START
    assert due[-1] == pytest.approx(START + 10, abs=0.5)
    scene.absorb(issue("live", at=1))
    (first,) = claims.claim(scene.store, owner="w", now=START + 60, lease=60, limit=1)
    assert first.ticket_id == scene.row("coalesce:issue:live").id


def test_only_one_rules_subjects_or_only_open_ones(scene: Scene, api: MemoryApi) -> None:
    api.put(*history(8), incident(9, at=-DAY))
    scene.run(backfill(scene, api, rule="incidents"))
    assert [row.rule for row in scene.rows()] == ["incidents"]
    scene.run(backfill(scene, api, open_only=True))
    assert len(scene.rows()) == 1 + 6


def test_a_dry_run_counts_by_rule_and_stores_nothing(scene: Scene, api: MemoryApi) -> None:
    api.put(*history(8), incident(9, at=-DAY))
    report = scene.run(backfill(scene, api), dry=True)
    assert report.tally.reasons == {"rule issues": 8, "rule incidents": 1}
    assert scene.rows() == []
    assert scene.runs() == []


def test_without_the_scope_for_incidents_the_issues_are_brought_in(
    scene: Scene, api: MemoryApi
) -> None:
    api.put(*history(5), incident(9, at=-DAY))
    api.faults = [("incidents_updated", Rejected("no scope", cause=Cause.PERMISSION))]
    assert scene.run(backfill(scene, api)).result is RunResult.OK
    assert len(scene.rows()) == 5
    assert "incidents are left out: no scope" in scene.runs()[0].words


def test_progress_grows_from_nothing_to_the_end(scene: Scene, api: MemoryApi) -> None:
    api.put(*history(20))
    heard: list[tuple[float, int]] = []
    scene.run(backfill(scene, api, progress=lambda done, looked: heard.append((done, looked))))
    assert heard == sorted(heard)
    assert heard[-1] == (1.0, 20)


def test_a_finished_backfill_begins_anew_and_a_longer_one_too(scene: Scene, api: MemoryApi) -> None:
    scene.run(backfill(scene, api))
    assert scene.runs()[0].window_from == START - 6 * DAY
    scene.clock.now += 60
    scene.run(backfill(scene, api))
    assert scene.runs()[0].window_from == START + 60 - 6 * DAY
    scene.run(backfill(scene, api, since=START - 12 * DAY))
    assert scene.runs()[0].window_from == START - 12 * DAY


CHILD = """
import sys
from pathlib import Path
from sync.store.engine import open_store
from sync.worker.sweeps.runner import Runner
from tests.worker.sweeps.build import MemoryApi, Scene
from tests.worker.sweeps.test_backfill import backfill, history
from sync.telemetry import configure_logs
configure_logs(level="error")
store = open_store(sys.argv[1])
scene = Scene(store, Path(sys.argv[2]))
api = MemoryApi()
api.put(*history(int(sys.argv[3])))
def tell(done, looked):
    print(looked, flush=True)
    # Goes on once it is told to.
    sys.stdin.readline()
Runner(store, scene.clock, "child").run(backfill(scene, api, progress=tell), by_hand=True)
print("finished", flush=True)
"""


@pytest.mark.proof
@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_killed_in_the_middle_it_goes_on_without_a_double_or_a_gap(
    sqlite_store: Store, tmp_path: Path, count: int
) -> None:
    url = str(sqlite_store.engine.url)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(tmp_path / "child"), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        for line in child.stdout:
            assert line.strip() != "finished"
            if int(line) > count // 3:
                break
            print(file=child.stdin, flush=True)
        child.kill()
    scene, api = Scene(sqlite_store, tmp_path / "rules"), MemoryApi()
    api.put(*history(count))
    before = len(scene.rows())
    assert count // 4 < before < count
    # Its lease runs out by itself; here it is taken away at once.
    leases.release_all_of(sqlite_store, ["child"])
    scene.clock.now += 90
    report = scene.run(backfill(scene, api))
    assert report.result is RunResult.OK
    keys = [row.key for row in scene.rows()]
    assert len(keys) == len(set(keys)) == count
    slice_of = count / (5 * DAY) * SLICE_SECONDS
    assert report.tally.looked < count - before + 2 * slice_of, "it goes on, it does not begin anew"
    assert [row.result for row in scene.runs()] == ["ok", "died"]
