"""The benchmark of large stores runs, and prints what each piece of work costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import million

pytestmark = pytest.mark.proof

ONLY = ("why by id", "plan of the same rules", "plan of an edit of a field")


def test_the_same_work_is_measured_on_a_large_and_a_small_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    options = ["--by", "2000", "--small", "2", "--only", ", ".join(ONLY), "--json", str(figures)]
    assert million.main(options) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ONLY)
    found = json.loads(figures.read_text())
    assert [(found[name]["large"]["units"], found[name]["small"]["units"]) for name in ONLY] == [
        (1, 1),
        (50, 25),
        (50, 25),
    ]
