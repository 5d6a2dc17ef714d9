"""The short form of the fault matrix."""

from __future__ import annotations

import pytest

from proof.matrix import chosen, run

# Trials mostly wait. In so many tests for each store, several workers can wait at the same time.
PARTS = 4


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_fault_loses_or_doubles_anything(dialect: str, part: int) -> None:
    rows = chosen(long=False)[part::PARTS]
    results = run(rows, [dialect], 6, seed=1 + part)
    assert len(results) == sum(row.only in ("", dialect) for row in rows) > 5
    assert [str(result) for result in results if not result.good] == []
