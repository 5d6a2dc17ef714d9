"""Scenes for the tests of sweeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.store.engine import Store
from tests.worker.sweeps.build import MemoryApi, Scene


@pytest.fixture
def scene(sqlite_store: Store, tmp_path: Path) -> Scene:
    return Scene(sqlite_store, tmp_path / "rules")


@pytest.fixture
def scene_on_each_store(store: Store, tmp_path: Path) -> Scene:
    return Scene(store, tmp_path / "rules")


@pytest.fixture
def api() -> MemoryApi:
    return MemoryApi()
