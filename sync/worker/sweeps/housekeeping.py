"""Our own house: leases that ran out, tickets due for too long or at rest though they are wanted, parked
ones whose cause has gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from sync.domain.rule import OnDeleted
from sync.ports import Clock, Tracker
from sync.rules import RuleSet
from sync.store import deliveries, parking, subjects, tickets
from sync.store.engine import Store
from sync.store.tables import TicketRow, TicketState
from sync.worker.sweeps.findings import DriftKind
from sync.worker.sweeps.run import Run

# A round puts right so many of each kind; the next goes on.
BATCH = 200
# A walk renews its lease at each step: one that ran out this long ago is nobody's.
GRACE_SECONDS = 60.0
LATE_SECONDS = 15 * 60.0


@dataclass(frozen=True, slots=True)
class OwnSweep:
    """``poke`` wakes the pool once something was put right."""

    store: Store
    trackers: Mapping[str, Tracker]
    rules: Callable[[], RuleSet]
    clock: Clock
    poke: Callable[[], None] = lambda: None
    name: str = "own"
    overlap: float = 0.0

    def sweep(self, run: Run) -> None:
        """Look through what the store alone can tell. Calls nobody."""
        now = self.clock.time()
        self._leases(run, now)
        self._open_ends(run, now)
        self._resting(run, now)
        self._late(run, now)
        self._parked(run, now)
        if run.tally.repaired and not run.dry:
            self.poke()

    def _leases(self, run: Run, now: float) -> None:
        old = select(TicketRow).where(col(TicketRow.lease_until) < now - GRACE_SECONDS).limit(BATCH)

        def free(row: TicketRow) -> None:
            row.lease_owner = None
            row.lease_until = None
            tickets.make_due(row, now, "the walk before did not end", look=True)

        for row in self._each(run, old, free):
            words = "a lease ran out and nobody took it up; it is walked anew"
            run.found(DriftKind.WRONG, _named(row), words)

    def _open_ends(self, run: Run, now: float) -> None:
        # A create whose outcome is open always has a next search; without one it would stay so.
        lost = (
            select(TicketRow)
            .where(
                TicketRow.state == TicketState.CREATING,
                col(TicketRow.due_at).is_(None),
                col(TicketRow.lease_owner).is_(None),
            )
            .limit(BATCH)
        )
        for row in self._each(run, lost, lambda r: tickets.make_due(r, now, "an open create")):
            run.found(
                DriftKind.WRONG, _named(row), "whether it was made is open; it is searched for"
            )

    def _resting(self, run: Run, now: float) -> None:
        # A walk that claims them makes them anew; here only those that nobody made due count.
        anew = [
            rule.ref.name
            for rule in self.rules().rules
            if rule.policy.on_deleted is OnDeleted.RECREATE
        ]
        wanted = (
            select(TicketRow)
            .where(
                (col(TicketRow.state) == TicketState.SPARED.value)
                | (
                    (col(TicketRow.state) == TicketState.GONE.value) & col(TicketRow.rule).in_(anew)
                ),
                col(TicketRow.due_at).is_(None),
                col(TicketRow.lease_owner).is_(None),
                subjects.still_open(),
            )
            .limit(BATCH)
        )
        for row in self._each(run, wanted, lambda r: tickets.make_due(r, now, "it is open")):
            words = f"a subject of it is open, and its ticket is {row.state}; it is walked anew"
            run.found(DriftKind.WRONG, _named(row), words)

    def _late(self, run: Run, now: float) -> None:
        down = [name for name, tracker in self.trackers.items() if tracker.health.down()]
        with self.store.read() as session:
            late = session.exec(
                select(TicketRow)
                .where(
                    col(TicketRow.due_at) < now - LATE_SECONDS,
                    col(TicketRow.lease_owner).is_(None),
                    col(TicketRow.site).not_in(down),
                )
                .order_by(col(TicketRow.due_at))
                .limit(BATCH)
            ).all()
            waiting = deliveries.counts(session)
        run.looked(len(late))
        for row in late:
            minutes = (now - (row.due_at or now)) / 60
            words = f"due for {minutes:.0f} minutes; the workers do not keep up"
            run.found(DriftKind.STALE, _named(row), words, repaired=False)
        if waiting.oldest_waiting is not None and waiting.oldest_waiting < now - LATE_SECONDS:
            words = f"{waiting.waiting} deliveries wait to be read, the oldest for too long"
            run.found(DriftKind.STALE, "inbox", words, repaired=False)

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

    def _retry(self, run: Run, now: float, why: str, *, site: str = "") -> None:
        with self._session(run) as session:
            rows = [
                row
                for row in parking.parked(session, site=site)
                # What was parked, or last tried, under the new rules has had its turn.
                if row.due_at is None or row.due_at > now
            ]
            if not run.dry:
                parking.retry(session, rows, now, why)
        run.looked(len(rows))
        for row in rows:
            run.found(DriftKind.STALE, _named(row), f"parked, but {why}; it is tried again")

    def _each(
        self,
        run: Run,
        query: SelectOfScalar[TicketRow],
        mend: Callable[[TicketRow], None],
    ) -> list[TicketRow]:
        with self._session(run) as session:
            rows = list(session.exec(query if run.dry else query.with_for_update(skip_locked=True)))
            if not run.dry:
                for row in rows:
                    mend(row)
        run.looked(len(rows))
        return rows

    def _session(self, run: Run) -> AbstractContextManager[Session]:
        return self.store.read() if run.dry else self.store.write()


def _named(row: TicketRow) -> str:
    return row.jira_key or row.key
