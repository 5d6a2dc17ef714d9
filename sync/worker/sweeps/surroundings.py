"""What is around issues: asked for in turn, where triage could not ask, or rules ask for it only now."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sync.domain.subject import Kind, Snapshot, merge_from_api
from sync.ports import SourceApi
from sync.rules import RuleSet
from sync.store import subjects
from sync.store.engine import Store
from sync.store.slate import Slate
from sync.worker.sweeps.run import Run
from sync.worker.triage.asking import Answers
from sync.worker.triage.batch import Triage
from sync.worker.triage.wanted import asks_around

# Issues that are looked at together, and such groups in one run.
BULK = 100
GROUPS = 10
_CURSOR = "surroundings"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Looks at open issues of one source. Where no rule asks for what is around issues, none is read,
    and only what is not known is asked for."""

    store: Store
    triage: Triage
    api: SourceApi
    rules: Callable[[], RuleSet]

    def read(self, run: Run) -> None:
        """Ask about the issues whose turn it is. What cannot be asked is noted. Where that can be asked
        later, the next run goes on there."""
        if not asks_around(self.rules()) or run.dry:
            run.cursor.pop(_CURSOR, None)
            return
        for _ in range(GROUPS):
            run.check()
            found = self._group(str(run.cursor.get(_CURSOR, "")))
            learnt, answers = self._ask(run, found)
            if answers.wanting and learnt:
                continue  # There were more questions than time: the same issues once more.
            for words in filter(None, (answers.words(str(one.ref)) for one in found)):
                run.note(words)
            if answers.wanting:
                return
            run.cursor[_CURSOR] = str(found[-1].ref) if len(found) == BULK else ""
            run.reached(run.window.until)
            if len(found) < BULK:
                return

    def _group(self, after: str) -> list[Snapshot]:
        """The next open issues by reference, after the one that is named."""
        first = f"{self.api.name}:{Kind.ISSUE.value}:"
        with self.store.read() as session:
            rows = subjects.open_and_known_before(
                session, math.inf, after=max(after, first), limit=BULK
            )
            return [subjects.to_snapshot(row) for row in rows if row.ref.startswith(first)]

    def _ask(self, run: Run, issues: list[Snapshot]) -> tuple[int, Answers]:
        """Ask for what is not known of some issues. How much was learnt, and all answers."""
        answers = self.triage.ask_around(issues)
        if answers.around:
            run.called()

            def decide(slate: Slate) -> None:
                self.triage.merge(slate, issues, merge=merge_from_api, learnt=answers)

            self.triage.decided(decide)
        learnt = sum(not isinstance(one, str) for one in answers.around.values())
        run.tally.reasons["learnt"] += learnt
        return learnt, answers
