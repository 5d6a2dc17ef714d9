"""Running sweeps: one at a time across processes, the watermark last, every run a row."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from sync.domain.errors import Cause, Refused, Rejected
from sync.store import leases, sweeps
from sync.store.engine import Store
from sync.store.liveness import Liveness
from sync.store.tables import LeaseRow, RunResult, SweepRunRow
from sync.worker.sweeps.findings import FindingKind
from sync.worker.sweeps.run import Run, Window
from sync.worker.sweeps.runner import LEASE_SECONDS, Runner
from tests.worker.sweeps.build import START, Scene, SimulatedClock

LEASE = sweeps.lease_name("probe")


@dataclass
class Probe:
    """A sweep that does what the test says, and keeps the windows it was given."""

    do: Callable[[Run], None] = lambda _run: None
    overlap: float = 60.0
    name: str = "probe"
    windows: list[Window] = field(default_factory=list)

    def sweep(self, run: Run) -> None:
        self.windows.append(run.window)
        self.do(run)


def raising(fault: Exception) -> Callable[[Run], None]:
    def do(_run: Run) -> None:
        raise fault

    return do


def test_the_first_run_begins_an_overlap_ago_and_the_next_where_it_ended(scene: Scene) -> None:
    probe = Probe()
    scene.run(probe)
    scene.clock.now += 300
    scene.run(probe)
    assert probe.windows == [Window(START - 60, START), Window(START - 60, START + 300)]


def test_a_run_that_failed_leaves_the_watermark_where_it_was(scene: Scene) -> None:
    probe = Probe()
    scene.run(probe)
    scene.clock.now += 300
    probe.do = raising(Refused("the other side is not well"))
    assert scene.run(probe).result is RunResult.FAILED
    scene.clock.now += 300
    probe.do = lambda _run: None
    scene.run(probe)
    assert probe.windows[-1] == Window(START - 60, START + 600)
    assert [row.result for row in scene.runs()] == ["ok", "failed", "ok"]
    assert scene.runs()[1].words == "the other side is not well"


def test_a_defect_in_a_sweep_is_a_failed_run_and_not_the_end(scene: Scene) -> None:
    report = scene.run(Probe(raising(ZeroDivisionError())))
    assert report.result is RunResult.FAILED
    assert "ZeroDivisionError" in scene.runs()[0].words


def test_what_a_run_has_reached_need_not_be_done_again(scene: Scene) -> None:
    def half(run: Run) -> None:
        run.cursor["page"] = 7
        run.reached(START - 30)
        raise Refused("in the middle")

    probe = Probe(half)
    scene.run(probe)
    seen: list[object] = []
    probe.do = lambda run: seen.append(run.cursor.get("page"))
    scene.run(probe)
    assert probe.windows[-1].since == START - 90
    assert seen == [7]


def test_every_run_is_a_row_with_its_sums(scene: Scene) -> None:
    def look(run: Run) -> None:
        run.looked(5)
        run.called(2)
        run.found(FindingKind.MISSING, "a", "not there")
        run.found(FindingKind.WRONG, "b", "odd", repaired=False)
        run.failed("one could not be read")
        run.tally.reasons["401"] += 3

    scene.run(Probe(look))
    (row,) = scene.runs("probe")
    assert (row.looked, row.calls, row.missing, row.stale, row.wrong) == (5, 2, 1, 0, 1)
    assert (row.repaired, row.failed, row.owner, row.result) == (1, 1, "me", "ok")
    assert (row.window_from, row.window_to) == (START - 60, START)
    assert row.detail["reasons"] == {"401": 3}
    assert [one["what"] for one in row.detail["findings"]] == ["a", "b"]
    assert row.words == "one could not be read"
    assert row.seconds is not None


def test_a_dry_run_writes_nothing(scene: Scene) -> None:
    def look(run: Run) -> None:
        run.cursor["moved"] = True
        run.reached(START)
        run.found(FindingKind.MISSING, "a", "not there")

    report = scene.run(Probe(look), dry=True)
    assert [str(finding) for finding in report.tally.findings] == ["missing: a: not there"]
    assert scene.runs() == []
    assert sweeps.value(scene.store, "probe") == {}


def test_a_missing_scope_disables_the_sweep_for_a_day(scene: Scene) -> None:
    fault = Rejected("no scope for this", cause=Cause.PERMISSION, remedy="Add it.")
    probe = Probe(raising(fault))
    assert scene.run(probe).result is RunResult.DISABLED
    scene.clock.now += 3600
    assert scene.runner.run(probe) is None, "it is not tried again at once"
    assert scene.run(probe, by_hand=True).result is RunResult.DISABLED, "but by hand it is"
    scene.clock.now += 86_401
    probe.do = lambda _run: None
    assert scene.run(probe).result is RunResult.OK
    assert scene.run(probe).result is RunResult.OK
    assert scene.runs()[-1].words == "no scope for this Add it."


def test_a_sweep_never_runs_twice_at_once(scene_on_each_store: Scene) -> None:
    scene = scene_on_each_store
    inside, go_on = threading.Event(), threading.Event()

    def wait(_run: Run) -> None:
        inside.set()
        assert go_on.wait(60)

    other = Runner(scene.store, scene.clock, "other")
    thread = threading.Thread(target=lambda: other.run(Probe(wait)))
    thread.start()
    assert inside.wait(60)
    assert scene.runner.run(Probe()) is None
    assert scene.runner.run(Probe(name="another")) is not None, "other sweeps go on"
    go_on.set()
    thread.join()
    assert scene.runner.run(Probe()) is not None


def test_a_lease_is_renewed_while_its_run_goes_on(scene: Scene) -> None:
    def lease_until() -> float:
        with scene.store.read() as session:
            row = session.get(LeaseRow, LEASE)
            assert row is not None
            return row.until

    def slow(run: Run) -> None:
        began, end = lease_until(), time.monotonic() + 60
        while lease_until() <= began:
            assert time.monotonic() < end, "the lease was not renewed"
            run.check()

    report = Runner(scene.store, scene.clock, "slow", lease=8.0).run(Probe(slow))
    assert report is not None
    assert report.result is RunResult.OK


def test_a_run_whose_lease_was_taken_over_stops_and_moves_nothing(scene: Scene) -> None:
    theirs = SweepRunRow(
        sweep="probe", owner="other", started_at=START, window_from=START - 60, window_to=START
    )

    def lose(run: Run) -> None:
        leases.release(scene.store, LEASE, "me")
        assert leases.take(scene.store, LEASE, "other", 60.0)
        with scene.store.write() as session:
            sweeps.begin(session, theirs)
        run.reached(START + 1)

    assert scene.run(Probe(lose)).result is RunResult.LOST
    assert sweeps.value(scene.store, "probe") == {}
    results = [(row.owner, row.result) for row in scene.runs()]
    assert results == [("other", RunResult.RUNNING), ("me", RunResult.DIED)]


CHILD = """
import sys, threading
from sync.store.engine import open_store
from sync.store.liveness import Liveness
from sync.worker.sweeps.runner import LEASE_SECONDS, Runner
from tests.worker.sweeps.build import SimulatedClock
from tests.worker.sweeps.test_runner import Probe
store = open_store(sys.argv[1])
Liveness(store, "child", alive=1.0).show()
def hang(run):
    run.reached(1.0)
    print("running", flush=True)
    threading.Event().wait()
