"""Retention: old deliveries, journal and runs go; links and tickets stay."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import func, select

from sync.store import journal, sweeps
from sync.store.deliveries import recover
from sync.store.engine import Session, Store
from sync.store.inbox import Accepted
from sync.store.tables import DeliveryRow, JournalRow, LinkRow, SweepRunRow
from sync.worker.sweeps import retention
from sync.worker.sweeps.retention import BATCH, SHARE, Keep, prune
from tests.clock import SimulatedClock
from tests.worker.sweeps.build import START, Scene, issue

DAY = 86_400.0


def _deliver(scene: Scene, count: int, at: float, state: str = "triaged") -> None:
    with scene.store.write() as session:
        for n in range(count):
            recover(session, [Accepted("coalesce", f"{at}-{state}-{n}", "x", b"{}", at)])
        for row in session.exec(select(DeliveryRow).where(DeliveryRow.received_at == at)):
            row.state = state


def _count(scene: Scene, table: type) -> int:
    with scene.store.read() as session:
        return session.exec(select(func.count()).select_from(table)).one()


def test_what_is_past_its_time_goes_and_the_rest_stays(scene: Scene) -> None:
    scene.absorb(issue(1))
    scene.settle()
    _deliver(scene, 3, START - 91 * DAY)
    _deliver(scene, 2, START - 92 * DAY, "dead")
    _deliver(scene, 4, START - 89 * DAY)
    entries = _count(scene, JournalRow)
    with scene.store.write() as session:
        journal.write(session, journal.Entry("old"), at=START - 181 * DAY)
        for at in (START - 181 * DAY, START):
            sweeps.begin(
                session,
                SweepRunRow(sweep="own", owner="me", started_at=at, window_from=at, window_to=at),
            )
    gone = prune(scene.store, scene.clock, Keep())
    assert gone == {
        "deliveries": 3,
        "dead letters": 2,
        "journal": 1,
        "sweep runs": 1,
        "acts": 0,
        "expected": 0,
        "epics": 0,
        "drafts": 0,
        "pages": 0,
    }
    assert _count(scene, DeliveryRow) == 4
    assert _count(scene, JournalRow) == entries
    assert _count(scene, LinkRow) == 1
    assert [row.jira_key for row in scene.rows()] == ["DATA-1"]


def test_deliveries_that_wait_for_triage_are_never_removed(scene: Scene) -> None:
    _deliver(scene, 2, START - 400 * DAY, "accepted")
    assert prune(scene.store, scene.clock, Keep())["deliveries"] == 0
    assert _count(scene, DeliveryRow) == 2


def test_much_is_removed_in_small_batches(scene: Scene) -> None:
    _deliver(scene, BATCH + 1, START - 91 * DAY)
    assert prune(scene.store, scene.clock, Keep())["deliveries"] == BATCH + 1
    assert _count(scene, DeliveryRow) == 0


def test_any_number_goes_in_one_round_and_each_kind_by_turns(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    _deliver(scene, 300, START - 91 * DAY)
    _deliver(scene, 4, START - 92 * DAY, "dead")
    gone = prune(scene.store, scene.clock, Keep())
    assert (gone["deliveries"], gone["dead letters"]) == (300, 4)


def test_a_round_ends_although_more_is_left(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    monkeypatch.setattr(retention, "ROUND_SECONDS", 0.2)
    _deliver(scene, 300, START - 91 * DAY)
    assert 0 < prune(scene.store, scene.clock, Keep())["deliveries"] < 300


def _statements(scene: Scene, run: Callable[[], object]) -> list[str]:
    """The statements that change or give back something, in order."""
    said: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement.split(None, 1)[0])

    event.listen(scene.store.engine, "before_cursor_execute", note)
    try:
        run()
    finally:
        event.remove(scene.store.engine, "before_cursor_execute", note)
    return said


@pytest.mark.parametrize("batches", [1, 4])
def test_a_batch_costs_one_statement_and_nothing_is_asked_before_it(
    scene: Scene, batches: int
) -> None:
    # A round begins with small batches. No time passes here, so each is twice as large as the last.
    first = [retention.SMALLEST * 2**n for n in range(10) if retention.SMALLEST * 2**n < BATCH]
    _deliver(scene, sum(first) + BATCH * batches + 1, START - 91 * DAY)
    said = _statements(scene, lambda: prune(scene.store, scene.clock, Keep()))
    # One for each full batch and the rest, and one for each of the five other kinds.
    assert said.count("DELETE") == len(first) + batches + 1 + 5
    # What was recorded ahead, and epics, are a handful of rows, which are read first: others count the
    # former, and the latter go by what is open.
    assert said.count("SELECT") == 2
    assert len(said) == said.count("DELETE") + said.count("BEGIN") + 2


@given(st.lists(st.floats(0.001, 3.0), min_size=1, max_size=30))
@settings(max_examples=20, suppress_health_check=list(HealthCheck), deadline=None)
def test_the_store_is_held_for_a_fifth_of_the_time_however_slow_it_is(
    sqlite_store: Store, seconds: list[float]
) -> None:
    clock = SimulatedClock()
    slow, held = iter(seconds), 0.0

    def remove(_session: Session, batch: int) -> int:
        nonlocal held
        took = next(slow, None)
        if took is None:
            return 0
        clock.now += took
        held += took
        return batch

    began = clock.now
    retention._by_turns(sqlite_store, clock, began + 50.0, {"rows": remove})
    assert held <= (clock.now - began) * SHARE + 1e-6


def test_where_rows_go_slowly_a_transaction_removes_fewer_and_more_again_later(
    sqlite_store: Store,
) -> None:
    clock = SimulatedClock()
    left, taken = 5_000, list[int]()

    def remove(_session: Session, batch: int) -> int:
        nonlocal left
        # Half a millisecond a row, until half of the rows are gone.
        count = min(batch, left)
        clock.now += count * (0.0005 if left > 2_500 else 0.00001)
        left -= count
        taken.append(count)
        return count

    while left:
        retention._by_turns(sqlite_store, clock, clock.now + 50.0, {"rows": remove})
    slow = taken[: next(n for n in range(len(taken)) if sum(taken[:n]) >= 2_500)]
    assert max(slow) * 0.0005 <= retention.HOLD_SECONDS + 1e-9
    assert max(taken[len(slow) :]) == BATCH
