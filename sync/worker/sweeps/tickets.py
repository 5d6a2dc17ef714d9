"""Sweep of Jira: what people did to our tickets, read in bulk. One sweep for each site.

A run first reads the tickets that a search says have changed since the last run. A search does not
return deleted tickets, so the run then reads a number of open tickets by id, and the next run goes on
after them.

An open ticket of a rule that tells upstream is looked at whenever it has changed: that something was
done, and by whom, shows in its history alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import structlog

from sync.domain.errors import Refused
from sync.domain.ticket import Base, Observed, is_own_marker, marker_label
from sync.ports import Changed, Clock, Tracker
from sync.rules import RuleSet
from sync.store import journal, tickets
from sync.store.engine import Session, Store
from sync.store.open_items import open_among, open_in_jira
from sync.store.tables import TicketRow
from sync.worker.sweeps.drift import NOT_THERE, Drift, drifts_of, stamp_in, to_seen, unreported
from sync.worker.sweeps.findings import FindingKind
from sync.worker.sweeps.run import Run

log = structlog.get_logger("sweep")

BULK = 100
# Bulk reads of unchanged tickets in one run, to find deleted ones.
CALLS = 10
# If this many tickets of a project, and all that were read, are gone at once, then our account has
# more likely lost a permission than somebody has deleted them.
SUSPICIOUS = 10
REMEMBERED_DOUBLES = 500


@dataclass(frozen=True, slots=True)
class TicketsSweep:
    """The tickets of one site."""

    store: Store
    tracker: Tracker
    clock: Clock
    lag: float = 600.0
    rules: Callable[[], RuleSet] | None = None

    @property
    def name(self) -> str:
        return f"jira:{self.tracker.site}"

    @property
    def overlap(self) -> float:
        """The search may not find a change yet that is younger than the lag of Jira's index."""
        return self.lag + self.tracker.index_lag

    def resting(self) -> str:
        """As ``SiteHealth.resting``."""
        return self.tracker.health.resting()

    def sweep(self, run: Run) -> None:
        """Find what was moved, deleted, closed, edited, unmarked or doubled. Raises Jira's faults."""
        down = self.tracker.health.down()
        if down:
            raise Refused(f"the site {self.tracker.site} is not called now: {down}")
        self._read_open(run, self._read_changed(run))

    def _read_changed(self, run: Run) -> set[str]:
        """Read the tickets that have changed; the Jira ids of all that the search returned."""
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
                if c.ref.id in rows and stamp_in(rows[c.ref.id].seen) != _stamp(c.updated)
            ]
            run.looked(len(page))
            self._read(run, {c.ref.id: _stamp(c.updated) for c in fresh})
            self._doubles(run, [c for c in page if c.ref.id not in rows])
            done.update(c.ref.id for c in page)
        return done

    def _read_open(self, run: Run, done: set[str]) -> None:
        after = int(run.cursor.get("after", 0))
        with self.store.read() as session:
            rows = open_in_jira(session, self.tracker.site, after=after, limit=CALLS * BULK)
        run.cursor["after"] = rows[-1][0] if len(rows) == CALLS * BULK else 0
        ids = [jira_id for _, jira_id in rows if jira_id not in done]
        run.looked(len(ids))
        for start in range(0, len(ids), BULK):
            self._read(run, dict.fromkeys(ids[start : start + BULK]))

    def _read(self, run: Run, stamps: Mapping[str, str | None]) -> None:
        """Read tickets by Jira id, and make those that have drifted due.

        ``stamps`` are the ids, each with the stamp of its last change or None where no search gave one.
        """
        if not stamps:
            return
        run.check()
        run.called()
        shown = self.tracker.read_many(stamps)
        now = self.clock.time()
        with run.session(self.store) as session:
            rows = tickets.by_jira_ids(session, self.tracker.site, stamps, lock=not run.dry)
            lost = _lost_projects(rows, shown)
            for project in sorted(lost):
                run.failed(
                    f"every ticket of project {project} is gone at once; that is more likely a "
                    "permission that was taken away than a clean-up, so nothing is done about it"
                )
            telling = self._telling(session, rows.values())
            for id_, row in sorted(rows.items()):
                observed = shown.get(id_)
                if observed is None:
                    if row.project not in lost:
                        self._report(run, row, [NOT_THERE], stamp_in(row.seen), now)
                    continue
                found = drifts_of(row.key, row.jira_key, Base.from_json(row.base), observed)
                stamp = stamps[id_] or _stamp(observed.updated) or stamp_in(row.seen)
                if not run.dry and row.id in telling and stamp != stamp_in(row.seen):
                    # Comments, for example, are no drift, and may have to be told upstream.
                    tickets.make_due(row, now, "in Jira: it has changed", look=True)
                    run.tally.reasons["looked at for upstream"] += 1
                self._report(run, row, found, stamp, now)

    def _telling(self, session: Session, rows: Iterable[TicketRow]) -> set[int]:
        """Those of the tickets, by row id, of which upstream may have to be told something: once their
        subjects are over, nothing is told of them but what is a drift as well."""
        rules = self.rules() if self.rules is not None else None
        if rules is None or not rules.tells:
            return set()
        ids = {row.id for row in rows if row.id and (rule := rules.get(row.rule)) and rule.tells}
        return open_among(session, ids)

    def _report(self, run: Run, row: TicketRow, found: list[Drift], stamp: str, now: float) -> None:
        fresh = unreported(row.seen, found)
        for one in fresh:
            run.found(FindingKind.WRONG, row.jira_key, one.words)
        if run.dry:
            return
        if fresh:
            tickets.make_due(row, now, f"in Jira: {found[0].words}", look=True)
        row.seen = to_seen(stamp, found)

    def _doubles(self, run: Run, unknown: Sequence[Changed]) -> None:
        """Report unknown tickets that carry the marker of a ticket of ours, each once."""
        marked = {label: one for one in unknown for label in one.labels if is_own_marker(label)}
        reported = list(run.cursor.get("doubles", ()))
        marked = {label: one for label, one in marked.items() if one.ref.id not in reported}
        if not marked:
            return
        with run.session(self.store) as session:
            for id_, key, jira_key in tickets.keys_of_site(session, self.tracker.site):
                double = marked.get(marker_label(key))
                if double is None or double.ref.key == jira_key:
                    continue
                words = (
                    f"{double.ref.key} carries the marker of {jira_key} too; both are left as they "
                    "are: remove the label from the one that is not needed"
                )
                run.found(FindingKind.WRONG, jira_key, words, repaired=False)
                reported.append(double.ref.id)
                if not run.dry:
                    log.warning("several tickets with one marker", kept=jira_key, key=key)
                    entry = journal.Entry("double", words, "warning")
                    journal.write(session, entry, at=self.clock.time(), ticket_id=id_)
        run.cursor["doubles"] = reported[-REMEMBERED_DOUBLES:]


def _stamp(updated: str) -> str:
    return updated.replace("|", " ")[:40]


def _lost_projects(rows: Mapping[str, TicketRow], shown: Mapping[str, Observed | None]) -> set[str]:
    """Projects of which many tickets were asked for and none was returned."""
    asked: dict[str, list[bool]] = {}
    for id_, row in rows.items():
        asked.setdefault(row.project, []).append(shown.get(id_) is not None)
    return {
        project for project, there in asked.items() if len(there) >= SUSPICIOUS and not any(there)
    }
