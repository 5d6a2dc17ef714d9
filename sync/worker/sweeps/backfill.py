"""Backfill: what happened upstream before ticket-sync ran, brought in behind live traffic.

The window is done in slices, oldest first. The watermark moves after each slice, so a backfill that was
killed goes on where it was. Each ticket gets a due time of its own in the future; live traffic is due
at once and goes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync.domain.errors import Cause, Rejected
from sync.domain.subject import Snapshot
from sync.ports import Clock, SourceApi
from sync.rules import RuleSet, Undecided
from sync.store import subjects
from sync.store.engine import Store
from sync.worker.sweeps.intake import take_in, with_workspace
from sync.worker.sweeps.run import Run, Window
from sync.worker.sweeps.upstream import issue_pages, pieces, slices
from sync.worker.triage.batch import Triage

SLICE_SECONDS = 3 * 3600.0


@dataclass(frozen=True, slots=True)
class Backfill:
    """Everything that was updated since ``since`` (seconds since the epoch).

    ``rule`` limits the backfill to subjects that this rule matches, ``open_only`` to subjects that are
    open or known already. ``rate`` is how many tickets become due in a second. ``progress`` is called
    with the part of the window that is done (0 to 1) and the number of subjects looked at.
    """

    store: Store
    triage: Triage
    api: SourceApi
    rules: Callable[[], RuleSet]
    clock: Clock
    since: float
    rule: str = ""
    open_only: bool = False
    rate: float = 5.0
    progress: Callable[[float, int], None] = lambda _done, _looked: None
    overlap: float = field(default=0.0, init=False)

    @property
    def name(self) -> str:
        return f"backfill:{self.rule}" if self.rule else "backfill"

    def window(self, value: Mapping[str, Any], now: float) -> Window:
        """The rest of an unfinished backfill, if that reaches as far back, else everything."""
        cursor = value.get("cursor", {})
        unfinished = "since" in cursor and not cursor.get("done")
        # The same `--since 30d` means a little later at each start.
        if unfinished and cursor["since"] <= self.since:
            return Window(float(value["until"]), now)
        return Window(self.since, now)

    def sweep(self, run: Run) -> None:
        """Bring in what is not known yet. Raises the faults of the API."""
        began = run.cursor.get("since", self.since)
        fresh = run.cursor.get("done", True) or run.window.since <= self.since
        since = self.since if fresh else float(began)
        slot = max(self.clock.time(), float(run.cursor.get("slot", 0.0)))
        run.cursor.clear()
        run.cursor.update(since=since, slot=slot, done=False)

        def next_slot() -> float:
            run.cursor["slot"] = max(self.clock.time(), run.cursor["slot"]) + 1.0 / self.rate
            return float(run.cursor["slot"])

        # The API takes whole seconds, so what was updated between two slices is in both.
        seen: set[str] = set()
        with_incidents = True
        span = max(1.0, run.window.until - since)
        for part in slices(run.window, SLICE_SECONDS):
            for page in issue_pages(run, self.api, part, seen):
                take_in(run, self.store, self.triage, self._wanted(run, page), slots=next_slot)
                self.progress((part.since - since) / span, run.tally.looked)
            if with_incidents:
                with_incidents = self._incidents(run, part, next_slot, seen)
            run.reached(part.until)
            self.progress((part.until - since) / span, run.tally.looked)
        run.cursor["done"] = True

    def _incidents(
        self, run: Run, part: Window, slots: Callable[[], float], seen: set[str]
    ) -> bool:
        """Bring in the incidents of a slice. False where our credentials do not allow it."""
        run.check()
        run.called()
        try:
            updated = self.api.incidents_updated(part.since, part.until)
        except Rejected as fault:
            if fault.cause is not Cause.PERMISSION:
                raise
            run.note(f"incidents are left out: {fault}")
            return False
        found = [one for one in updated if str(one.ref) not in seen]
        seen.update(str(one.ref) for one in found)
        for some in pieces(found):
            take_in(run, self.store, self.triage, self._wanted(run, some), slots=slots)
        return True

    def _wanted(self, run: Run, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
        wanted = with_workspace(self.store, snapshots)
        if self.open_only:
            with self.store.read() as session:
                known = subjects.load(session, [str(s.ref) for s in wanted if s.status.ended])
            wanted = [s for s in wanted if not s.status.ended or str(s.ref) in known]
        rules, kept = self.rules(), []
        for snapshot in wanted:
            name, reason = _matching(rules, snapshot)
            if self.rule and name != self.rule:
                continue
            run.tally.reasons[reason] += 1
            kept.append(snapshot)
        return kept


def _matching(rules: RuleSet, snapshot: Snapshot) -> tuple[str, str]:
    """The name of the rule that matches, "" for none or where that is undecided; and that in words."""
    try:
        rule = rules.match(snapshot)
    except Undecided:
        return "", "which rule is undecided"
    return (rule.name, f"rule {rule.name}") if rule else ("", "no rule")
