"""Noise on ninety days of history: flappers come first, and a line promises what a backtest gives."""

from __future__ import annotations

import threading

import pytest

from sync.adapters.coalesce import CoalesceSource
from sync.operations.noise import Noise, NoiseQuery, noise
from sync.operations.rules.quieter import Quieter, Replay, Trial, look, quieter, start, take_over
from sync.operations.rules.runs import Purpose, Runs
from sync.rules import parse
from sync.worker.foresight.backtest import BacktestResult, backtest
from tests.operations.rules.conftest import Bench
from tests.operations.rules.noisy import LENGTH, any_history, known_flappers, live
from tests.worker.edited import DEFAULTS

SOURCES = {"coalesce": CoalesceSource()}
RULE = "everything"


def seen(bench: Bench, by: str) -> Noise:
    world = bench.world
    return noise(world.store, NoiseQuery("90d", by), world.clock.time())


def tried(bench: Bench) -> Quieter:
    world = bench.world
    replay = Replay(world.store, world.files, SOURCES, world.clock.time())
    return quieter(replay, RULE, LENGTH)


def taken_over(bench: Bench, line: Trial) -> BacktestResult:
    """A backtest of the rules as they are after the line was taken over and saved."""
    world = bench.world
    draft, _ = take_over(bench(), RULE, line.key, line.value)
    texts = {one.name: one.text for one in draft.files if one.text is not None}
    now = world.clock.time()
    return backtest(world.store, SOURCES, parse(texts, DEFAULTS), now - LENGTH, now)


def test_known_flappers_are_named_first_and_the_line_gives_what_it_promised(bench: Bench) -> None:
    live(bench.world, known_flappers())
    by_monitor = seen(bench, "monitor")
    named = {line.name: line for line in by_monitor.lines}
    assert [line.name for line in by_monitor.lines] == [
        "orders freshness",
        "payments volume",
        "customers schema",
    ]
    hourly = named["orders freshness"]
    assert (hourly.made, hourly.reopened, hourly.closed) == (1, 39, 40)
    assert (hourly.unattended, hourly.brief, hourly.unknown) == (40, 40, 0)
    assert (hourly.life, hourly.between) == (360.0, 3240.0)
    volume = named["payments volume"]
    assert (volume.made, volume.reopened, volume.unattended) == (12, 0, 12)
    right = named["customers schema"]
    assert (right.made, right.closed, right.unattended) == (3, 3, 0)
    assert by_monitor.sentence.startswith("orders freshness came and went 40 times")
    assert seen(bench, "table").lines[0].name == "orders"
    assert [line.name for line in seen(bench, "owner").lines] == ["Sales", "Finance"]
    assert by_monitor.rules == (RULE,)

    found = tried(bench)
    best = found.best
    assert best is not None
    assert (found.made, found.reopened) == (16, 39)
    # Fifty-two of fifty-five went within half an hour. What stays is what people act on.
    assert (best.text, best.made, best.reopened, best.fewer) == ('hold = "30m"', 3, 0, 52)
    assert best.cost == "3 tickets of the rule would still be made, each 30m later"
    after = taken_over(bench, best)
    assert (after.made, after.reopened) == (best.made, best.reopened)


def test_rules_that_are_broken_while_a_search_waits_are_named(bench: Bench) -> None:
    runs, go = Runs(), threading.Event()
    before = runs.start(Purpose(bench().account.name, "another", 0), lambda run: go.wait(30))
    begun = start(runs, bench(), SOURCES, NoiseQuery("90d", rule=RULE))
    (bench.world.folder / "rules.toml").write_text("[[rule]]\nname = 5\n")
    go.set()
    assert before.ended.wait(30)
    run = runs.get(begun.id, bench().account.name)
    assert run is not None
    assert run.ended.wait(30)
    said = look(runs, bench(), begun.id)
    assert (said.state, "The rules cannot be read: mend" in said.words) == ("failed", True)
    assert "the program failed" not in said.words
    runs.close()


@pytest.mark.proof
@pytest.mark.parametrize("seed", [3, *range(11, 16)])
def test_every_line_tried_gives_what_it_promised_on_any_history(bench: Bench, seed: int) -> None:
    live(bench.world, any_history(seed))
    found = tried(bench)
    assert found.trials
    for line in found.trials:
        after = taken_over(bench, line)
        assert (after.made, after.reopened) == (line.made, line.reopened), line.text
