"""A new version takes the place of the old one while deliveries come, and the tables move."""

from __future__ import annotations

import pytest

from proof.rolling import roll


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_a_rolling_update_with_a_migration_loses_and_doubles_nothing() -> None:
    found = roll()
    assert found.outcome.lost == []
    assert found.outcome.doubled == []
    assert found.outcome.made == found.outcome.wanted
    # Whatever was not accepted was asked to be sent again.
    assert set(found.answers) <= {202, 503}
    assert found.by_old > 0
    assert found.revision == "r9999"
