"""The sweeps: what they found, when they run next, and running them by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from sync.operations.sweeps_by_hand import Hands
from sync.store import sweeps
from sync.worker.sweeps.findings import FindingKind
from sync.worker.sweeps.run import Run
from sync.worker.sweeps.runner import Runner
from tests.web.pages.conftest import Pages


class Looking:
    """A sweep that finds a thing, once it may."""

    name, overlap = "jira:main", 60.0

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()

    def sweep(self, run: Run) -> None:
        assert self.go.wait(90)
        run.looked(7)
        run.found(FindingKind.MISSING, "<DATA-1>", "was edited by hand")


@pytest.fixture
def looking() -> Looking:
    return Looking()


@pytest.fixture
def swept(pages: Pages, looking: Looking) -> Iterator[Pages]:
    """Pages on a daemon that has one sweep."""
    world = pages.world
    runner = Runner(world.store, world.clock, "me")
    groups = {"upstream": (), "deliveries": (), "jira": (looking,), "own": ()}
    hands = Hands(
        world.store, groups, lambda one, dry: runner.run(one, dry=dry, by_hand=True), world.clock
    )
    object.__setattr__(pages.desk.deployment, "hands", hands)
    yield pages
    looking.go.set()
    assert runner.stop(10)


def _ended(pages: Pages) -> None:
    until = time.monotonic() + 60
    while (now := pages.json("/sweeps")["by_hand"]) is None or now["ended"] is None:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_dry_run_says_what_it_found_and_leaves_no_run_on_record(swept: Pages) -> None:
    assert "A dry run of 1 sweep has begun" in swept.press("/sweeps/run", sweep="jira", dry="true")
    _ended(swept)
    said = swept.words("/sweeps")
    assert "1 amiss" in said
    assert "<DATA-1>" in said
    assert "<DATA-1>" not in swept.get("/sweeps")
    with swept.world.store.read() as session:
        assert sweeps.recent(session) == []


def test_a_run_is_on_record_with_what_it_found(swept: Pages) -> None:
    swept.press("/sweeps/run")
    _ended(swept)
    (run,) = swept.json("/sweeps/runs")["runs"]
    assert (run["result"], run["looked"], run["missing"]) == ("ok", 7, 1)
    said = swept.words(f"/sweeps/runs/{run['id']}")
    assert "was edited by hand" in said
    assert "1 missing; 1 repaired" in swept.words("/sweeps")


def test_one_run_by_hand_is_enough_and_shows_its_progress(swept: Pages, looking: Looking) -> None:
    looking.go.clear()
    swept.press("/sweeps/run", sweep="jira:main")
    assert "A run of an editor: jira:main (1 of 1)" in swept.words("/sweeps")
    assert "Wait for its end" in swept.press("/sweeps/run", 422, dry="true")
    looking.go.set()
    _ended(swept)


@pytest.mark.parametrize("path", ["/sweeps/runs/77", "/sweeps/runs/x"])
def test_a_run_or_sweep_that_is_not_there_is_told_so(swept: Pages, path: str) -> None:
    swept.get(path, 404)
    assert "There are: jira:main" in swept.press("/sweeps/run", 422, sweep="nonsense")
