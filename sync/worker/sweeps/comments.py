"""Comments upstream: read in turn, because a comment may change nothing else of its subject.

Webhooks do not carry comments, and a new one need not raise the time of the subject's last update. So
each run of the sweeps of upstream also reads a number of open subjects whose rules ask for comments,
and the next run goes on after them: of all these subjects it is always the turn of those that were not
read for the longest time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sync.domain.subject import Kind
from sync.ports import SourceApi
from sync.rules import COMMENTS, RuleSet
from sync.store.engine import Store
from sync.store.open_items import open_on_tickets_of
from sync.worker.sweeps.intake import take_in
from sync.worker.sweeps.run import Run
from sync.worker.triage.batch import Triage

# Subjects in one call, and calls in one run.
BULK = 100
CALLS = 10
_CURSOR = "comments"


@dataclass(frozen=True, slots=True)
class Comments:
    """Reads subjects of one kind. Where no rule asks for comments, nothing is read and nothing asked."""

    store: Store
    triage: Triage
    api: SourceApi
    rules: Callable[[], RuleSet]
    kind: Kind

    def read(self, run: Run, seen: Collection[str]) -> None:
        """Read the subjects whose turn it is, without those whose ids are in ``seen``: this run has
        read them already. Raises the faults of the API; a run that fails goes on where it stopped."""
        names = [rule.name for rule in self.rules().rules if rule.asks(COMMENTS)]
        if not names:
            run.cursor.pop(_CURSOR, None)
            return
        ask = self.api.issues if self.kind is Kind.ISSUE else self.api.incidents
        for _ in range(CALLS):
            with self.store.read() as session:
                found = open_on_tickets_of(
                    session,
                    names,
                    (self.api.name, self.kind.value),
                    after=str(run.cursor.get(_CURSOR, "")),
                    limit=BULK,
                )
            ids = [ref.id for ref in found if ref.id not in seen]
            if ids:
                run.check()
                run.called()
                take_in(run, self.store, self.triage, ask(ids))
            run.cursor[_CURSOR] = str(found[-1]) if len(found) == BULK else ""
            run.reached(run.window.until)
            if len(found) < BULK:
                return
