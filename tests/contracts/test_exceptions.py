"""The named exceptions name what there is. That each still disagrees is held by ``conftest``."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.contracts import sources, trackers

HERE = Path(__file__).parent
SUITES = (
    (trackers.CANNOT_AGREE, trackers.IMPLEMENTATIONS),
    (sources.CANNOT_AGREE, {**sources.SENDERS, **sources.APIS}),
)


def test_each_exception_is_of_an_implementation_and_a_question_that_there_are() -> None:
    files = [ast.parse(file.read_text()) for file in HERE.glob("test_*.py")]
    nodes = [node for file in files for node in file.body if isinstance(node, ast.FunctionDef)]
    questions = {node.name for node in nodes}
    for exceptions, implementations in SUITES:
        for implementation, question in exceptions:
            assert implementation in implementations
            assert question in questions
