"""Stages on a simulated Jira Cloud, on both dialects, and on a Data Center."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.sandbox.jira import JiraSandbox
from sync.store.engine import Store
from tests.options.stage import Stage
from tests.walks.world import SimulatedClock


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every option in every form takes a minute: `make proof` runs these tests."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.proof)


def _stage(dialect: str, site: str, store: Store, folder: Path) -> Stage:
    clock = SimulatedClock()
    return Stage(store, JiraSandbox(dialect, clock, index_lag=20.0), clock, folder, site)


@pytest.fixture
def cloud(sqlite_store: Store, tmp_path: Path) -> Iterator[Stage]:
    stage = _stage("cloud", "main", sqlite_store, tmp_path / "rules")
    yield stage
    stage.close()


@pytest.fixture(params=["cloud", "datacenter"])
def stage(request: pytest.FixtureRequest, sqlite_store: Store, tmp_path: Path) -> Iterator[Stage]:
    """The same on each dialect."""
    stage = _stage(request.param, "main", sqlite_store, tmp_path / "rules")
    yield stage
    stage.close()


@pytest.fixture
def datacenter(sqlite_store: Store, tmp_path: Path) -> Iterator[Stage]:
    """A Data Center, which config.toml calls by that name."""
    stage = _stage("datacenter", "datacenter", sqlite_store, tmp_path / "rules")
    yield stage
    stage.close()
