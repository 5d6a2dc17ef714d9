"""What waits, what became of it, what is dead, and what is removed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlmodel import Session

from sync.store import deliveries
from sync.store.deliveries import Outcome
from sync.store.engine import Store
from sync.store.inbox import Accepted, Inbox
from sync.store.tables import DeliveryRow, DeliveryState


def _fill(store: Store, count: int, body: bytes = b"{}") -> list[str]:
    inbox = Inbox(store)
    futures = [
        inbox.accept(Accepted("coalesce", f"e{n}", "t", body, 1000.0 + n)) for n in range(count)
    ]
    inbox.close()
    return [future.result(0).id for future in futures]


def _waiting(session: Session) -> list[str]:
    return [row.event_id for row in deliveries.next_batch(session, 100)]


def _triage(session: Session, count: int) -> None:
    _triaged(session, *deliveries.next_batch(session, count))


def _triaged(
    session: Session, *rows: DeliveryRow, subjects: Sequence[str] = ("s:issue:1",)
) -> None:
    made = [Outcome(row.seq, "ok", subjects=subjects, event_type="ping") for row in rows]
    deliveries.record(session, made)


def test_deliveries_are_taken_oldest_first_and_once(store: Store) -> None:
    _fill(store, 5)
    with store.write() as session:
        deliveries.lock_triage(session)
        first = deliveries.next_batch(session, 3)
        assert [row.event_id for row in first] == ["e0", "e1", "e2"]
        _triage(session, 3)
    with store.write() as session:
        assert _waiting(session) == ["e3", "e4"]


def test_a_batch_is_bounded_by_its_bytes_but_never_empty(store: Store) -> None:
    _fill(store, 5, b"x" * 1000)
    with store.read() as session:
        assert len(deliveries.next_batch(session, 100, max_bytes=2500)) == 2
        assert len(deliveries.next_batch(session, 100, max_bytes=10)) == 1
        whole = len(deliveries.next_batch(session, 100))
        assert deliveries.batch_and_more(session, 100, max_bytes=2500)[1]
        assert deliveries.batch_and_more(session, whole - 1)[1]
        assert not deliveries.batch_and_more(session, whole)[1]


def test_what_became_of_a_delivery_is_on_record(store: Store) -> None:
    (id_,) = _fill(store, 1)
    with store.write() as session:
        _triage(session, 1)
    with store.read() as session:
        row = deliveries.get(session, id_)
        assert row is not None
        assert (row.state, row.subject, row.event_type, row.outcome) == (
            "triaged",
            "s:issue:1",
            "ping",
            "ok",
        )
        assert [r.id for r in deliveries.for_subject(session, "s:issue:1")] == [id_]
        assert deliveries.get(session, "no such") is None


def test_a_dead_letter_is_listed_with_its_reason_and_can_be_replayed(store: Store) -> None:
    id_, other = _fill(store, 2)
    with store.write() as session:
        for row in deliveries.next_batch(session, 2):
            deliveries.mark_dead(session, row, "not JSON")
    with store.write() as session:
        assert [(r.id, r.outcome) for r in deliveries.dead(session)] == [
            (other, "not JSON"),
            (id_, "not JSON"),
        ]
        assert deliveries.replay(session, id_)
        assert not deliveries.replay(session, "no such")
    with store.write() as session:
        assert _waiting(session) == ["e0"]
        assert deliveries.replay_dead(session) == 1
        assert _waiting(session) == ["e0", "e1"]


def test_counts_say_what_waits_and_since_when(store: Store) -> None:
    with store.read() as session:
        assert deliveries.counts(session) == deliveries.Counts(0, 0, None, None)
    _fill(store, 4)
    with store.write() as session:
        deliveries.mark_dead(session, deliveries.next_batch(session, 1)[0], "odd")
        session.flush()
        _triage(session, 1)
    with store.read() as session:
        assert deliveries.counts(session) == deliveries.Counts(2, 1, 1002.0, 1003.0)


def test_retention_removes_old_deliveries_in_batches_but_never_what_waits(store: Store) -> None:
    _fill(store, 10)
    with store.write() as session:
        _triage(session, 6)
        deliveries.mark_dead(session, deliveries.next_batch(session, 1)[0], "odd")
    with store.write() as session:
        assert deliveries.prune(session, older_than=1005.0, batch=3) == 3
        assert deliveries.prune(session, older_than=1005.0, batch=3) == 2
        assert deliveries.prune(session, older_than=1e9, batch=9, state=DeliveryState.DEAD) == 1
        with pytest.raises(ValueError, match="never removed"):
            deliveries.prune(session, older_than=1e9, batch=1, state=DeliveryState.ACCEPTED)
    with store.read() as session:
        assert sorted(r.event_id for r in deliveries.recent(session)) == [
            f"e{n}" for n in range(5, 10) if n != 6
        ]


def test_a_delivery_is_found_by_each_of_its_subjects_and_gone_for_all_with_its_row(
    store: Store,
) -> None:
    _fill(store, 2)
    both = ["s:issue:1", "s:issue:2"]
    with store.write() as session:
        one, two = deliveries.next_batch(session, 2)
        _triaged(session, one, subjects=both)
        _triaged(session, two, subjects=both[1:])
    with store.write() as session:
        deliveries.replay(session, one.id)
        [again] = deliveries.next_batch(session, 2)
        _triaged(session, again, subjects=both)
    with store.read() as session:
        found = {ref: [r.event_id for r in deliveries.for_subject(session, ref)] for ref in both}
        assert found == {"s:issue:1": ["e0"], "s:issue:2": ["e1", "e0"]}
        assert deliveries.subjects_since(session, 1000.0) == set(both)
        assert deliveries.subjects_since(session, 1001.0) == {"s:issue:2"}
    with store.write() as session:
        assert deliveries.prune(session, older_than=1001.0, batch=9) == 1
    with store.read() as session:
        assert [r.event_id for r in deliveries.for_subject(session, "s:issue:2")] == ["e1"]


def test_the_queue_of_triage_is_read_from_its_own_index(sqlite_store: Store) -> None:
    with sqlite_store.read_connection() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT seq FROM deliveries WHERE state = 'accepted' ORDER BY seq"
        ).all()
    assert "ix_deliveries_accepted" in str(plan)


def test_the_reason_of_a_dead_letter_is_one_harmless_line_of_bounded_length(store: Store) -> None:
    _fill(store, 2)
    odd = "a\x1b[2Jb\n2026-01-01 [error] forged\x9bc\u202ed\ud800"
    with store.write() as session:
        for row, reason in zip(
            deliveries.next_batch(session, 2), [odd, "k" * 900_000], strict=True
        ):
            deliveries.mark_dead(session, row, reason)
    with store.read() as session:
        long, short = (row.outcome for row in deliveries.dead(session))
    assert short == "a [2Jb 2026-01-01 [error] forged cd"
    assert (len(long), long[-1]) == (500, "…")
