"""The inbox: makes deliveries durable, many in one commit, and answers each after the commit.

One thread writes, with one connection, by one statement a batch, which commits itself. A batch holds the
deliveries that came while the batch before was committed: under load a commit carries many deliveries,
and without load no delivery waits for others.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain, repeat
from typing import NamedTuple

import structlog
from sqlalchemy import Connection

from sync.domain.text import storable
from sync.store.engine import Store
from sync.store.errors import FileLost, StoreUnavailable, of_database, unavailable
from sync.store.tables import DeliveryState

log = structlog.get_logger("inbox")

BATCH = 200
# How long (seconds) after a failed write the inbox tries again.
TRY_AGAIN = 1.0
BATCH_BYTES = 8 * 1024 * 1024
QUEUE = 10_000
QUEUE_BYTES = 64 * 1024 * 1024

# How the outcome of a dead letter begins of which only the head is kept.
HEAD = "larger than max_body"

_NAMESPACE = uuid.UUID("5c1d4c0e-4c3b-5f0a-9a55-1f6f0c2b7d11").bytes
# The two highest bits of this digit of a UUID are 10, whatever digit the hash has there.
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


class InboxFull(Exception):
    """More deliveries come in than the store can take; the sender must try again."""


class InboxClosed(StoreUnavailable):
    """The program is stopping and accepts no more deliveries."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A body that was too large to be kept: the digest of all of it, the subject that its head names (""
    for none), and what happened, in words."""

    digest: str
    subject: str
    words: str


class Accepted(NamedTuple):
    """A verified delivery as it came. ``event_id`` is "" where the body could not be read;
    ``received_at`` is in seconds since the epoch. With ``cut``, ``body`` is the head alone."""

    source: str
    event_id: str
    event_type: str
    body: bytes
    received_at: float
    cut: Cut | None = None


class Receipt(NamedTuple):
    """The id of a delivery in the store. ``stored`` is False where it was in the store before."""

    id: str
    stored: bool


def delivery_id(source: str, event_id: str, body: bytes, cut: Cut | None = None) -> str:
    """The id of a delivery, made from its event's id, or from its bytes where ``event_id`` is "".

    A delivery that was cut has another id than the whole one, which may still come.
    """
    name = f"event:{event_id}" if event_id else f"body:{hashlib.sha256(body).hexdigest()}"
    if cut is not None:
        name = f"head:{event_id or cut.digest}"
    text = f"{source}\n{name}".encode(errors="surrogatepass")
    # As uuid.uuid5 does, in a fifth of its time: each delivery waits for this.
    digest = hashlib.sha1(_NAMESPACE + text, usedforsecurity=False).hexdigest()
    variant = _VARIANT[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


class NewDelivery(NamedTuple):
    """The columns of a delivery that is to be stored."""

    id: str
    source: str
    event_id: str
    event_type: str
    received_at: float
    body: bytes
    state: str
    subject: str
    outcome: str


@dataclass(slots=True, eq=False)
class _Waiting:
    """One delivery in the queue. ``settle`` is called with what came of it, on ``loop`` if there is one,
    otherwise on the writer's thread."""

    row: NewDelivery
    settle: Callable[[Receipt | Exception], object]
    loop: asyncio.AbstractEventLoop | None = None

    @property
    def size(self) -> int:
        return len(self.row.body)


_Outcomes = list[tuple[_Waiting, Receipt | Exception]]


