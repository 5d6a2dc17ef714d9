"""The adapter in front of a simulated Jira, Cloud and Data Center in turn."""

from __future__ import annotations

import pytest

from tests.adapters.jira.world import World


@pytest.fixture(params=["cloud", "datacenter"])
def world(request: pytest.FixtureRequest) -> World:
    return World(str(request.param))


@pytest.fixture
def cloud() -> World:
    return World("cloud")


@pytest.fixture
def datacenter() -> World:
    return World("datacenter")
