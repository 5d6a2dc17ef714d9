"""The named exceptions name what there is. That each still disagrees is held by ``conftest``."""

from __future__ import annotations

from tests.contracts import (
    test_tracker_drafts,
    test_tracker_links,
    test_tracker_tickets,
    test_tracker_workflow,
)
from tests.contracts.trackers import CANNOT_AGREE, IMPLEMENTATIONS

QUESTIONS = {
    name
    for module in (
        test_tracker_drafts,
        test_tracker_links,
        test_tracker_tickets,
        test_tracker_workflow,
    )
    for name in vars(module)
    if name.startswith("test_")
}


def test_each_exception_is_of_an_implementation_and_a_question_that_there_are() -> None:
    for implementation, question in CANNOT_AGREE:
        assert implementation in IMPLEMENTATIONS
        assert question in QUESTIONS
