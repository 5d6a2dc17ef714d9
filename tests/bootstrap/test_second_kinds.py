"""A second source and a second tracker: each is a folder of its own and one line in bootstrap."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from sync.adapters.coalesce import signed_headers
from sync.bootstrap import adapters
from sync.bootstrap.program import Program, build
from sync.sandbox.coalesce import sample_body
from sync.sandbox.memory import MemoryTracker
from sync.settings import Settings, Site
from sync.store import deliveries
from sync.worker.foresight import preview
from tests.bootstrap.beacon import BeaconSource, mac
from tests.walks.world import RULES

NOON = 1_790_000_000


@dataclass
class Scene:
    """The daemon on its threads, with an HTTP client, and the twin in place of Jira."""

    program: Program
    client: TestClient[Any]
    jira: MemoryTracker

    def beacon(self, minute: int, *lines: str, key: str = "") -> int:
        body = "\n".join([f"beacon {NOON + 60 * minute} minute-{minute}", *lines]).encode()
        headers = {"beacon-mac": key or mac(body)}
        return self.client.post("/webhooks/beacon", content=body, headers=headers).status_code

    def statuses(self) -> dict[str, str]:
        """The status of each ticket, by its summary."""
        return {str(one.fields["summary"]): one.status.name for one in self.jira.alive}

    def wait_for(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not done():
            assert time.monotonic() < end, "it did not come to pass"
            time.sleep(0.02)

    def outcomes(self, subject: str) -> list[str]:
        with self.program.store.read() as session:
            return [
                row.outcome for row in deliveries.for_subject(session, f"beacon:issue:{subject}")
            ]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    # The two lines that a new source and a new tracker cost.
    monkeypatch.setitem(adapters.SOURCES, "beacon", lambda _settings: BeaconSource())
    monkeypatch.setitem(
        adapters.TRACKERS, Site, lambda name, _site, clock: MemoryTracker(clock, site=name)
    )
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "rules.toml").write_text(RULES)
    program = build(
        Settings(
            store={"url": f"sqlite:///{tmp_path}/store.db"},  # type: ignore[arg-type]
            coalesce={"signing_secrets": ["s"]},  # type: ignore[arg-type]
            mappings={"directory": str(tmp_path / "mappings")},  # type: ignore[arg-type]
            sites={"main": {"url": "http://127.0.0.1:9", "token": "t", "project": "DATA"}},  # type: ignore[dict-item]
        )
    )
    jira = program.trackers["main"]
    assert isinstance(jira, MemoryTracker)
    program.start()
    with TestClient(program.app) as client:
        yield Scene(program, client, jira)
    program.stop(10)


def test_each_event_of_a_delivery_gets_a_ticket_and_closes_it(scene: Scene) -> None:
    assert scene.beacon(1, "raise orders orders is stale", "raise users users has nulls") == 202
    scene.wait_for(lambda: len(scene.statuses()) == 2)
    assert scene.beacon(2, "clear users users is fine", "raise parts parts is late") == 202
    wanted = {"orders is stale": "To Do", "users is fine": "Done", "parts is late": "To Do"}
    scene.wait_for(lambda: scene.statuses() == wanted)


def test_a_delivery_is_found_for_each_of_its_subjects_with_the_outcome_of_all(scene: Scene) -> None:
    scene.beacon(1, "raise orders orders is stale", "raise users users has nulls")
    scene.wait_for(lambda: bool(scene.outcomes("users")))
    [outcome] = scene.outcomes("users")
    assert scene.outcomes("orders") == [outcome]
    assert outcome == (
        "beacon:issue:orders: rule 'everything': ticket beacon:issue:orders is due; "
        "it began before this store did; "
        "beacon:issue:users: rule 'everything': ticket beacon:issue:users is due; "
        "it began before this store did"
    )


def test_each_source_checks_the_deliveries_at_its_own_path(scene: Scene) -> None:
    body = sample_body("issue_created")
    signed = signed_headers("s", body)
    assert scene.client.post("/webhooks/coalesce", content=body, headers=signed).status_code == 202
    assert scene.client.post("/webhooks/beacon", content=body, headers=signed).status_code == 401
    assert scene.beacon(1, "raise orders orders is stale", key="forged") == 401
    title = next(iter(json.loads(body)["issue_created"].values()))["title"]
    scene.wait_for(lambda: scene.statuses().keys() == {title})


def test_a_delivery_without_events_is_read_and_makes_nothing(scene: Scene) -> None:
    assert scene.beacon(1) == 202

    def outcomes() -> list[str]:
        with scene.program.store.read() as session:
            return [row.outcome for row in deliveries.recent(session)]

    scene.wait_for(lambda: outcomes() == ["holds no event"])
    assert scene.jira.alive == []


def test_a_preview_reads_a_delivery_of_any_source(scene: Scene) -> None:
    body = b"beacon 1790000000 minute-1\nraise orders orders is stale\nraise users users has nulls"
    sources = [BeaconSource(), *adapters.sources_of(Settings()).values()][::-1]
    found = preview.preview(sources, scene.program.rules, body)
    assert [one.desired and one.desired.key for one in found] == [
        "beacon:issue:orders",
        "beacon:issue:users",
    ]
