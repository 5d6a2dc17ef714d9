"""Attempts at triage, counted before they begin: a delivery on which the program dies is known after a
restart.

Only what may have been tried before is counted: a delivery that is older than this process, or whose
count is not zero. What came since is triaged without a count. If the process dies on such a delivery,
the next process counts, because the delivery is older than that one. On PostgreSQL, each daemon that ran
when the delivery came may die on it once without a count.

One row is written for a batch, that of its oldest delivery: a negative count, because the attempt is one
of the others as well. Where an attempt did not end, the deliveries of its batch are tried in smaller
batches, and at last each alone, so that the one at fault is found and the others are triaged. What was
tried alone says nothing about the deliveries behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from typing import Any

from sqlmodel import Session, col, func, select, text, update

from sync.store.deliveries import batch_and_more, in_state, next_batch
from sync.store.engine import Store, change
from sync.store.tables import DeliveryRow, DeliveryState

# How many attempts may end with the program, before a delivery is set aside.
MOST = 4
# After one attempt that did not end, so many smaller batches take the place of the batch: few, because
# the program is killed far more often than it dies on a delivery.
_PARTS = 16

# The advisory lock of counted attempts on PostgreSQL: any number that no other program takes there.
_COUNTING = 7_436_205_119

_SEQ, _ATTEMPTS = col(DeliveryRow.seq), col(DeliveryRow.attempts)

Batch = tuple[Session, Sequence[DeliveryRow]]


class Attempts:
    """The attempts of one process, which begins to live with the first of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # The ``seq`` of the newest delivery that is older than this process.
        self._before: int | None = None
        # Whether deliveries may wait that the last attempt left out.
        self.more = False

    @contextmanager
    def attempt(self, limit: int, only: str = "") -> Iterator[Batch]:
        """The deliveries to triage, and the session that has read them: up to ``limit``, or the one with
        the id ``only``. The session only reads: what becomes of the deliveries is written in another.

        If one of them may have been tried before, this attempt is on record before the block begins. It
        is taken back where the block ends, also by an exception: only the end of the program leaves it.
        Raises StoreUnavailable.
        """
        with self._store.read() as session:
            rows, more = batch_and_more(session, limit, only=only)
            counted = self._tried_before(session, rows)
            self.more = more or counted or bool(only)
            if not counted:
                yield session, rows
                return
        with _counted(self._store, limit, only) as batch:
            yield batch

    def _tried_before(self, session: Session, rows: Sequence[DeliveryRow]) -> bool:
        """Whether one of the deliveries may have been tried before."""
        if self._before is None:
            self._before = session.exec(select(func.max(DeliveryRow.seq))).one() or 0
        return any(row.attempts or (row.seq or 0) <= self._before for row in rows)


@contextmanager
def _counted(store: Store, limit: int, only: str) -> Iterator[Batch]:
    """As ``Attempts.attempt``, with the attempt on record."""
    with store.read() as alone:
        if store.dialect == "postgresql":
            # One process at a time counts: what is on record of another is of one whose attempt is over.
            # Nobody else waits for this lock. On SQLite no other process triages.
            alone.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _COUNTING})
        first, limit = _begin(store, limit, only)
        if first is None:
            yield alone, []
            return
        try:
            with store.read() as session:
                rows = next_batch(session, limit, only=only)
                yield session, rows
        except Exception:
            # The attempt ended, so it is taken back. Where the store cannot do that, the attempt counts
            # as one that did not end; the error of the attempt itself is the one to tell.
            with suppress(Exception):
                _end(store, [first], func.abs(_ATTEMPTS) - 1)
            raise
        _end(store, [first, *(row.seq for row in rows)], 0)


def _end(store: Store, tried: Sequence[int | None], attempts: Any) -> None:
    """Take an attempt off the record, where it still is on it."""
    ended = update(DeliveryRow).where(_SEQ.in_(tried), _ATTEMPTS != 0)
    with store.write() as session:
        change(session, ended.values(attempts=attempts))


def _begin(store: Store, limit: int, only: str) -> tuple[int | None, int]:
    """Put on record that the oldest deliveries are tried: the ``seq`` of the first, None for none; and
    how many may be tried together."""
    waiting = select(DeliveryRow.seq, DeliveryRow.attempts).where(in_state(DeliveryState.ACCEPTED))
    if only:
        waiting = waiting.where(DeliveryRow.id == only)
    with store.read() as session:
        rows = session.exec(waiting.order_by(_SEQ).limit(limit)).all()
    if not rows:
        return None, limit
    first, before = rows[0]
    tried = abs(before)
    with store.write() as session:
        if before < 0:
            # An attempt did not end, and the others of its batch may be at fault as well.
            alike = _as_often(rows[1 : _together(tried - 1, limit)], tried - 1)
            others = update(DeliveryRow).where(_SEQ.in_(alike))
            session.execute(others.values(attempts=tried))
        else:
            alike = _as_often(rows[1:], tried)
        size = min(1 + len(alike), _together(tried, limit))
        now = tried + 1 if size == 1 else -tried - 1
        session.execute(update(DeliveryRow).where(_SEQ.in_([first])).values(attempts=now))
    return first, size


def _together(tried: int, limit: int) -> int:
    """How many deliveries are tried together, of which so many attempts did not end."""
    return (limit, max(1, limit // _PARTS), 1)[min(tried, 2)]


def _as_often(rows: Sequence[tuple[int | None, int]], tried: int) -> list[int | None]:
    """The ``seq`` of the first deliveries of ``rows``, as long as they have been tried just so often."""
    return [seq for seq, _ in takewhile(lambda row: row[1] == tried, rows)]
