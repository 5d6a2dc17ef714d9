"""The inbox stores each event once, answers after the commit, and comes back by itself."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import select

from sync.store import inbox as inbox_module
from sync.store.engine import Store, StoreUnavailable
from sync.store.inbox import Accepted, Inbox, InboxClosed, InboxFull, Receipt, delivery_id
from sync.store.tables import DeliveryRow
from tests.postgres import Postgres
from tests.store.faults import FullDisk, GoneServer, ReadOnlyFile
from tests.transactions import transactions


def _delivery(event_id: str, body: bytes = b"{}") -> Accepted:
    return Accepted("coalesce", event_id, "EVENT_TYPE_ISSUE_CREATED", body, 1000.0)


def _stored(store: Store) -> list[DeliveryRow]:
    with store.read() as session:
        return list(session.exec(select(DeliveryRow).order_by(DeliveryRow.event_id)))


@pytest.fixture
def inbox(store: Store) -> Iterator[Inbox]:
    opened = Inbox(store)
    yield opened
    opened.close()


def test_a_delivery_is_stored_as_it_came_before_it_is_answered(store: Store, inbox: Inbox) -> None:
    body = bytes(range(256))
    receipt = inbox.accept(_delivery("e1", body)).result(10)
    (row,) = _stored(store)
    assert receipt.stored
    assert receipt.id == row.id == delivery_id("coalesce", "e1", body)
    assert (row.body, row.source, row.event_id, row.state) == (body, "coalesce", "e1", "accepted")
    assert (row.event_type, row.received_at) == ("EVENT_TYPE_ISSUE_CREATED", 1000.0)


def test_the_same_event_many_times_at_once_is_stored_once(store: Store, inbox: Inbox) -> None:
    def send(_: int) -> bool:
        return inbox.accept(_delivery("same")).result(10).stored

    with ThreadPoolExecutor(16) as pool:
        stored = list(pool.map(send, range(64)))
    assert stored.count(True) == 1
    assert len(_stored(store)) == 1


def test_of_a_batch_with_known_deliveries_only_the_new_ones_count_as_stored(store: Store) -> None:
    inbox = Inbox(store)
    assert inbox.accept(_delivery("known")).result(10).stored
    with transactions(store) as found:
        with store.write() as session:
            session.execute(text(_LOCK[store.dialect]))
            futures = [inbox.accept(_delivery("first"))]
            _until(lambda: inbox.depth == (0, 0))
            names = ("a", "known", "b", "a", "c")
            futures += [inbox.accept(_delivery(name)) for name in names]
        stored = [future.result(10).stored for future in futures]
    assert stored == [True, True, False, True, False, True]
    inbox.close()
    assert [row.event_id for row in _stored(store)] == ["a", "b", "c", "first", "known"]
    assert len(found) == 3


@pytest.mark.parametrize("count", [1, 7, 200])
def test_a_batch_is_one_transaction_of_one_statement(store: Store, count: int) -> None:
    inbox = Inbox(store)
    with transactions(store) as found:
        with store.write() as session:
            session.execute(text(_LOCK[store.dialect]))
            futures = [inbox.accept(_delivery("first"))]
            _until(lambda: inbox.depth == (0, 0))
            futures += [inbox.accept(_delivery(f"e{n}")) for n in range(count)]
        assert all(future.result(10).stored for future in futures)
    inbox.close()
    assert [len(statements) for statements in found] == [1, 1, 1]
    rows = sorted(_stored(store), key=lambda row: row.seq or 0)
    assert [row.event_id for row in rows] == ["first", *(f"e{n}" for n in range(count))]


def test_two_programs_on_one_store_keep_an_event_once(store: Store, inbox: Inbox) -> None:
    other = Inbox(store)
    futures = [box.accept(_delivery(f"e{n % 50}")) for n in range(200) for box in (inbox, other)]
    assert sum(future.result(10).stored for future in futures) == 50
    assert len(_stored(store)) == 50
    other.close()


def test_what_comes_while_a_batch_commits_goes_into_one_commit(store: Store) -> None:
    pokes: list[int] = []
    inbox = Inbox(store, on_accept=lambda: pokes.append(1))
    with store.write() as session:  # holds up the writer
        session.execute(text(_LOCK[store.dialect]))
        first = inbox.accept(_delivery("first"))
        _until(lambda: inbox.depth == (0, 0))
        rest = [inbox.accept(_delivery(f"e{n}")) for n in range(199)]
        with pytest.raises(StillWaiting):
            first.result(0)
    for future in [first, *rest]:
        assert future.result(10).stored
    inbox.close()
    assert len(pokes) == 2
    assert len(_stored(store)) == 200


def _soon(inbox: Inbox, accepted: Accepted) -> asyncio.Future[Receipt]:
    """Store a delivery from an event loop."""
    future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()

    def settle(outcome: Receipt | Exception) -> None:
        assert isinstance(outcome, Receipt)
        # Fails where nobody waits any more.
        future.set_result(outcome)

    inbox.accept_soon(accepted, settle)
    return future


def test_coroutines_wait_without_holding_up_their_loop(store: Store, inbox: Inbox) -> None:
    async def send_all() -> list[bool]:
        waits = [_soon(inbox, _delivery(f"e{n % 40}")) for n in range(80)]
        return [receipt.stored for receipt in await asyncio.gather(*waits)]

    assert asyncio.run(send_all()).count(True) == 40
    assert len(_stored(store)) == 40


def test_while_deliveries_wait_there_is_hurry(store: Store) -> None:
    hurried: list[bool] = []
    inbox = Inbox(store, hurry=hurried.append)
    for round_ in range(2):
        with store.write() as session:
            session.execute(text(_LOCK[store.dialect]))
            futures = [inbox.accept(_delivery(f"e{round_}-{n}")) for n in range(3)]
            assert hurried == [True, False] * round_ + [True]
        assert all(future.result(10).stored for future in futures)
        _until(lambda: not hurried[-1])
    with store.write() as session:
        session.execute(text(_LOCK[store.dialect]))
        asyncio.run(_leave_behind(inbox))
    _until(lambda: len(hurried) == 6)
    inbox.close()
    assert hurried == [True, False] * 3
    assert len(_stored(store)) == 7


async def _leave_behind(inbox: Inbox) -> None:
    """End the event loop while a delivery waits."""
    _soon(inbox, _delivery("left behind"))


def test_somebody_who_stopped_waiting_does_not_disturb_the_others(store: Store) -> None:
    inbox = Inbox(store)

    async def send() -> bool:
        _soon(inbox, _delivery("left")).cancel()
        return (await _soon(inbox, _delivery("stayed"))).stored

    assert asyncio.run(send())
    inbox.close()
    assert [row.event_id for row in _stored(store)] == ["left", "stayed"]


def test_closing_writes_what_waits_and_refuses_the_rest(store: Store) -> None:
    inbox = Inbox(store)
    futures = [inbox.accept(_delivery(f"e{n}")) for n in range(500)]
    assert inbox.close()
    assert all(future.result(0).stored for future in futures)
    assert len(_stored(store)) == 500
    with pytest.raises(InboxClosed):
        inbox.accept(_delivery("late"))


@pytest.mark.parametrize(
    "limits, body", [({"queue": 3}, b"{}"), ({"queue_bytes": 3000}, b"x" * 1000)], ids=str
)
def test_a_full_queue_refuses_at_once(store: Store, limits: dict[str, int], body: bytes) -> None:
    inbox = Inbox(store, **limits)
    with store.write() as session:
        session.execute(text(_LOCK[store.dialect]))
        futures = [inbox.accept(_delivery("first", body))]
        _until(lambda: inbox.depth == (0, 0))
        futures += [inbox.accept(_delivery(f"e{n}", body)) for n in range(3)]
        with pytest.raises(InboxFull):
            inbox.accept(_delivery("one too many", body))
    assert all(future.result(10).stored for future in futures)
    assert inbox.accept(_delivery("room again", body)).result(10).stored
    inbox.close()


def test_a_row_that_cannot_be_stored_does_not_take_others_with_it(store: Store) -> None:
    inbox = Inbox(store)
    poison = Accepted("coalesce", "poison", "", b"", None)  # type: ignore[arg-type]
    with store.write() as session:
        session.execute(text(_LOCK[store.dialect]))
        futures = [inbox.accept(_delivery("first"))]
        _until(lambda: inbox.depth == (0, 0))
        bad = inbox.accept(poison)
        futures += [inbox.accept(_delivery(f"e{n}")) for n in range(5)]
    assert all(future.result(10).stored for future in futures)
    with pytest.raises(Exception, match=r"(?i)null"):
        bad.result(10)
    inbox.close()
    assert len(_stored(store)) == 6


def test_a_failing_hook_does_not_stop_the_inbox(store: Store) -> None:
    inbox = Inbox(store, on_accept=lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    assert inbox.accept(_delivery("a")).result(10).stored
    assert inbox.accept(_delivery("b")).result(10).stored
    inbox.close()


@pytest.mark.parametrize("fault_type", [FullDisk, ReadOnlyFile])
def test_a_disk_that_fails_refuses_and_then_recovers(
    sqlite_store: Store, fault_type: Callable[[Store], FullDisk | ReadOnlyFile]
) -> None:
    fault = fault_type(sqlite_store)
    inbox = Inbox(sqlite_store)
    assert inbox.accept(_delivery("before")).result(10).stored
    fault.on = True
    large = b"x" * 100_000
    for n in range(3):
        with pytest.raises(StoreUnavailable, match=r"disk is full|read-only"):
            inbox.accept(_delivery(f"during{n}", large)).result(10)
        assert inbox.trouble
    fault.on = False
    assert inbox.accept(_delivery("during1", large)).result(10).stored
    assert inbox.trouble == ""
    inbox.close()
    assert [row.event_id for row in _stored(sqlite_store)] == ["before", "during1"]


def test_it_finds_out_by_itself_that_what_it_refused_fits_again(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_module, "TRY_AGAIN", 0.02)
    fault = FullDisk(sqlite_store)
    inbox = Inbox(sqlite_store)
    fault.on = True
    with structlog.testing.capture_logs() as logs:
        for n in range(3):
            with pytest.raises(StoreUnavailable, match="disk is full"):
                inbox.accept(_delivery(f"e{n}", b"x" * 100_000)).result(10)
        time.sleep(0.2)
        assert "disk is full" in inbox.trouble
        fault.on = False
        _until(lambda: not inbox.trouble)
    assert [line["log_level"] for line in logs] == ["error", "info"]
    # The sender tries again, and is told the truth.
    assert not inbox.accept(_delivery("e2", b"x" * 100_000)).result(10).stored
    inbox.close()
    assert [row.event_id for row in _stored(sqlite_store)] == ["e2"]


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_server_that_goes_away_refuses_and_then_recovers(
    store: Store, postgres: Postgres
) -> None:
    inbox = Inbox(store)
    gone = GoneServer(store, postgres)
    assert inbox.accept(_delivery("before")).result(10).stored
    gone.on = True
    with pytest.raises(StoreUnavailable):
        inbox.accept(_delivery("during")).result(10)
    gone.on = False
    assert inbox.accept(_delivery("after")).result(10).stored
    inbox.close()
    assert [row.event_id for row in _stored(store)] == ["after", "before"]


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_server_that_restarted_meanwhile_is_not_noticed(store: Store, postgres: Postgres) -> None:
    inbox = Inbox(store)
    assert inbox.accept(_delivery("before")).result(10).stored
    postgres.disconnect_all(store)
    assert inbox.accept(_delivery("after")).result(10).stored
    inbox.close()


@given(event_id=st.text(), body=st.binary())
def test_the_id_of_a_delivery_is_a_uuid_of_version_5(event_id: str, body: bytes) -> None:
    namespace = uuid.UUID("5c1d4c0e-4c3b-5f0a-9a55-1f6f0c2b7d11")
    named = f"event:{event_id}" if event_id else f"body:{hashlib.sha256(body).hexdigest()}"
    assert delivery_id("coalesce", event_id, body) == str(
        uuid.uuid5(namespace, f"coalesce\n{named}")
    )


def test_a_delivery_is_named_for_its_event_or_else_for_its_bytes() -> None:
    assert delivery_id("coalesce", "e", b"1") == delivery_id("coalesce", "e", b"2")
    assert delivery_id("coalesce", "e", b"1") != delivery_id("other", "e", b"1")
    assert delivery_id("coalesce", "", b"1") == delivery_id("coalesce", "", b"1")
    assert delivery_id("coalesce", "", b"1") != delivery_id("coalesce", "", b"2")
    assert len(delivery_id("coalesce", "\ud800" * 1000, b"")) == 36


def test_ids_of_any_length_and_kind_are_stored(store: Store, inbox: Inbox) -> None:
    odd = Accepted("coalesce", "\x00\ud800" * 500, "t" * 500, b"{}", 1.0)
    assert inbox.accept(odd).result(10).stored
    assert not inbox.accept(odd).result(10).stored
    assert len(_stored(store)) == 1


_LOCK = {"sqlite": "SELECT 1", "postgresql": "LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE"}


def _until(condition: Callable[[], bool]) -> None:
    turn = threading.Event()
    for _ in range(5000):
        if condition():
            return
        turn.wait(0.002)
    raise AssertionError("it never came about")
