"""Proofs in their short form; the long one is run by hand (``python -m proof``)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proof.stores import Stores


@pytest.fixture(scope="module", autouse=True)
def _stores() -> Iterator[None]:
    yield
    Stores.shared().close()
