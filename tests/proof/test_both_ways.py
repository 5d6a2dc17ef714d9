"""Several daemons that tell upstream of the same tickets: each act once, and no loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proof.both_ways import BothSides
from proof.deeds import DEEDS
from proof.jira import Jira
from proof.scene import Scene, jira_site
from proof.stores import Stores, folder_for

pytestmark = [
    pytest.mark.proof,
    pytest.mark.postgres,
    pytest.mark.parametrize("dialect", ["postgresql"]),
    pytest.mark.timeout(300),
]


@pytest.fixture
def jira() -> Iterator[Jira]:
    with jira_site(folder_for("both-ways")) as made:
        yield made


@pytest.fixture
def scene(dialect: str, jira: Jira) -> Iterator[Scene]:
    yield from _scene(dialect, jira)


@pytest.fixture
def other(dialect: str, jira: Jira) -> Iterator[Scene]:
    yield from _scene(dialect, jira)


def _scene(kind: str, jira: Jira) -> Iterator[Scene]:
    folder: Path = folder_for("both-ways")
    with Stores.shared().fresh(kind, folder) as url:
        made = Scene(folder, url, jira)
        try:
            yield made
        finally:
            made.close()


def judged(both: BothSides, *scenes: Scene) -> list[str]:
    """What is lost or doubled once all is told and nobody has anything left to do."""
    both.until(both.done, "not everything is told")
    # What one daemon did last is still news to the other, which looks at it once.
    assert both.scene.at_rest(3.0, *scenes) == ""
    found = both.scene.outcome()
    return [*found.lost, *found.doubled]


def test_two_daemons_on_one_store_tell_each_act_once(scene: Scene) -> None:
    both = BothSides(scene)
    both.beside()
    both.begin(["one", "two", "three"], DEEDS)
    both.act()
    assert judged(both, scene) == []


def test_two_daemons_with_stores_of_their_own_tell_each_act_once_and_end(
    scene: Scene, other: Scene
) -> None:
    both = BothSides(scene, other=other)
    both.begin(["one", "two"], DEEDS)
    both.join(settle=8.0)
    other.settle()
    both.act()
    assert judged(both, scene, other) == []
