"""Jira's side: what people did to our tickets, found in bulk. One sweep for each site.

First the tickets that changed since the last round. Then, because what was deleted changes no more, a
number of tickets whose subjects are open, read by id; each round goes on where the last one ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice

import structlog

from sync.domain.errors import Refused
from sync.domain.ticket import FAMILY_LABEL, Base, Observed, is_marker, marker_label
from sync.ports import Changed, Clock, Tracker
from sync.store import journal, tickets
from sync.store.engine import Session, Store
from sync.store.tables import TicketRow
from sync.worker.sweeps.drift import GONE, Finding, findings, seen, stamp_of, unsaid
from sync.worker.sweeps.findings import DriftKind
from sync.worker.sweeps.run import Run

log = structlog.get_logger("sweep")

BULK = 100
# Bulk readings a round of tickets that did not change, to find deleted ones.
CALLS = 10
# All tickets of a project gone at once is a lost permission rather than a clean-up.
SUSPICIOUS = 10
REMEMBERED_DOUBLES = 500


@dataclass(frozen=True, slots=True)
class TicketsSweep:
    """The tickets of one site."""

    store: Store
    tracker: Tracker
    clock: Clock
    lag: float = 600.0

    @property
    def name(self) -> str:
        return f"jira:{self.tracker.site}"

    @property
    def overlap(self) -> float:
        """Beyond the lag of Jira's index, which may keep a change from being found."""
        return self.lag + self.tracker.index_lag

    def sweep(self, run: Run) -> None:
        """Find what was moved, deleted, closed, edited, unmarked or doubled. Raises Jira's faults."""
        down = self.tracker.health.down()
        if down:
            raise Refused(f"the site {self.tracker.site} is not called now: {down}")
        self._open(run, self._changed(run))

    def _changed(self, run: Run) -> set[str]:
        """Judge what changed; the ids of the tickets that were read."""
        done: set[str] = set()
        found = self.tracker.changed_since(run.window.since)
        while page := list(islice(found, BULK)):
            run.check()
            run.called()
            with self.store.read() as session:
                rows = tickets.by_jira_ids(session, self.tracker.site, [c.ref.id for c in page])
            fresh = [
                c
                for c in page
                if c.ref.id in rows and stamp_of(rows[c.ref.id].seen) != _stamp(c.updated)
            ]
            run.looked(len(page))
            self._read(run, {c.ref.id: _stamp(c.updated) for c in fresh})
            self._doubles(run, [c for c in page if c.ref.id not in rows])
            done.update(c.ref.id for c in page)
        return done

    def _open(self, run: Run, done: set[str]) -> None:
        after = int(run.cursor.get("after", 0))
        with self.store.read() as session:
            rows = tickets.open_tickets(session, self.tracker.site, after=after, limit=CALLS * BULK)
        run.cursor["after"] = rows[-1][0] if len(rows) == CALLS * BULK else 0
        # What the search has just shown need not be read again.
        ids = [jira_id for _, jira_id in rows if jira_id not in done]
        run.looked(len(ids))
        for start in range(0, len(ids), BULK):
            self._read(run, dict.fromkeys(ids[start : start + BULK]))

    def _read(self, run: Run, stamps: Mapping[str, str | None]) -> None:
        """Read tickets by id and settle what is found; ``stamps`` are those of the search, if any."""
        if not stamps:
            return
        run.check()
        run.called()
        shown = self.tracker.read_many(stamps)
        now = self.clock.time()
        with self._session(run) as session:
            rows = tickets.by_jira_ids(session, self.tracker.site, stamps, lock=not run.dry)
            lost = _lost_projects(rows, shown)
            for project in sorted(lost):
                run.failed(
                    f"every ticket of project {project} is gone at once; that is more likely a "
                    "permission that was taken away than a clean-up, so nothing is done about it"
                )
            for id_, row in sorted(rows.items()):
                observed = shown.get(id_)
                if observed is None:
                    if row.project not in lost:
                        self._judge(run, row, [GONE], stamp_of(row.seen), now)
                    continue
                found = findings(row.key, row.jira_key, Base.from_json(row.base), observed)
                stamp = stamps[id_] or _stamp(observed.updated) or stamp_of(row.seen)
                self._judge(run, row, found, stamp, now)

    def _judge(
        self, run: Run, row: TicketRow, found: list[Finding], stamp: str, now: float
    ) -> None:
        for one in unsaid(row.seen, found):
            run.found(DriftKind.WRONG, row.jira_key, one.words)
        if run.dry:
            return
        if unsaid(row.seen, found):
            tickets.make_due(row, now, f"in Jira: {found[0].words}", look=True)
        kept = seen(stamp, found)
        if row.seen != kept:
            row.seen = kept

    def _doubles(self, run: Run, unknown: Sequence[Changed]) -> None:
        """Tickets that carry a marker of ours, though another ticket has it already."""
        marked = {label: one for one in unknown for label in one.labels if _is_own_marker(label)}
        told = list(run.cursor.get("doubles", ()))
        marked = {label: one for label, one in marked.items() if one.ref.id not in told}
        if not marked:
            return
        with self._session(run) as session:
            for id_, key, jira_key in tickets.keys_of_site(session, self.tracker.site):
                double = marked.get(marker_label(key))
                if double is None or double.ref.key == jira_key:
                    continue
                words = (
                    f"{double.ref.key} carries the marker of {jira_key} too; both are left as they "
                    "are: remove the label from the one that is not needed"
                )
                run.found(DriftKind.WRONG, jira_key, words, repaired=False)
                told.append(double.ref.id)
                if not run.dry:
                    log.warning("several tickets with one marker", kept=jira_key, key=key)
                    entry = journal.Entry("double", words, "warning")
                    journal.write(session, entry, at=self.clock.time(), ticket_id=id_)
        run.cursor["doubles"] = told[-REMEMBERED_DOUBLES:]

    def _session(self, run: Run) -> AbstractContextManager[Session]:
        return self.store.read() if run.dry else self.store.write()


def _stamp(updated: str) -> str:
    return updated.replace("|", " ")[:40]


def _is_own_marker(label: str) -> bool:
    return is_marker(label) and label != FAMILY_LABEL


def _lost_projects(rows: Mapping[str, TicketRow], shown: Mapping[str, Observed | None]) -> set[str]:
    """Projects of which many tickets were asked for and not one came."""
    asked: dict[str, list[bool]] = {}
    for id_, row in rows.items():
        asked.setdefault(row.project, []).append(shown.get(id_) is not None)
    return {
        project for project, there in asked.items() if len(there) >= SUSPICIOUS and not any(there)
    }
