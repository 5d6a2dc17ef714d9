"""Failed deliveries: their bodies are recovered, or asked for again, and the reason is told."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from sqlmodel import select
from structlog.testing import capture_logs

from sync.domain.errors import Cause, Refused, Rejected
from sync.domain.subject import Event
from sync.ports import FailedDelivery, Verifier
from sync.store.deliveries import recover
from sync.store.inbox import Accepted
from sync.store.tables import DeliveryRow, RunResult
from sync.worker.sweeps.deliveries import DeliveriesSweep
from tests.worker.sweeps.build import START, MemoryApi, Scene


class PlainSource:
    """Bodies that are their event's id in JSON."""

    name = "coalesce"

    def verifier(self, headers: Mapping[str, str]) -> Verifier:
        raise AssertionError("sweeps check no signatures")

    def identify(self, body: bytes) -> tuple[str, str]:
        return json.loads(body)["event_id"], "issue_created"

    def read(self, body: bytes) -> list[Event]:
        raise AssertionError("sweeps do not read bodies")

    def outline(self, head: bytes) -> Event:
        raise AssertionError("sweeps do not read heads")


def failed(n: int, *, code: int = 503, at: float = -60.0) -> FailedDelivery:
    return FailedDelivery(f"d{n}", f"e{n}", "issue_created", f"i{n}", START + at, code)


def body(n: int) -> bytes:
    return json.dumps({"event_id": f"e{n}"}).encode()


@pytest.fixture
def sweep(scene: Scene, api: MemoryApi) -> DeliveriesSweep:
    return DeliveriesSweep(scene.store, PlainSource(), api, scene.clock)


def inbox(scene: Scene) -> list[tuple[str, str]]:
    with scene.store.read() as session:
        rows = session.exec(select(DeliveryRow).order_by(DeliveryRow.seq))  # type: ignore[arg-type]
        return [(row.event_id, row.state) for row in rows]


def test_a_failed_delivery_is_recovered_from_its_attempts_into_the_inbox(
    scene: Scene, api: MemoryApi, sweep: DeliveriesSweep
) -> None:
    api.failed, api.kept = [failed(1), failed(2, code=0)], {"d1": body(1), "d2": body(2)}
    report = scene.run(sweep)
    assert inbox(scene) == [("e1", "accepted"), ("e2", "accepted")]
    assert report.tally.repaired == 2
    assert scene.runs()[0].detail["reasons"] == {"503": 1, "no answer": 1}
    assert scene.found(sweep) == []
    assert api.asked_again == []


def test_a_delivery_whose_body_is_gone_is_asked_for_once(
    scene: Scene, api: MemoryApi, sweep: DeliveriesSweep
) -> None:
    api.failed = [failed(1)]
    assert len(scene.found(sweep)) == 1
    assert scene.found(sweep) == []
    assert api.asked_again == ["d1"]
    assert inbox(scene) == []


def test_what_reached_us_some_other_way_is_left_alone(
    scene: Scene, api: MemoryApi, sweep: DeliveriesSweep
) -> None:
    with scene.store.write() as session:
        recover(session, [Accepted("coalesce", "e1", "issue_created", body(1), START)])
    api.failed, api.kept = [failed(1)], {"d1": body(1)}
    assert scene.found(sweep) == []
    assert "attempts" not in api.calls


def test_a_401_of_ours_is_said_loudly(scene: Scene, api: MemoryApi, sweep: DeliveriesSweep) -> None:
    api.failed, api.kept = [failed(n, code=401) for n in (1, 2)], {"d1": body(1), "d2": body(2)}
    with capture_logs() as logs:
        scene.run(sweep)
    loud = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["event"] for entry in loud] == ["the signing secret is wrong"]
    assert "2 deliveries failed because we answered them 401" in scene.runs()[0].words
    assert "signing_secrets" in scene.runs()[0].words
    assert len(inbox(scene)) == 2


def test_a_delivery_that_failed_late_is_found_though_its_event_is_older_than_the_watermark(
    scene: Scene, api: MemoryApi, sweep: DeliveriesSweep
) -> None:
    scene.run(sweep)
    scene.clock.now += 35 * 60
    # Its event came just before the first round; the sender gave up half an hour later.
    api.failed, api.kept = [failed(1, at=-5.0)], {"d1": body(1)}
    assert len(scene.found(sweep)) == 1


def test_when_redelivery_is_refused_the_next_round_asks_anew(
    scene: Scene, api: MemoryApi, sweep: DeliveriesSweep
) -> None:
    scene.run(sweep)
    scene.clock.now += 300
    api.failed = [failed(n) for n in (1, 2, 3)]
    api.kept = {"d3": body(3)}
    api.faults = [("redeliver", Refused("429", retry_after=60))]
    report = scene.run(sweep)
    assert report.result is RunResult.FAILED
    assert api.calls.count("redeliver") == 1, "it is not asked again while it says no"
    assert inbox(scene) == [("e3", "accepted")], "bodies that are kept are recovered all the same"
    scene.clock.now += 86_400
    assert scene.run(sweep).result is RunResult.OK
    assert api.asked_again == ["d1", "d2"]


def test_without_the_scope_to_redeliver_bodies_are_recovered_all_the_same(
    scene: Scene, api: MemoryApi, sweep: DeliveriesSweep
) -> None:
    api.failed, api.kept = [failed(1), failed(2)], {"d2": body(2)}
    api.faults = [("redeliver", Rejected("no delivery-edit scope", cause=Cause.PERMISSION))]
    report = scene.run(sweep)
    assert report.result is RunResult.OK
    assert (report.tally.repaired, report.tally.failed) == (1, 1)
    assert inbox(scene) == [("e2", "accepted")]


def test_a_dry_run_recovers_nothing(scene: Scene, api: MemoryApi, sweep: DeliveriesSweep) -> None:
    api.failed, api.kept = [failed(1), failed(2)], {"d1": body(1)}
    assert len(scene.found(sweep, dry=True)) == 2
    assert inbox(scene) == []
    assert api.asked_again == []
