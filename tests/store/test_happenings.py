"""What happened, as those are told who watch."""

from __future__ import annotations

from typing import Any

from sync.store.engine import Store
from sync.store.happenings import sweeps_after
from sync.store.tables import RunResult, SweepRunRow


def run(id_: int, **columns: Any) -> SweepRunRow:
    window = {"window_from": 0.0, "window_to": 1.0}
    return SweepRunRow(
        id=id_, sweep=f"s{id_}", owner="me", started_at=float(id_), **window, **columns
    )


def told(store: Store, after: int) -> list[tuple[int, str]]:
    with store.read() as session:
        return [(id_, one.words) for id_, one in sweeps_after(session, after)]


def test_a_run_that_ends_after_a_later_one_is_told_of_too(store: Store) -> None:
    ended = RunResult.OK.value
    with store.write() as session:
        session.add_all([run(1), run(2, result=ended, stale=3), run(3, result=ended)])
    assert told(store, 0) == []
    with store.write() as session:
        first = session.get(SweepRunRow, 1)
        assert first is not None
        first.result, first.missing, first.wrong = ended, 1, 2
    assert told(store, 0) == [(1, "1 not known here, 2 wrong"), (2, "3 out of date")]
    assert told(store, 1) == [(2, "3 out of date")]
