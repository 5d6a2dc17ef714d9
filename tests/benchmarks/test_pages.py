"""The benchmark of the pages runs on a small store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import pages

pytestmark = pytest.mark.proof


def test_each_page_is_timed_and_deliveries_beside_them(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    asked = ["--by", "100", "--times", "1", "--seconds", "0.1", "--json", str(file)]
    assert pages.main(asked) == 0
    found = json.loads(file.read_text("utf-8"))
    assert set(found) == {*pages.PAGES, "accepted a second"}
    assert all(value > 0 for one in found.values() for value in one.values())
