"""What ``/metrics`` says of the things that monitors alert on, read by the door that monitors use."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from prometheus_client import REGISTRY
from sqlalchemy import event

from sync.adapters.jira.calls.request import Call
from sync.bootstrap.program import Program
from sync.bootstrap.receiver import build_receiver
from sync.domain.errors import Outage, Refused, SiteDown
from sync.sandbox.memory import MemoryTracker
from sync.store import deliveries, leases, rulebook, sweeps
from sync.store.engine import Store
from sync.store.inbox import Accepted, Inbox
from sync.store.rulebook import Waiting
from sync.store.tables import RunResult, SweepRunRow
from sync.telemetry import cause_of
from sync.worker.triage.arrivals import ARRIVALS, Arrivals
from tests.bootstrap.test_notices import SITE, settings
from tests.bootstrap.test_sweeps import API, built
from tests.walks.world import SimulatedClock, World, issue_event

NOW = 1_790_000_000.0


class Scrape(dict[str, float]):
    """The samples of one scrape, each as it stands there: ``name{label="value"}``."""

    def __init__(self, client: TestClient[Any]) -> None:
        lines = re.findall(r"^([a-z_]+(?:\{.*\})?) (\S+)$", client.get("/metrics").text, re.M)
        super().__init__((name, float(value)) for name, value in lines)

    def of(self, name: str) -> float:
        return self[f"ticket_sync_{name}"]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """A daemon whose threads do not run."""
    with built(tmp_path, coalesce={"api": API}) as made:
        yield made


@pytest.fixture
def client(program: Program) -> Iterator[TestClient[Any]]:
    with TestClient(program.app, base_url="http://127.0.0.1") as made:
        yield made


def test_it_tells_of_deliveries_that_wait_and_that_are_dead(
    program: Program, client: TestClient[Any]
) -> None:
    quiet = Scrape(client)
    assert quiet.of("store_up") == 1
    assert quiet.of("deliveries_waiting") == quiet.of("dead_letters") == 0
    assert quiet.of("oldest_delivery_waiting_seconds") == 0
    assert quiet.of('last_delivery_timestamp_seconds{source="coalesce"}') == 0

    now = time.time()
    for number in range(3):
        accepted = Accepted("coalesce", f"e{number}", "", b"{}", now - 300 + number)
        program.inbox.accept(accepted).result(10)
    with program.store.write() as session:
        (row,) = deliveries.next_batch(session, 1)
        deliveries.mark_dead(session, row, "not JSON")
    found = Scrape(client)
    assert found.of("deliveries_waiting") == 2
    assert found.of("dead_letters") == 1
    assert 295 < found.of("oldest_delivery_waiting_seconds") < 330
    last = found.of('last_delivery_timestamp_seconds{source="coalesce"}')
    assert last == pytest.approx(now - 298, abs=0.01)


def test_it_tells_of_an_edit_that_waits_and_since_when(
    program: Program, client: TestClient[Any]
) -> None:
    assert Scrape(client).of("edit_waiting") == 0
    with program.store.write() as session:
        rulebook.put_waiting(session, Waiting("d", 900, 0, 900, time.time() - 60))
    found = Scrape(client)
    assert found.of("edit_waiting") == 1
    assert 59 < found.of("edit_waiting_seconds") < 90


def test_it_tells_when_each_sweep_last_went_well_whatever_came_after(
    program: Program, client: TestClient[Any]
) -> None:
    ran = [(RunResult.OK, 100.0), (RunResult.OK, 200.0), (RunResult.FAILED, 300.0)]
    with program.store.write() as session:
        for result, at in ran:
            row = SweepRunRow(
                sweep="issues", owner="me", started_at=at, seconds=2.0, window_from=0, window_to=at
            )
            row.result = result
            sweeps.begin(session, row)
    found = Scrape(client)
    assert found.of('sweep_last_success_timestamp_seconds{sweep="issues"}') == 202
    assert found.of('sweep_last_success_timestamp_seconds{sweep="incidents"}') == 0
    assert found.of('sweep_last_success_timestamp_seconds{sweep="jira:eu"}') == 0


def test_it_tells_which_daemon_leads_a_sweep(program: Program, client: TestClient[Any]) -> None:
    owner = program.daemon.pool._owner
    assert leases.take(program.store, "sweep:issues", owner, 60)
    assert leases.take(program.store, "sweep:incidents", "another", 60)
    found = Scrape(client)
    assert found.of('lease_held{lease="sweep:issues"}') == 1
    assert found.of('lease_held{lease="sweep:incidents"}') == 0
    assert found.of("daemons") == 1


def test_it_tells_that_the_work_does_not_go_on_and_that_deliveries_are_refused(
    program: Program, client: TestClient[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Scrape(client).of("worker_failing") == 1
    monkeypatch.setattr(type(program.daemon), "trouble", lambda _: None)
    monkeypatch.setattr(Inbox, "trouble", "the disk is full")
    found = Scrape(client)
    assert (found.of("worker_failing"), found.of("inbox_refusing")) == (0, 1)


def test_while_the_store_cannot_be_read_it_says_so_and_shows_what_it_counted(
    program: Program, client: TestClient[Any]
) -> None:
    assert Scrape(client).of("store_up") == 1
    Path(program.store.place).rename(program.store.place + ".away")
    found = Scrape(client)
    Path(program.store.place + ".away").rename(program.store.place)
    assert found.of("store_up") == 0
    assert "ticket_sync_rules_valid" in found


def test_a_scrape_asks_the_store_as_often_however_much_there_is(
    program: Program, client: TestClient[Any]
) -> None:
    sent: list[str] = []

    @event.listens_for(program.store.engine, "before_cursor_execute")
    def _note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    Scrape(client)
    few = len(sent)
    for number in range(200):
        program.inbox.accept(Accepted("coalesce", f"e{number}", "", b"{}", NOW)).result(10)
    sent.clear()
    Scrape(client)
    asked = [one for one in sent if one.startswith("SELECT")]
    assert len(asked) <= few <= 30
    event.remove(program.store.engine, "before_cursor_execute", _note)


def test_a_receiver_alone_tells_of_what_it_takes_in(tmp_path: Path) -> None:
    receiver = build_receiver(settings(tmp_path, main=SITE))
    with TestClient(receiver.app, base_url="http://127.0.0.1") as client:
        receiver.inbox.accept(Accepted("coalesce", "e", "", b"{}", time.time())).result(10)
        found = Scrape(client)
    receiver.stop(10)
    assert found.of("deliveries_waiting") == 1
    assert found.of("rules_valid") == 1


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[World]:
    clock = SimulatedClock()
    made = World(sqlite_store, MemoryTracker(clock), clock, tmp_path)
    yield made
    made.close()


def _value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"ticket_sync_{name}", labels) or 0.0


def test_the_time_from_a_delivery_to_its_ticket_is_measured_once(world: World) -> None:
    def counted() -> tuple[float, float]:
        name = "delivery_to_ticket_seconds"
        return _value(f"{name}_count", site="main"), _value(f"{name}_sum", site="main")

    count, total = counted()
    read = _value("delivery_read_seconds_count")
    world.deliver(issue_event("issue_created", "i1", at=0))
    world.clock.sleep(7)
    world.settle()
    assert counted()[0] == count + 1
    assert 7 <= counted()[1] - total < 60
    assert ARRIVALS.earliest(["coalesce:issue:i1"]) is None
    settled = _value("settle_seconds_count", site="main")
    world.deliver(issue_event("issue_closed", "i1", at=60))
    world.settle()
    assert counted()[0] == count + 1
    assert _value("settle_seconds_count", site="main") > settled
    assert _value("delivery_read_seconds_count") == read + 2


def test_the_deliveries_that_wait_for_tickets_are_remembered_up_to_a_number() -> None:
    arrivals = Arrivals(most=2)
    arrivals.note(["a", "b", ""], 1.0)
    arrivals.note(["a", "c"], 2.0)
    assert [arrivals.earliest([one]) for one in "abc"] == [None, 1.0, 2.0]
    assert arrivals.earliest(["b", "c"]) == 1.0
    arrivals.forget(["b", "c"])
    assert arrivals.earliest(["b", "c"]) is None


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (Refused("busy"), "refused"),
        (Refused("wait", retry_after=3.0), "rate_limit"),
        (SiteDown("gone", outage=Outage.MAINTENANCE), "site_down"),
    ],
)
def test_a_cause_is_a_word(fault: Exception, cause: str) -> None:
    assert cause_of(fault) == cause


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("issue/10001/comment/20002", "GET issue/*/comment/*"),
        ("project/DATA/statuses", "GET project/*/statuses"),
        ("issue/createmeta/SECRETS/issuetypes/10", "GET issue/createmeta/*/issuetypes/*"),
        ("issue/DATA-1/properties/ticket-sync", "GET issue/*/properties/*"),
        ("user/assignable/search", "GET user/assignable/search"),
    ],
)
def test_a_call_is_counted_by_its_shape_which_holds_no_key_and_no_name(
    path: str, shape: str
) -> None:
    assert Call.get(path, "asking").shape == shape
