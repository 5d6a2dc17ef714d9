"""The acceptance run in a smaller form: shuffled, a fifth doubled, killed three times on the way."""

from __future__ import annotations

import pytest

from proof.acceptance import accept


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_shuffled_and_doubled_deliveries_and_three_kills_end_with_one_right_ticket_each(
    dialect: str,
) -> None:
    found = accept(dialect, issues=100, deliveries=500, kills=3, every=1.5)
    assert (found.kills, found.accepted) == (3, 500)
    assert found.outcome.lost == []
    assert found.outcome.doubled == []
    assert found.outcome.made == 100
    assert found.restless == ""