Runner(store, SimulatedClock(), "child").run(Probe(hang))
"""


@pytest.mark.proof
@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_when_the_replica_that_runs_a_sweep_is_killed_another_goes_on(
    store: Store, store_url: str
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, store_url], stdout=subprocess.PIPE, text=True
    )
    mine = Liveness(store, "me", alive=1.0)
    runner, probe = Runner(store, SimulatedClock(), "me"), Probe()
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "running\n"
        mine.release_dead()
        assert runner.run(probe) is None, "while it lives, nobody else runs it"
    finally:
        child.kill()
        child.wait()
    end, report = time.monotonic() + 60, None
    while report is None and time.monotonic() < end:
        mine.release_dead()
        report = runner.run(probe)
    assert report is not None
    assert probe.windows == [Window(1.0 - 60, START)], "from where the dead one had come"
    with store.read() as session:
        results = [(row.owner, row.result) for row in sweeps.recent(session)]
    assert results == [("me", "ok"), ("child", "died")]
    mine.end()


def test_a_lease_that_nobody_renews_is_taken_over_within_a_minute(
    scene_on_each_store: Scene,
) -> None:
    store = scene_on_each_store.store
    assert LEASE_SECONDS < 60
    assert leases.take(store, LEASE, "gone", 0.05)
    end, mine = time.monotonic() + 60, False
    while not mine and time.monotonic() < end:
        mine = leases.take(store, LEASE, "me", 60.0)
    assert mine
    assert not leases.renew(store, LEASE, "gone", 60.0)
