"""The short form of the fault matrix."""

from __future__ import annotations

import pytest

from proof.matrix import chosen, run


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_no_fault_loses_or_doubles_anything(dialect: str) -> None:
    results = run(chosen(long=False), [dialect], 6)
    assert len(results) > 10
    assert [str(result) for result in results if not result.good] == []
