"""Proofs in their short form; the long one is run by hand (``python -m proof``)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proof.stores import Stores


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The fault matrix takes longest, and mostly waits: one worker begins with it while others compute.
    At the end it would be waited for by all."""
    items.sort(key=lambda item: item.path.stem != "test_matrix")


@pytest.fixture(scope="module", autouse=True)
def _stores() -> Iterator[None]:
    yield
    Stores.shared().close()
