"""The canonical payload is what the rule language knows of."""

from __future__ import annotations

import pytest

from sync.domain.payload import empty_incident, empty_issue
from sync.rules.vocabulary import INCIDENT, ISSUE, Shape

# For our own use: how much was left out, and when the payload was sent.
NOT_IN_RULES = {"more_entities", "told_at"}


@pytest.mark.parametrize(
    "empty, shape",
    [(empty_issue(), ISSUE), (empty_incident(), INCIDENT)],
    ids=["issue", "incident"],
)
def test_every_field_of_a_payload_is_known_to_rules(empty: dict[str, object], shape: Shape) -> None:
    assert empty.keys() - NOT_IN_RULES <= shape.fields.keys()