class Inbox:
    """Accepts deliveries into the store from any thread or event loop.

    ``on_accept`` is called (on the writer's thread) after each commit that stored something new.
    ``held`` says why no delivery is taken although it could be written, "" usually. ``hurry`` is called
    with True when a delivery waits and none did, and with False when none waits any more. Both must be
    quick, and never raise.
    """

    def __init__(
        self,
        store: Store,
        *,
        on_accept: Callable[[], None] = lambda: None,
        held: Callable[[], str] = lambda: "",
        hurry: Callable[[bool], object] = lambda _hurried: None,
        queue: int = QUEUE,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        self.on_accept = on_accept
        self._held = held
        self._hurry = hurry
        self._store = store
        self._queue_limit = queue
        self._queue_bytes_limit = queue_bytes
        self._queue: deque[_Waiting] = deque()
        self._queued_bytes = 0
        # How many deliveries were taken and are not settled.
        self._in_hand = 0
        self._closing = False
        self._trouble = ""
        self._refused: _Waiting | None = None
        self._changed = threading.Condition()
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._thread.start()

    def accept(self, accepted: Accepted) -> Future[Receipt]:
        """Queue a delivery; the future resolves once it is durable.

        Raises InboxFull or StoreUnavailable at once; the future may raise StoreUnavailable.
        """
        future: Future[Receipt] = Future()
        future.set_running_or_notify_cancel()
        self._put(_Waiting(row_of(accepted), partial(_resolve, future)))
        return future

    def accept_soon(
        self, accepted: Accepted, settle: Callable[[Receipt | Exception], object]
    ) -> None:
        """Store a delivery, from an event loop. ``settle`` is called on this loop, with the receipt once
        the delivery is durable, or with the error that kept it from being stored.

        Raises InboxFull or StoreUnavailable at once.
        """
        self._put(_Waiting(row_of(accepted), settle, asyncio.get_running_loop()))

    @property
    def depth(self) -> tuple[int, int]:
        """How many deliveries wait to be written, and how many bytes they are."""
        return len(self._queue), self._queued_bytes

    @property
    def running(self) -> bool:
        """Whether the inbox takes deliveries; ``trouble`` says whether the store does."""
        return self._thread.is_alive() and not self._closing

    @property
    def trouble(self) -> str:
        """Why deliveries cannot be stored, "" while they can. Kept up to date by tries of its own."""
        return self._trouble or self._held()

    def close(self, timeout: float = 30.0) -> bool:
        """Accept no more and write what is queued. False where more than ``timeout`` seconds pass."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _put(self, waiting: _Waiting) -> None:
        if words := self._held():
            raise StoreUnavailable(words)
        with self._changed:
            if self._closing:
                raise InboxClosed("the program is stopping; deliveries are not accepted any more")
            if len(self._queue) >= self._queue_limit or (
                self._queue and self._queued_bytes + waiting.size > self._queue_bytes_limit
            ):
                raise InboxFull("the queue of deliveries that wait to be stored is full")
            if not self._in_hand:
                self._hurry(True)
            self._in_hand += 1
            self._queue.append(waiting)
            self._queued_bytes += waiting.size
            self._changed.notify()

    def _take(self) -> list[_Waiting]:
        """The next batch; waits for its first delivery. Empty when the inbox is closed and drained,
        and, after a failed write, when it is time for the next try."""
        with self._changed:
            until = time.monotonic() + TRY_AGAIN
            while not self._queue and not self._closing:
                left = until - time.monotonic() if self._trouble else None
                if left is not None and left <= 0:
                    return []
                self._changed.wait(left)
            batch: list[_Waiting] = []
            size = 0
            while self._queue and len(batch) < BATCH:
                if batch and size + self._queue[0].size > BATCH_BYTES:
                    break
                one = self._queue.popleft()
                size += one.size
                batch.append(one)
            self._queued_bytes -= size
            return batch

    def _run(self) -> None:
        while True:
            batch = self._take()
            waits = bool(batch)
            if not waits:
                if self._closing:
                    break
                # The try writes the largest delivery that was refused, because a smaller one might still
                # fit on a full disk. When the sender tries again, the delivery is there already.
                batch = [self._refused] if self._refused else []
            try:
                outcomes = self._write(batch)
            except Exception as error:
                # The callers wait for an outcome, and only this thread can give it to them.
                log.exception("writing to the inbox failed")
                outcomes = [(one, error) for one in batch]
            if waits:
                self._settle(outcomes)
            if any(isinstance(outcome, Receipt) and outcome.stored for _, outcome in outcomes):
                try:
                    self.on_accept()
                except Exception:
                    # The deliveries are stored and answered. Triage looks for them at intervals, too.
                    log.exception("the call after a commit failed")
        self._disconnect()

    def _settle(self, outcomes: _Outcomes) -> None:
        """Tell what came of each delivery: here, or with one call to each event loop."""
        by_loop: dict[asyncio.AbstractEventLoop | None, _Outcomes] = {}
        for one, outcome in outcomes:
            by_loop.setdefault(one.loop, []).append((one, outcome))
        for loop, theirs in by_loop.items():
            if loop is None:
                self._settle_here(theirs)
                continue
            try:
                loop.call_soon_threadsafe(self._settle_here, theirs)
            except RuntimeError:
                log.debug(
                    "an event loop ended before its deliveries were stored", count=len(theirs)
                )
                self._settled(len(theirs))

    def _settle_here(self, outcomes: _Outcomes) -> None:
        for one, outcome in outcomes:
            try:
                one.settle(outcome)
            except Exception:
                # The other deliveries of the batch wait for what came of them.
                log.exception("the call after a delivery was stored failed", delivery=one.row.id)
        self._settled(len(outcomes))

    def _settled(self, count: int) -> None:
        with self._changed:
            self._in_hand -= count
            if not self._in_hand:
                self._hurry(False)

    def _write(self, batch: list[_Waiting]) -> _Outcomes:
        try:
            stored = self._commit([one.row for one in batch])
        except StoreUnavailable as error:
            self._failed(str(error), batch)
            return [(one, error) for one in batch]
        except Exception as error:
            # One row that the database refuses must not keep the other rows of its batch out.
            words = str(unavailable(error)) if of_database(error) else type(error).__name__
            log.warning("a batch was refused; its deliveries are written one by one", why=words)
            outcomes: _Outcomes = [(one, self._write_alone(one)) for one in batch]
            if not any(isinstance(outcome, StoreUnavailable) for _, outcome in outcomes):
                self._worked()
            return outcomes
        self._worked()
        outcomes = []
        for one in batch:
            id_ = one.row.id
            outcomes.append((one, Receipt(id_, id_ in stored)))
            stored.discard(id_)
        return outcomes

    def _failed(self, words: str, batch: list[_Waiting]) -> None:
        # Logged only once, because the receiver logs each delivery that is refused.
        if not self._trouble:
            log.error("the inbox cannot write; deliveries are refused", reason=words)
        self._trouble = words
        self._refused = max(batch, key=lambda one: one.size)

    def _worked(self) -> None:
        if self._trouble:
            log.info("the inbox writes again")
        self._trouble = ""
        self._refused = None

    def _write_alone(self, one: _Waiting) -> Receipt | Exception:
        try:
            return Receipt(one.row.id, bool(self._commit([one.row])))
        except Exception as error:
            # The error goes to the caller that waits for this delivery.
            log.warning("a delivery cannot be stored", delivery=one.row.id, reason=str(error))
            return error

    def _commit(self, rows: Sequence[NewDelivery]) -> set[str]:
        """Insert and commit; the ids that were new. Raises StoreUnavailable, or what SQL raised."""
        fresh = self._connection is None
        try:
            if self._connection is None:
                self._connection = self._store.writer()
            with self._store.turn(first=True), self._store.transaction(self._connection):
                return insert(self._connection, rows)
        except FileLost:
            # The connection is kept: it has the lost file open, which may be put back.
            raise
        except StoreUnavailable:
            lost = self._connection is not None and self._connection.invalidated
            self._disconnect()
            if lost and not fresh:
                # The server ended a kept connection, for example by a restart. Writing again is
                # harmless: the unique id keeps a row from being stored twice.
                return self._commit(rows)
            raise

    def _disconnect(self) -> None:
        # A connection is not used again after a failed write: the next batch opens a new one.
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.invalidate()
            connection.close()
        except Exception as error:
            # The connection is given up all the same.
            log.debug("closing the inbox's connection failed", reason=str(error))


_COLUMNS = len(NewDelivery._fields)
_INTO = f"INSERT INTO deliveries ({', '.join(NewDelivery._fields)})"
_ARRAYS = ", ".join(
    "%b::" + {"received_at": "float8[]", "body": "bytea[]"}.get(field, "text[]")
    for field in NewDelivery._fields
)
# S608: all of it is names of columns.
_POSTGRESQL = f"{_INTO} SELECT * FROM unnest({_ARRAYS}) ON CONFLICT (id) DO NOTHING RETURNING id"  # noqa: S608


@lru_cache(maxsize=16)
def _sqlite(places: int) -> str:
    """The statement for SQLite that stores up to so many rows; places without an id are left empty."""
    row = f"({', '.join('?' * _COLUMNS)})"
    return (
        # S608: all of it is names of columns and question marks.
        f"{_INTO} SELECT * FROM (VALUES {', '.join([row] * places)}) "  # noqa: S608
        "WHERE column1 IS NOT NULL ON CONFLICT (id) DO NOTHING"
    )


def insert(connection: Connection, rows: Sequence[NewDelivery]) -> set[str]:
    """Store deliveries by ``connection``; returns the ids of the new ones. Up to ``BATCH`` rows are one
    statement.

    PostgreSQL gets one statement that stays the same for any number of rows, SQLite one for each power
    of two. A statement for each number would have to be written and read anew each time.
    """
    if not rows:
        return set()
    if connection.dialect.name != "sqlite":
        arrays = tuple(map(list, zip(*rows, strict=True)))
        return set(connection.exec_driver_sql(_POSTGRESQL, arrays).scalars())
    new: set[str] = set()
    for start in range(0, len(rows), BATCH):
        new |= _insert_into_sqlite(connection, rows[start : start + BATCH])
    return new


def _insert_into_sqlite(connection: Connection, rows: Sequence[NewDelivery]) -> set[str]:
    places = 1 << (len(rows) - 1).bit_length()
    # All rows by one statement: between two, the thread would wait for the interpreter.
    values = (*chain.from_iterable(rows), *repeat(None, _COLUMNS * (places - len(rows))))
    result = connection.exec_driver_sql(_sqlite(places), values)
    new, last = result.rowcount, result.lastrowid
    if new == len(rows):
        return {row.id for row in rows}
    if not new:
        return set()
    # A new row has the number after the highest, so those of one statement follow each other.
    between = "SELECT id FROM deliveries WHERE seq > ? AND seq <= ?"
    return set(connection.exec_driver_sql(between, (last - new, last)).scalars())


def row_of(accepted: Accepted) -> NewDelivery:
    """The columns of a delivery that waits for triage, or of a head that cannot be triaged."""
    cut = accepted.cut
    return NewDelivery(
        id=delivery_id(accepted.source, accepted.event_id, accepted.body, cut),
        source=accepted.source,
        event_id=storable(accepted.event_id[:200]),
        event_type=storable(accepted.event_type[:64]),
        received_at=accepted.received_at,
        body=accepted.body,
        state=(DeliveryState.DEAD if cut else DeliveryState.ACCEPTED).value,
        subject=storable(cut.subject) if cut else "",
        outcome=f"{HEAD}: {storable(cut.words)}" if cut else "",
    )


def _resolve(future: Future[Receipt], outcome: Receipt | Exception) -> None:
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
