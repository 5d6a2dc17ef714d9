"""Notices of sites: the tickets that they name are made due with a look, many in one commit.

Nothing of a notice but its event and its time is kept, as the reason why the ticket is due. A notice
about a ticket that is not ours costs one look-up by an index and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from sync.domain.notice import Notice
from sync.domain.remembered import Remembered
from sync.store import tickets
from sync.store.engine import Store
from sync.store.ticket_changes import Wish, make_due_to_look

BATCH = 200
# Seconds that a ticket is left alone after a notice. A person's acts and our own writes come in twos and
# threes, and one read sees them all.
STILL = 2.0
# A ticket that was looked at more than FREE times within CALM seconds waits twice as long with each
# further time, up to LONGEST: two robots, one of which is us, may answer each other without end.
FREE = 6
CALM = 600.0
LONGEST = 120.0
# How many tickets the waits are remembered of.
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Looks:
    """The looks at one ticket since a time, for ``CALM`` seconds: how many, and when the last is due."""

    since: float
    count: int
    due_at: float


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    site: str
    notice: Notice
    taken: asyncio.Future[bool]


class Notices:
    """Takes notices from one event loop. ``clock`` gives seconds since the epoch, as those who walk have
    them."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._looks: Remembered[tuple[str, str], _Looks] = Remembered(REMEMBERED)
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def take(self, site: str, notice: Notice) -> bool:
        """Make the ticket due; whether it is ours. Returns once that is durable.

        A commit takes all notices that came while the commit before was under way. Raises
        StoreUnavailable.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(site, notice, loop.create_future())
        self._waiting.append(waiting)
        if self._writing is None:
            self._writing = loop.create_task(self._write_all())
        return await waiting.taken

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                said = [(one.site, one.notice) for one in batch]
                try:
                    ours = await asyncio.to_thread(self.write, said)
                except Exception as error:
                    # Whatever it is, those who wait must not be told that the notice is kept.
                    for one in batch:
                        _settle(one.taken, error)
                else:
                    for one in batch:
                        _settle(one.taken, (one.site, one.notice.ticket) in ours)
        finally:
            self._writing = None

    def write(self, said: Sequence[tuple[str, Notice]]) -> set[tuple[str, str]]:
        """Make the tickets due that notices, each with its site, are about. Returns those that are ours,
        by site and ticket's id. Raises StoreUnavailable."""
        with self._store.read_connection() as connection:
            rows = _rows_of(connection, said)
        if not rows:
            return set()
        # The last notice of a ticket is its reason.
        newest = {(site, notice.ticket): notice for site, notice in said}
        now = self._clock()
        wishes = [
            Wish(id_, self._due_at(ticket, now), _reason(newest[ticket]))
            for ticket, id_ in rows.items()
        ]
        with self._store.write_connection() as connection:
            make_due_to_look(connection, wishes)
        return set(rows)

    def _due_at(self, ticket: tuple[str, str], now: float) -> float:
        known = self._looks.get(ticket)
        if known is not None and now < known.due_at:
            # The look that is to come sees this too.
            return known.due_at
        if known is None or now > known.since + CALM:
            known = _Looks(now, 0, now)
        wait = min(LONGEST, STILL * 2 ** max(0, known.count + 1 - FREE))
        made = _Looks(known.since, known.count + 1, now + wait)
        return self._looks.put(ticket, made).due_at


def _rows_of(
    connection: Connection, said: Sequence[tuple[str, Notice]]
) -> dict[tuple[str, str], int]:
    """The row ids of the tickets that are ours."""
    named: dict[str, list[str]] = {}
    for site, notice in said:
        named.setdefault(site, []).append(notice.ticket)
    return {
        (site, ticket): id_
        for site, ids in named.items()
        for ticket, id_ in tickets.ids_of_jira_ids(connection, site, ids).items()
    }


def _reason(notice: Notice) -> str:
    """Why the ticket is due, in words: what happened and when, by the site's clock."""
    said = f"in Jira: {notice.event or 'a web request'}"
    return f"{said} at {datetime.fromtimestamp(notice.at, UTC):%F %T} UTC" if notice.at else said


def _settle(taken: asyncio.Future[bool], outcome: bool | Exception) -> None:
    # The request may be over, because its sender has left or it took too long.
    if taken.done():
        return
    if isinstance(outcome, Exception):
        taken.set_exception(outcome)
    else:
        taken.set_result(outcome)
