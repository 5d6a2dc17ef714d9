"""Housekeeping, from the store alone: expired leases, tickets that nobody walks although they should be
walked, parked tickets whose cause is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sync.domain.rule import OnDeleted
from sync.ports import Clock, Tracker
from sync.rules import RuleSet
from sync.store import deliveries, housekeeping, parking, tickets
from sync.store.engine import Store
from sync.store.housekeeping import Wanted
from sync.store.tables import TicketRow
from sync.worker.sweeps.findings import FindingKind
from sync.worker.sweeps.run import Run

_Row = TypeVar("_Row")

# Most findings of each kind in one run; the next run goes on.
BATCH = 200
# A walk renews its lease at each step, so nobody works under a lease that ended this long ago.
GRACE_SECONDS = 60.0
LATE_SECONDS = 15 * 60.0


@dataclass(frozen=True, slots=True)
class HousekeepingSweep:
    """``wake`` wakes the workers after something was put right."""

    store: Store
    trackers: Mapping[str, Tracker]
    rules: Callable[[], RuleSet]
    clock: Clock
    wake: Callable[[], None] = lambda: None
    name: str = "own"
    overlap: float = 0.0

    def sweep(self, run: Run) -> None:
        """Find and mend what the store shows. Calls nobody outside."""
        now = self.clock.time()
        self._expired_leases(run, now)
        self._creates_without_search(run, now)
        self._resting_but_open(run, now)
        self._overdue(run, now)
        self._parked(run, now)
        self._heads(run)
        if run.tally.repaired and not run.dry:
            self.wake()

    def _expired_leases(self, run: Run, now: float) -> None:
        def free(row: TicketRow) -> None:
            row.lease_owner = None
            row.lease_until = None
            tickets.make_due(row, now, "the last walk did not end", look=True)

        for row in self._mend(run, housekeeping.expired_leases(now - GRACE_SECONDS), free):
            words = "its lease ended and nobody claimed it again; it is walked again"
            run.found(FindingKind.WRONG, _named(row), words)

    def _creates_without_search(self, run: Run, now: float) -> None:
        lost = housekeeping.creates_without_search()
        for row in self._mend(run, lost, lambda r: tickets.make_due(r, now, "a lost create")):
            words = "whether Jira made it is not known; it is searched for"
            run.found(FindingKind.WRONG, _named(row), words)

    def _resting_but_open(self, run: Run, now: float) -> None:
        rules = self.rules().rules
        recreating = [r.ref.name for r in rules if r.policy.on_deleted is OnDeleted.RECREATE]
        wanted = housekeeping.resting_but_open(recreating)
        for row in self._mend(run, wanted, lambda r: tickets.make_due(r, now, "a subject is open")):
            words = f"it is {row.state}, but a subject of it is open; it is walked again"
            run.found(FindingKind.WRONG, _named(row), words)

    def _overdue(self, run: Run, now: float) -> None:
        down = [name for name, tracker in self.trackers.items() if tracker.health.down()]
        before = now - LATE_SECONDS
        with self.store.read() as session:
            late = housekeeping.overdue(session, before, sites_down=down, limit=BATCH)
            waiting = deliveries.counts(session)
        run.looked(len(late))
        for row in late:
            minutes = (now - (row.due_at or now)) / 60
            words = f"due for {minutes:.0f} minutes; the workers do not keep up"
            run.found(FindingKind.STALE, _named(row), words, repaired=False)
        if waiting.oldest_waiting is not None and waiting.oldest_waiting < now - LATE_SECONDS:
            words = f"{waiting.waiting} deliveries wait to be read, the oldest for too long"
            run.found(FindingKind.STALE, "inbox", words, repaired=False)

    def _parked(self, run: Run, now: float) -> None:
        digest = self.rules().digest
        known = run.cursor.get("rules")
        if known and known != digest:
            self._retry(run, now, "the rules were edited since it was parked")
        run.cursor["rules"] = digest
        down_before = set(run.cursor.get("down", ()))
        down = {name for name, tracker in self.trackers.items() if tracker.health.down()}
        for site in sorted(down_before - down):
            self._retry(run, now, f"the site {site} is back", site=site)
        run.cursor["down"] = sorted(down)

    def _heads(self, run: Run) -> None:
        with self.store.read() as session:
            rows = deliveries.heads(session, after=run.cursor.get("head", 0), limit=BATCH)
        for some in _few([] if run.dry else rows):
            with self.store.write() as session:
                gone = deliveries.drop_heads_of_whole(session, some)
            for row in gone:
                words = "it was larger than max_body, and has come as a whole since"
                run.found(FindingKind.STALE, f"delivery {row.id}", words)
        run.cursor["head"] = rows[-1].seq if len(rows) == BATCH else 0

    def _retry(self, run: Run, now: float, why: str, *, site: str = "") -> None:
        with self.store.read() as session:
            rows = [
                row
                for row in parking.parked(session, site=site)
                # A ticket that is due has its next try anyway.
                if row.due_at is None or row.due_at > now
            ]
        if not run.dry:
            parking.retry_all(self.store, [row.id for row in rows if row.id is not None], now, why)
        run.looked(len(rows))
        for row in rows:
            run.found(FindingKind.STALE, _named(row), f"parked, but {why}; it is tried again")

    def _mend(self, run: Run, wanted: Wanted, mend: Callable[[TicketRow], None]) -> list[TicketRow]:
        """Mend up to BATCH of the tickets, or only find them in a dry run; these rows."""
        with self.store.read() as session:
            rows = wanted.find(session, BATCH)
        if not run.dry:
            rows = [row for some in _few(rows) for row in self._mended(wanted, some, mend)]
        run.looked(len(rows))
        return rows

    def _mended(
        self, wanted: Wanted, found: Sequence[TicketRow], mend: Callable[[TicketRow], None]
    ) -> list[TicketRow]:
        with self.store.write() as session:
            rows = wanted.lock(session, found)
            for row in rows:
                mend(row)
        return rows


def _few(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    """The rows in pieces, each for one transaction, because deliveries wait meanwhile."""
    for start in range(0, len(rows), parking.TOGETHER):
        yield rows[start : start + parking.TOGETHER]


def _named(row: TicketRow) -> str:
    return row.jira_key or row.key
