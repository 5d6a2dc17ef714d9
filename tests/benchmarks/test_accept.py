"""The benchmark of the receiver runs, and counts what it says."""

from __future__ import annotations

import pytest

from benchmarks import accept

pytestmark = pytest.mark.proof


def test_the_benchmark_accepts_and_finds_all_of_it_in_the_store(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--only", "sqlite", "--seconds", "0.2", "--warm-up", "0.1", "--connections", "4"]
    assert accept.main(options) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "SQLite" in line]
    assert len(rows) == 4
    for row in rows:
        assert int(row[-2].replace(",", "")) > 0
    assert rows[2][-2:] == [rows[2][-1]] * 2
