"""Chaos in its short form."""

from __future__ import annotations

import pytest

from proof.chaos import DATABASE, KILL, STOP, run


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_three_daemons_that_die_at_random_with_their_database_end_with_one_right_ticket_each() -> (
    None
):
    found = run(seconds=12, seed=1)
    assert found.good, str(found)
    assert found.accepted
    assert {KILL, STOP, DATABASE} <= set(found.done)
