"""What a walk writes down: each step in a transaction of its own, under the lease, with the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sync.domain.errors import Parked
from sync.domain.ticket import Base
from sync.ports import Clock
from sync.store import journal, tickets
from sync.store.engine import Session, Store
from sync.store.tables import TicketRow
from sync.store.tickets import Claim
from sync.worker.triage.routing import parked_json


class NotYet(Exception):
    """What became of an earlier call cannot be known before ``again_at`` (seconds since the epoch)."""

    def __init__(self, words: str, again_at: float) -> None:
        super().__init__(words)
        self.again_at = again_at


@dataclass(frozen=True, slots=True)
class Entry:
    """One line for the journal."""

    action: str
    words: str = ""
    result: str = "ok"
    detail: dict[str, Any] | None = None


class Record:
    """The pen of one walk. Every method raises LeaseLost when the ticket is no longer ours."""

    def __init__(self, store: Store, claim: Claim, clock: Clock, lease: float) -> None:
        self._store = store
        self.claim = claim
        self._clock = clock
        self._lease = lease
        self.rule = ""
        self._noted: list[tuple[Callable[[TicketRow], None], tuple[Entry, ...], float]] = []

    def note(self, change: Callable[[TicketRow], None], *entries: Entry) -> None:
        """What the next step or the end of the walk shall write with its own: for what may be forgotten
        in a crash before then, because doing it again is harmless or an intent is on record."""
        self._noted.append((change, entries, self._clock.time()))

    def step(self, change: Callable[[TicketRow], None], *entries: Entry) -> None:
        """Change the row, add journal entries, and renew the lease: one commit."""
        now = self._clock.time()
        with self._store.write() as session:
            row = tickets.held(session, self.claim)
            self._write_noted(session, row)
            change(row)
            row.lease_until = now + self._lease
            self._journal(session, entries, now)
        self._noted.clear()
        self.claim = replace(self.claim, until=now + self._lease)

    def finish(
        self,
        *entries: Entry,
        again_at: float | None = None,
        change: Callable[[TicketRow], None] | None = None,
    ) -> None:
        """The walk's last step: let go of the ticket, settled or due again at ``again_at``."""
        now = self._clock.time()
        with self._store.write() as session:
            row = tickets.held(session, self.claim)
            self._write_noted(session, row)
            if change is not None:
                change(row)
            tickets.release(row, self.claim, again_at=again_at, now=now)
            if row.due_at is None:
                row.settled_at = now
            self._journal(session, entries, now)
        self._noted.clear()

    def settle(self, base: Base | None, *entries: Entry, again_at: float | None = None) -> None:
        """End a walk that went well: the ticket is as its rule wants it."""

        def change(row: TicketRow) -> None:
            if base is not None:
                row.base = base.to_json()
            row.attempts = 0
            row.error = ""
            row.look = row.look and row.wanted != self.claim.wanted
            row.parked = None
            row.parked_at = None

        self.finish(*entries, again_at=again_at, change=change)

    def park(self, parked: Parked, *, again_at: float | None) -> None:
        """Set the ticket aside with the reason in words. It is tried again at ``again_at``."""
        now = self._clock.time()

        def change(row: TicketRow) -> None:
            row.parked = parked_json(parked)
            row.parked_at = row.parked_at or now
            row.error = str(parked)
            row.attempts += 1

        self.finish(Entry("park", str(parked), "parked"), again_at=again_at, change=change)

    def retry(
        self, words: str, *, again_at: float, counted: bool = True, look: bool = False
    ) -> None:
        """End a walk that met a passing trouble: due again at ``again_at``."""

        def change(row: TicketRow) -> None:
            row.attempts += int(counted)
            row.error = words
            row.look = row.look or look

        self.finish(Entry("retry", words, "retry"), again_at=again_at, change=change)

    def _write_noted(self, session: Session, row: TicketRow) -> None:
        for change, entries, at in self._noted:
            change(row)
            self._journal(session, entries, at)

    def _journal(self, session: Session, entries: tuple[Entry, ...], now: float) -> None:
        for entry in entries:
            journal.write(
                session,
                at=now,
                action=entry.action,
                ticket_id=self.claim.ticket_id,
                rule=self.rule,
                result=entry.result,
                words=entry.words,
                detail=entry.detail,
            )
