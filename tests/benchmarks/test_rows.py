"""Rows of benchmarks: what they show, and how they are compared with the summary."""

import json

import pytest

from benchmarks import __main__ as command
from benchmarks.rows import Compared, Row, compare, summary

ACCEPTS = Row("accepts", 3000.0, "a second", limit=5000.0, cpu=0.2, more_is_better=True)


def one(now: Row, *before: Row, machine: float = 1.0) -> Compared:
    return compare([now], machine, json.loads(summary(before, 1.0)))[0]


def test_a_row_shows_its_share_of_the_limit_and_its_cpu_time() -> None:
    assert "0.60 x limit" in str(ACCEPTS)
    assert "0.200 ms CPU" in str(ACCEPTS)


def test_cpu_time_is_compared_first_and_scaled_by_the_pace_of_the_machine() -> None:
    twice = Row("accepts", 9000.0, "a second", limit=5000.0, cpu=0.4, more_is_better=True)
    assert one(twice, ACCEPTS).change == pytest.approx(0.5)
    assert one(twice, ACCEPTS).worse
    assert one(twice, ACCEPTS, machine=2.0).change == pytest.approx(1.0)


@pytest.mark.parametrize(("more", "better"), [(True, 2.0), (False, 0.5)])
def test_without_cpu_time_the_ratio_to_the_limit_is_compared(more: bool, better: float) -> None:
    before = Row("a", 10.0, "x", limit=100.0, more_is_better=more)
    now = Row("a", 10.0, "x", limit=50.0, more_is_better=more)
    assert one(now, before).change == pytest.approx(better)


def test_counts_are_compared_as_they_are() -> None:
    assert one(Row("a", 12.0, "statements"), Row("a", 6.0, "statements")).change == pytest.approx(
        0.5
    )
    assert one(Row("a", 0.0, "lost"), Row("a", 0.0, "lost")).change == 1.0


def test_rows_that_only_one_side_has_are_said() -> None:
    made = compare([Row("new", 1.0, "x")], 1.0, json.loads(summary([Row("old", 1.0, "x")], 1.0)))
    assert [str(each).split()[-3:] for each in made] == [
        ["in", "the", "summary"],
        ["was", "not", "measured"],
    ]


def test_every_row_of_the_committed_summary_belongs_to_a_benchmark_with_rows() -> None:
    names = [name for name, module in command.known().items() if hasattr(module, "rows")]
    kept = json.loads(command.SUMMARY.read_text())["rows"]
    assert {name.partition(":")[0] for name in kept} <= set(names)
