"""The last days replayed through a draft and through the rules in force, differences first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sync.domain.durations import written
from sync.domain.times import stamp
from sync.operations.errors import NotFound
from sync.operations.rules import drafts
from sync.operations.rules.check import Told, quick
from sync.operations.rules.editing import Editing
from sync.operations.rules.runs import FAILED, Purpose, Run, Runs
from sync.ports import Source
from sync.rules import RuleSet, Texts
from sync.worker.foresight.backtest import BacktestResult
from sync.worker.foresight.backtest import backtest as replay
from sync.worker.rulebook.known import rules_in_force

DAYS = 30.0
_DAY = 86_400.0
KIND = "backtest"
GONE = "That backtest is not kept any more; ask for it again."
NUMBERS = {
    "made": "tickets made",
    "spared": "spared by hold",
    "closed": "times a ticket is closed",
    "reopened": "times a ticket is opened again",
    "grouped": "spared by grouping",
    "umbrellas": "umbrellas of storms",
    "parked": "set aside by a rule that fails",
    "unmatched": "issues and incidents without a rule",
    "impact_unknown": "issues whose impact is not known",
    "announced": "announced upstream",
    "acknowledged": "marked upstream as investigating by themselves",
}
TABLES = {
    "by_project": "Tickets by project",
    "by_rule": "Tickets by rule",
    "walks_by_rule": "Walks by rule: how often its tickets changed",
}


@dataclass(frozen=True, slots=True)
class BacktestLine:
    """One number beside another: ``in_force`` is None where no rules are in force, or none that tell
    upstream; ``draft`` likewise."""

    name: str
    words: str
    in_force: int | None
    draft: int | None

    @property
    def differs(self) -> bool:
        return self.in_force != self.draft


@dataclass(frozen=True, slots=True)
class BacktestTable:
    """Numbers by project or by rule: those that differ first, then the largest."""

    name: str
    words: str
    lines: tuple[BacktestLine, ...]


@dataclass(frozen=True, slots=True)
class BacktestShown:
    """A backtest, finished or not. ``state`` as in ``PlanShown``; ``words`` say what was replayed, or
    why not. ``same``: the draft says what is in force. ``differing`` are the lines of all tables that
    differ."""

    id: str
    state: str
    words: str
    progress: str = ""
    same: bool = False
    totals: tuple[BacktestLine, ...] = ()
    tables: tuple[BacktestTable, ...] = ()
    differing: int = 0
    told: tuple[Told, ...] = ()
    since: str | None = None


def start(
    runs: Runs, at: Editing, sources: Mapping[str, Source], draft: int = 0, days: float = DAYS
) -> BacktestShown:
    """Begin to replay the deliveries of the last days through a draft, or the files on disk for 0, and
    through the rules in force. A backtest of the same draft that is under way is cancelled.

    Raises NotFound and StoreUnavailable.
    """
    texts = drafts.whole(at, draft)

    def work(run: Run) -> BacktestShown:
        return _work_out(at, texts, sources, run, days)

    return _of_run(runs.start(Purpose(at.account.name, KIND, draft), work))


def look(runs: Runs, at: Editing, id_: str) -> BacktestShown:
    """A backtest as far as it is. Raises NotFound."""
    run = runs.get(id_, at.account.name)
    if run is None or run.purpose.kind != KIND:
        raise NotFound(GONE)
    return _of_run(run)


def _of_run(run: Run) -> BacktestShown:
    found = run.shown if isinstance(run.shown, BacktestShown) else BacktestShown(run.id, "", "")
    words = f"No backtest: {run.words}." if run.state == FAILED else found.words
    return replace(found, id=run.id, state=run.state, words=words)


def _work_out(
    at: Editing, texts: Texts, sources: Mapping[str, Source], run: Run, days: float
) -> BacktestShown:
    read = quick(texts, at.files.defaults)
    if read.rules is None:
        count = len(read.told)
        words = f"No backtest: mend {count} {'mistake' if count == 1 else 'mistakes'} first."
        return BacktestShown(run.id, "", words, told=read.told)
    known = rules_in_force(at.files, at.store)
    since = at.now - days * _DAY

    def replayed(rules: RuleSet, of: str) -> BacktestResult:
        def watch(events: int) -> None:
            run.look()
            run.shown = BacktestShown(run.id, "", "", f"{events:,} replayed through {of}")

        return replay(at.store, sources, rules, since, at.now, watch=watch)

    after = replayed(read.rules, "the draft")
    same = known is not None and known.digest == read.rules.digest
    before = after if same else replayed(known, "the rules in force") if known else None
    shown = shown_of(before, after, days, same=same)
    return replace(shown, id=run.id, told=read.told, since=stamp(since))


def shown_of(
    before: BacktestResult | None, after: BacktestResult, days: float, *, same: bool
) -> BacktestShown:
    """Two results beside each other, with the words for them."""
    spoken = "delivery" if after.deliveries == 1 else "deliveries"
    about = "issue or incident" if after.subjects == 1 else "issues and incidents"
    words = (
        f"{after.deliveries:,} {spoken} about {after.subjects:,} {about} in the last "
        f"{written(days * _DAY)}."
    )
    return replace(compared(before, after), words=words, same=same)


def compared(before: BacktestResult | None, after: BacktestResult) -> BacktestShown:
    """Two results beside each other; ``before`` is None where no rules are in force."""
    totals = tuple(
        line
        for name, words in NUMBERS.items()
        if (line := BacktestLine(name, words, getattr(before, name, None), getattr(after, name)))
        and (line.in_force, line.draft) != (None, None)
    )
    tables = tuple(
        BacktestTable(
            name, words, _lines(getattr(before, name) if before else None, getattr(after, name))
        )
        for name, words in TABLES.items()
    )
    every = [*totals, *(line for table in tables for line in table.lines)]
    differing = sum(line.differs for line in every) if before else 0
    return BacktestShown("", "", "", totals=totals, tables=tables, differing=differing)


def _lines(before: Mapping[str, int] | None, after: Mapping[str, int]) -> tuple[BacktestLine, ...]:
    known = before or {}
    found = [
        BacktestLine(
            name, name, known.get(name, 0) if before is not None else None, after.get(name, 0)
        )
        for name in {*known, *after}
    ]

    def order(line: BacktestLine) -> tuple[bool, int, str]:
        return not line.differs, -max(line.in_force or 0, line.draft or 0), line.name

    return tuple(sorted(found, key=order))
