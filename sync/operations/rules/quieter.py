"""The line of a rule that would have made the fewest tickets come and go, and what it would have cost.

Each candidate is put into the rule, and the kept deliveries are replayed through the rules that this
gives. What is promised of a line is therefore what a backtest of the rules with that line says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import quantiles

from sync.domain.durations import in_words, written
from sync.domain.times import moment, stamp
from sync.operations.errors import NotFound, Refused
from sync.operations.noise import NEGLIGIBLE, History, NoiseQuery, Spans
from sync.operations.rules import drafts
from sync.operations.rules.check import quick
from sync.operations.rules.draft_view import Draft
from sync.operations.rules.editing import Editing
from sync.operations.rules.put import Put, put
from sync.operations.rules.runs import FAILED, Purpose, Run, Runs
from sync.ports import Source
from sync.rules import Rule, RuleErrors, RuleSet, Texts, parse
from sync.store import deliveries
from sync.store.engine import Store
from sync.worker.foresight.backtest import BacktestResult, backtest
from sync.worker.rulebook.files import RuleFiles

# At most so many deliveries are replayed for each line, the newest, and no further line is begun after
# so many seconds.
MOST_DELIVERIES = 5_000
SECONDS = 60.0
KIND = "noise"
GONE = "That search for a line is not kept any more; ask for it again."
KEYS = ("hold", "close_after", "group_by")
_MINUTE, _HOUR = 60.0, 3600.0
_ROUND = (
    *(5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 12 * _HOUR, 24 * _HOUR),
)
# Nobody wants to wait longer for a ticket, or for its close.
_LONGEST = {"hold": 4 * _HOUR, "close_after": 24 * _HOUR}
_GROUPS = ("trigger", "entity")


@dataclass(frozen=True, slots=True)
class Trial:
    """One line that was tried. ``made`` and ``reopened`` are what a backtest of the rules with the line
    gives, ``fewer`` how many less of both together than without it. ``cost`` says the rest."""

    key: str
    value: str
    text: str
    file: str
    line: int
    instead_of: str
    made: int
    reopened: int
    fewer: int
    cost: str


@dataclass(frozen=True, slots=True)
class Quieter:
    """The lines tried for a rule, the best first. ``best`` is None where no line makes fewer, and where
    no ticket of the rule is ``noisy``: known to be closed without anybody's act, or opened again.

    ``state`` is as in ``PlanShown``. ``since`` and ``until`` (ISO 8601, and in seconds since the epoch)
    are the span that was replayed. ``made`` and ``reopened`` are what the rules on disk give.
    """

    id: str
    state: str
    rule: str
    words: str
    progress: str = ""
    since: str = ""
    until: str = ""
    since_seconds: float = 0.0
    until_seconds: float = 0.0
    deliveries: int = 0
    made: int = 0
    reopened: int = 0
    noisy: bool = False
    trials: tuple[Trial, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> Trial | None:
        # Fewer tickets are no gain where each of them may be needed.
        if not self.noisy:
            return None
        return next((one for one in self.trials if one.fewer > 0), None)


@dataclass(frozen=True, slots=True)
class Replay:
    """What lines are tried on: the kept deliveries of a store, up to ``now`` (seconds since the epoch).
    ``watch`` is called with what is being done, in words; what it raises ends the search."""

    store: Store
    files: RuleFiles
    sources: Mapping[str, Source]
    now: float
    watch: Callable[[str], object] = str


def start(runs: Runs, at: Editing, sources: Mapping[str, Source], query: NoiseQuery) -> Quieter:
    """Begin to look for a line for the rule of the query. Raises Refused and
    StoreUnavailable."""
    _rules(at.files.texts(), at.files, query.rule)
    span = query.seconds

    def work(run: Run) -> Quieter:
        def watch(words: str) -> None:
            run.look()
            run.shown = Quieter(run.id, "", query.rule, "", words)

        return quieter(Replay(at.store, at.files, sources, at.now, watch), query.rule, span)

    return _of_run(runs.start(_purpose(at, query), work), query.rule)


def last(runs: Runs, at: Editing, query: NoiseQuery) -> Quieter | None:
    """The last search of the account for the rule and the span of the query, as far as it is."""
    run = runs.last(_purpose(at, query))
    return _of_run(run, query.rule) if run is not None else None


def _purpose(at: Editing, query: NoiseQuery) -> Purpose:
    return Purpose(at.account.name, f"{KIND}:{query.since}:{query.rule}", 0)


def look(runs: Runs, at: Editing, id_: str) -> Quieter:
    """A search as far as it is. Raises NotFound."""
    run = runs.get(id_, at.account.name)
    kind, *rest = run.purpose.kind.split(":", 2) if run else [""]
    if run is None or kind != KIND:
        raise NotFound(GONE)
    return _of_run(run, rest[1])


def _of_run(run: Run, rule: str) -> Quieter:
    found = run.shown if isinstance(run.shown, Quieter) else Quieter(run.id, "", rule, "")
    words = f"No line was looked for: {run.words}." if run.state == FAILED else found.words
    return replace(found, id=run.id, state=run.state, words=words)


def take_over(at: Editing, rule: str, key: str, value: str) -> tuple[Draft, Put]:
    """A new draft of the rules on disk in which the rule has the line. Raises Refused and
    StoreUnavailable."""
    if key not in KEYS:
        raise Refused(f"There is no line {key!r} to take over. There are: {', '.join(KEYS)}.")
    texts = at.files.texts()
    _, found = _rules(texts, at.files, rule)
    line = _put(texts, found, key, value)
    return drafts.begin(at, {**texts.by_name, line.file: line.whole}), line


def quieter(on: Replay, name: str, span: float) -> Quieter:
    """Try lines for the rule of this name, on the last ``span`` seconds. Raises Refused and
    StoreUnavailable."""
    texts = on.files.texts()
    rules, rule = _rules(texts, on.files, name)
    since = max(on.now - span, _begins(on.store))
    history = History(on.store, on.now - span, on.now, name)
    total = history.total()
    search = _Search(on, since)
    before = search.replayed(rules, "as it is")
    shown = Quieter(
        "",
        "",
        rule.name,
        "",
        since=stamp(since) or "",
        until=stamp(on.now) or "",
        since_seconds=since,
        until_seconds=on.now,
        deliveries=before.deliveries,
        made=before.made,
        reopened=before.reopened,
        noisy=bool(total.unattended or total.reopened),
        notes=tuple(_notes(on, span, since)),
    )
    if not _kept_since(on.store, since, on.now):
        return replace(
            shown, words="No deliveries are kept from that time, so no line can be tried."
        )
    trials, left = search.tried(texts, rule, before, history.spans())
    if left:
        notes = (*shown.notes, f"Not tried for want of time: {', '.join(left)}.")
        shown = replace(shown, notes=notes)
    shown = replace(shown, trials=tuple(trials))
    return replace(shown, words=_words(shown))


def candidates(rule: Rule, spans: Spans) -> Iterator[tuple[str, str]]:
    """The lines to try for a rule, as key and value in TOML. Durations are round ones above what half,
    and nine of ten, of its tickets would have needed."""
    lives, gaps = spans.brief or spans.lives, spans.gaps
    for key, has, measured in (
        ("hold", rule.hold, [life + rule.hold for life in lives]),
        ("close_after", rule.close_after, [gap + rule.close_after for gap in gaps]),
    ):
        for seconds in _durations(measured, _LONGEST[key]):
            if seconds > has:
                yield key, f'"{written(seconds)}"'
    now = rule.grouping.parts if rule.grouping else ()
    for word in _GROUPS:
        if now != (word,):
            yield "group_by", f'"{word}"'


def _durations(measured: list[float], longest: float) -> list[float]:
    if not measured:
        return [10 * _MINUTE, _HOUR]
    tenths = quantiles([*measured, *measured], n=10, method="inclusive")
    above = [next((r for r in _ROUND if r > some), _ROUND[-1]) for some in (tenths[4], tenths[8])]
    return sorted({min(one, longest) for one in above})


class _Search:
    """Replays rules over one span, within a time."""

    def __init__(self, on: Replay, since: float) -> None:
        self._on = on
        self._since = since
        self._over_at = time.monotonic() + SECONDS

    def replayed(self, rules: RuleSet, what: str) -> BacktestResult:
        on = self._on

        def watch(events: int) -> None:
            on.watch(f"{events:,} deliveries replayed through the rule {what}")

        return backtest(on.store, on.sources, rules, self._since, on.now, watch=watch)

    def tried(
        self, texts: Texts, rule: Rule, before: BacktestResult, spans: Spans
    ) -> tuple[list[Trial], list[str]]:
        """The trials, the best first, and the lines for which there was no time."""
        trials, left = [], []
        for key, value in candidates(rule, spans):
            if time.monotonic() > self._over_at:
                left.append(f"{key} = {value}")
                continue
            line = _put(texts, rule, key, value)
            try:
                rules = parse({**texts.by_name, line.file: line.whole}, self._on.files.defaults)
            except RuleErrors:
                # What a rule may say together with the line is for its file's checks to say.
                continue
            after = self.replayed(rules, f"with {key} = {value}")
            trials.append(
                _trial(line, (key, value), rule, rules.get(rule.name) or rule, before, after)
            )
        return sorted(trials, key=lambda one: -one.fewer), left


def _trial(
    line: Put,
    said: tuple[str, str],
    was: Rule,
    now: Rule,
    before: BacktestResult,
    after: BacktestResult,
) -> Trial:
    return Trial(
        *said,
        line.text,
        line.file,
        line.line,
        line.instead_of,
        made=after.made,
        reopened=after.reopened,
        fewer=before.made + before.reopened - after.made - after.reopened,
        cost=_cost(said[0], was, now, before, after),
    )


def _cost(key: str, was: Rule, now: Rule, before: BacktestResult, after: BacktestResult) -> str:
    if key == "hold":
        made = after.by_rule.get(now.name, 0)
        later = in_words(now.hold - was.hold)
        return f"{_count(made, 'ticket')} of the rule would still be made, each {later} later"
    if key == "close_after":
        closes = after.closed_by_rule.get(now.name, 0)
        later = in_words(now.close_after - was.close_after)
        return f"{_count(closes, 'close')} of the rule's tickets would come {later} later"
    sharing = after.grouped - before.grouped
    more = f"{_count(max(0, sharing), 'issue or incident', 'issues and incidents')} more"
    return f"{more} would share a ticket with others"


def _count(number: int, one: str, more: str = "") -> str:
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def _words(shown: Quieter) -> str:
    if not shown.noisy:
        return (
            "No ticket of the rule is known to have been closed without anybody's act, and none was "
            "opened again, so no line is recommended: each ticket may be needed."
        )
    best = shown.best
    if best is None:
        return (
            f"No line that was tried makes fewer than {_count(shown.made, 'ticket')}, opened again "
            f"{_count(shown.reopened, 'time')}."
        )
    return (
        f"With {best.key} = {best.value}, tickets would have been made {_count(best.made, 'time')} "
        f"instead of {shown.made:,}, and opened again {_count(best.reopened, 'time')} instead of "
        f"{shown.reopened:,}. {best.cost}."
    )


def _kept_since(store: Store, since: float, until: float) -> bool:
    """Whether a delivery of this span is kept. What only a sweep found does not show how things came and
    went."""
    with store.read() as session:
        return bool(deliveries.received_between(session, until, after=(since, 0), limit=1))


def _begins(store: Store) -> float:
    with store.read() as session:
        return deliveries.begins(session, MOST_DELIVERIES)


def _notes(on: Replay, span: float, since: float) -> Iterator[str]:
    if since > on.now - span:
        yield (
            f"Only the newest {MOST_DELIVERIES:,} deliveries are replayed, those from {moment(since)} "
            "UTC on."
        )
        return
    with on.store.read() as session:
        oldest = deliveries.oldest(session)
    if oldest is not None and oldest > since + span * NEGLIGIBLE:
        yield (
            f"The oldest delivery that is kept came at {moment(oldest)} UTC (deliveries in [retention] "
            "says how long they are kept)."
        )


def _rules(texts: Texts, files: RuleFiles, name: str) -> tuple[RuleSet, Rule]:
    """The rules on disk, and the one of this name. Raises Refused."""
    read = quick(texts, files.defaults)
    if read.rules is None:
        count = len(read.told)
        first = next(iter(read.told)).words if read.told else ""
        raise Refused(
            f"The rules cannot be read: mend {_count(count, 'mistake')} first. {first}".rstrip()
        )
    rule = read.rules.get(name)
    if rule is None:
        there = ", ".join(one.name for one in read.rules.rules[:20])
        raise Refused(f"There is no rule {name!r} on disk. There are: {there}.")
    return read.rules, rule


def _put(texts: Texts, rule: Rule, key: str, value: str) -> Put:
    return put(texts.by_name, rule, key, value)
