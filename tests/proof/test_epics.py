"""Epics that rules name are made once by two daemons on one store, through a kill and lost replies."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from proof.scene import Killer, Scene, jira_site
from proof.stores import Stores, folder_for
from sync.sandbox.jira.ready_site import EPIC_LINK

pytestmark = [
    pytest.mark.proof,
    pytest.mark.postgres,
    pytest.mark.parametrize("dialect", ["postgresql"]),
    pytest.mark.timeout(300),
]
SHIPPED = Path(__file__).parents[2] / "mappings" / "default.toml"
NAME = "Everything: {{ 'a' if subject.title | length is even else 'b' }} {{ kind }}"


def test_many_tickets_at_once_get_one_epic_a_group_whatever_happens_to_daemons_and_replies(
    dialect: str, tmp_path: Path
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    text = SHIPPED.read_text("utf-8").replace(
        "[defaults.fields]\n", f'[defaults.fields]\nparent = {{ epic = "{NAME}" }}\n', 1
    )
    (rules / "rules.toml").write_text(text)
    folder = folder_for("epics")
    with jira_site(folder) as jira, Stores.shared().fresh(dialect, folder) as url:
        scene = Scene(folder, url, jira)
        try:
            scene.on_data_center()
            scene.jira.reset(1.0)
            # The first calls that make anything are those for epics.
            scene.jira.fault("drop", after=True, method="POST", path="/issue$", count=6)
            for _ in range(2):
                scene.daemon(rules=rules, index_lag=2.0)
            sending = scene.sending(scene.traffic.interleaved(scene.made(12)))
            Killer(scene, 1, within=0.7).wait()
            scene.accepted += sending.wait()
            scene.settle()
            assert scene.at_rest() == ""
            found = scene.outcome()
            tickets = scene.jira.tickets()
        finally:
            scene.close()
            shutil.rmtree(folder, ignore_errors=True)
    assert (found.lost, found.doubled) == ([], [])
    names = Counter(one["summary"] for one in tickets if one["type"] == "Epic")
    assert 2 <= len(names) <= 4
    assert set(names.values()) == {1}
    epics = {one["key"] for one in tickets if one["type"] == "Epic"}
    above = Counter(
        one["fields"].get("parent") or one["fields"].get(EPIC_LINK)
        for one in tickets
        if one["type"] != "Epic"
    )
    assert set(above) == epics
