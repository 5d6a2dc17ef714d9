"""Each question of a suite is put to every implementation of its port."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.domain.errors import Fault
from tests.contracts import sources, trackers
from tests.contracts.trackers import IMPLEMENTATIONS, Site

CANNOT_AGREE = {**trackers.CANNOT_AGREE, **sources.CANNOT_AGREE}


@pytest.fixture(params=IMPLEMENTATIONS)
def site(request: pytest.FixtureRequest) -> Site:
    """A site of each implementation of the tracker in turn."""
    return IMPLEMENTATIONS[request.param]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A named exception has to disagree: a question that passes in spite of it fails the suite."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent != here or not isinstance(item, pytest.Function):
            continue
        given = item.callspec.params.values() if hasattr(item, "callspec") else ()
        for name in filter(lambda value: isinstance(value, str), given):
            if reason := CANNOT_AGREE.get((name, item.originalname)):
                failures = (AssertionError, Fault, pytest.fail.Exception)
                item.add_marker(pytest.mark.xfail(reason=reason, raises=failures, strict=True))
