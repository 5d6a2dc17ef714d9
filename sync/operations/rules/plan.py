"""The plan of an edit: what it would do to every open ticket, against what was last known.

A plan is bounded: it gives up after a while with what it has, and ends when a newer one is asked for.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sync.domain.times import lasting, stamp
from sync.operations.errors import NotFound
from sync.operations.rules import drafts
from sync.operations.rules.check import MISTAKE, Told, quick
from sync.operations.rules.counted import Counted, PlanCounts, PlanGroup
from sync.operations.rules.editing import Editing
from sync.operations.rules.runs import (
    CANCELLED,
    COUNTING,
    DONE,
    FAILED,
    WAITING,
    Purpose,
    Run,
    Runs,
)
from sync.operations.rules.shapes import PlanTicket
from sync.ports import Tracker
from sync.rules import RuleSet, Texts
from sync.worker.foresight.forecast import Forecast, TicketForecast, forecast_all
from sync.worker.rulebook.impact import SPREAD_SECONDS, begun_words
from sync.worker.rulebook.known import as_if_in_force, rules_in_force

LONGEST_SECONDS = 20.0
KIND = "plan"
# While a plan is counted, the store is left to deliveries for a moment now and then.
_REST_EVERY = 50
_REST_SECONDS = 0.005
_SAY_EVERY = 0.25
# Calls to Jira for a ticket that changes: it is looked at, written, and looked at again.
_CALLS = 3
GONE = "That plan is not kept any more; count it again."
MORE = 50


@dataclass(frozen=True, slots=True)
class PlanShown:
    """A plan, finished or so far.

    ``state`` is "waiting" (for its turn), "counting", "done", "cancelled" or "failed" (``words`` say
    why). ``at_least``: it gave up before the end. ``tickets`` are shown field by field where they are
    few, ``groups`` otherwise; ``left`` are fields that stay as people set them. ``told`` are mistakes,
    with which there is no plan, and warnings. ``digest`` names the rules and the set of changes, as
    `accept` is bound to it. ``compared`` and ``takes`` are sentences, "" for none; ``notes`` are
    sentences about what is not in the numbers.
    """

    id: str
    state: str
    words: str
    progress: str
    looked_at: int
    total: int
    at_least: bool
    counts: PlanCounts | None = None
    size: int = 0
    tickets: tuple[PlanTicket, ...] = ()
    groups: tuple[PlanGroup, ...] = ()
    left: tuple[PlanGroup, ...] = ()
    told: tuple[Told, ...] = ()
    digest: str = ""
    rules_digest: str = ""
    at: str | None = None
    compared: str = ""
    takes: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person looked at before accepting: the digest of the plan and of its rules, and the tickets
    that it touches: by our key, each with the sort of its change. ``whole``: the plan was counted to its
    end."""

    digest: str
    rules_digest: str
    changes: frozenset[tuple[str, str]]
    whole: bool

    @property
    def touched(self) -> frozenset[str]:
        """The tickets alone."""
        return frozenset(key for key, _ in self.changes)


@dataclass(slots=True)
class _Found:
    """What a run has: the page's part, and all tickets."""

    shown: PlanShown
    counted: Counted


def start(
    runs: Runs,
    at: Editing,
    trackers: Mapping[str, Tracker],
    draft: int = 0,
    *,
    seen: str = "",
    live: bool = False,
) -> PlanShown:
    """Begin to count the plan of a draft, or of the files on disk for 0. A plan of the same draft that
    is under way is cancelled. ``seen`` is the digest of a plan looked at before: tickets that are not
    in that one are marked as new. ``live``: every open ticket is read in Jira, a call for each.

    Raises NotFound and StoreUnavailable.
    """
    texts = drafts.whole(at, draft)
    known = seen_by(runs, at, seen)

    def work(run: Run) -> _Found:
        ground = _Ground(at, trackers, known.touched if known else None, live)
        return _work_out(ground, texts, run)

    run = runs.start(Purpose(at.account.name, KIND, draft), work)
    return _of_run(run)


def look(runs: Runs, at: Editing, id_: str) -> PlanShown:
    """A plan as far as it is counted. Raises NotFound where it is not kept any more."""
    return _of_run(_run(runs, at, id_))


def last(runs: Runs, at: Editing, draft: int = 0) -> PlanShown | None:
    """The plan of a draft that was asked for last, None for none."""
    run = runs.last(Purpose(at.account.name, KIND, draft))
    return _of_run(run) if run else None


def tickets_of(
    runs: Runs, at: Editing, id_: str, group: str, after: int = 0
) -> tuple[PlanTicket, ...]:
    """The next tickets of a group ("" for all), from the number ``after`` on. Raises NotFound."""
    return tuple(_found(runs, at, id_).counted.of_group(group)[after : after + MORE])


def another(runs: Runs, at: Editing, id_: str, group: str) -> PlanTicket:
    """A ticket of a group, taken at random among those with lines. Raises NotFound."""
    found = _found(runs, at, id_).counted.of_group(group)
    with_lines = [one for one in found if one.lines] or found
    if not with_lines:
        raise NotFound(GONE)
    return secrets.choice(with_lines)


COLUMNS = ("ticket", "key", "site", "title", "rule", "where", "what", "waits")


def rows(runs: Runs, at: Editing, id_: str, group: str = "") -> Iterator[tuple[str, ...]]:
    """All tickets of a group ("" for all) as rows with ``COLUMNS``. Raises NotFound."""
    for one in _found(runs, at, id_).counted.of_group(group):
        yield (one.ticket, one.key, one.site, one.title, one.rule, one.where, one.words, one.waits)


def seen_by(runs: Runs, at: Editing, digest: str) -> Seen | None:
    """What the account looked at under this digest, if that is still known."""
    for run in runs.of_account(at.account.name) if digest else ():
        found = run.shown
        if isinstance(found, _Found) and found.shown.digest == digest:
            return _seen(found)
    return None


def plan_now(
    at: Editing, trackers: Mapping[str, Tracker], known: Seen | None = None
) -> tuple[PlanShown, Seen]:
    """The plan of the files on disk, worked out at once. Raises StoreUnavailable."""
    run = Run(Purpose(at.account.name, KIND, 0), lambda _run: None, began=time.monotonic())
    ground = _Ground(at, trackers, known.touched if known else None)
    found = _work_out(ground, at.files.texts(), run)
    return found.shown, _seen(found)


def _seen(found: _Found) -> Seen:
    shown = found.shown
    whole = not shown.at_least and shown.state == DONE
    return Seen(shown.digest, shown.rules_digest, found.counted.changes(), whole)


def _run(runs: Runs, at: Editing, id_: str) -> Run:
    run = runs.get(id_, at.account.name)
    if run is None or run.purpose.kind != KIND:
        raise NotFound(GONE)
    return run


def _found(runs: Runs, at: Editing, id_: str) -> _Found:
    found = _run(runs, at, id_).shown
    if not isinstance(found, _Found):
        raise NotFound(GONE)
    return found


_STATES = {
    WAITING: "Waits for another plan to be counted.",
    COUNTING: "Counting.",
    CANCELLED: "Given up, because a newer plan was asked for.",
}


def _of_run(run: Run) -> PlanShown:
    found = run.shown
    if isinstance(found, _Found):
        words = found.shown.words
        if run.state == FAILED:
            words = f"No plan: {run.words}."
        return replace(found.shown, id=run.id, state=run.state, words=words)
    words = f"No plan: {run.words}." if run.state == FAILED else _STATES.get(run.state, "")
    return PlanShown(run.id, run.state, words, "", 0, 0, False)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a plan is worked out from. ``known``: the tickets that were looked at before."""

    at: Editing
    trackers: Mapping[str, Tracker]
    known: frozenset[str] | None = None
    live: bool = False


def _work_out(ground: _Ground, texts: Texts, run: Run) -> _Found:
    at, counted = ground.at, Counted(ground.known)
    read = quick(texts, at.files.defaults)
    if read.rules is None:
        count = sum(one.level == MISTAKE for one in read.told)
        words = f"No plan: mend {count} {'mistake' if count == 1 else 'mistakes'} first."
        shown = PlanShown(run.id, DONE, words, "", 0, 0, False, told=read.told, at=stamp(at.now))
        return _Found(shown, counted)
    run.look()
    forecast = _forecast(ground, read.rules)
    counting = _Counting(run, forecast, counted)
    whole = counting.to_the_end()
    shown = _shown(run, forecast, counted, whole=whole)
    digest = counted.digest(read.rules.digest)
    return _Found(
        replace(
            shown,
            state=DONE,
            tickets=counted.tickets(),
            groups=counted.groups(),
            left=counted.left(),
            told=read.told,
            digest=digest,
            rules_digest=read.rules.digest,
            at=stamp(at.now),
            compared=f"Compared with {'Jira now' if ground.live else 'what was last known'}.",
            takes=takes(shown.size, ground.trackers),
            notes=tuple(_notes(forecast, at.files.notes())),
        ),
        counted,
    )


def _forecast(ground: _Ground, rules: RuleSet) -> Forecast:
    at = ground.at
    known = rules_in_force(at.files, at.store)
    rules = as_if_in_force(rules, at.store, at.now)
    return forecast_all(at.store, rules, ground.trackers, at.now, live=ground.live, known=known)


class _Counting:
    """Goes through a forecast, says how far it is, and gives up in time."""

    def __init__(self, run: Run, forecast: Forecast, counted: Counted) -> None:
        self._run = run
        self._forecast = forecast
        self._counted = counted
        self._said = 0.0
        forecast.watch = self._watch

    def to_the_end(self) -> bool:
        """Count; whether the end was reached."""
        try:
            for one in self._forecast.tickets:
                self._counted.take(one)
        except TimeoutError:
            return False
        return True

    def _watch(self, one: TicketForecast) -> None:
        self._run.look()
        if self._run.lasted > LONGEST_SECONDS:
            raise TimeoutError
        self._counted.look(one)
        if self._counted.looked_at % _REST_EVERY == 0:
            time.sleep(_REST_SECONDS)
        if self._run.lasted - self._said > _SAY_EVERY:
            self._said = self._run.lasted
            shown = _shown(self._run, self._forecast, self._counted, whole=True)
            self._run.shown = _Found(shown, self._counted)


def _shown(run: Run, forecast: Forecast, counted: Counted, *, whole: bool) -> PlanShown:
    counts = counted.counts(forecast.settled)
    looked, total = forecast.settled + counted.looked_at, forecast.total
    return PlanShown(
        id=run.id,
        state=COUNTING,
        words=sentence(counts, at_least=not whole, total=total),
        progress=f"{looked:,} of {total:,} looked at",
        looked_at=looked,
        total=total,
        at_least=not whole,
        counts=counts,
        size=counts.size,
    )


def sentence(counts: PlanCounts, *, at_least: bool = False, total: int = 0) -> str:
    """The numbers of a plan.

    >>> sentence(PlanCounts(212, 2, 0, 2, 0, 0, 298, 512))
    '212 change, 2 new, 0 moved, 2 set aside, 298 of 512 stay'
    """
    found = (
        f"{counts.change:,} change, {counts.new:,} new, {counts.moved:,} moved, "
        f"{counts.aside:,} set aside"
    )
    if counts.trouble:
        found += f", {counts.trouble:,} could not be worked out"
    if at_least:
        seen = counts.existing + counts.new
        return f"At least {found}: {seen:,} of {total:,} were looked at before it took too long"
    return f"{found}, {counts.stay:,} of {counts.existing:,} stay"


def takes(size: int, trackers: Mapping[str, Tracker]) -> str:
    """How long the workers take for so many tickets, as a sentence; "" for none."""
    if not size:
        return ""
    limits = [pace.limit for one in trackers.values() for pace in one.health.paces()]
    calls = size * _CALLS / min(limits) if limits and min(limits) > 0 else 0.0
    seconds = max(size * SPREAD_SECONDS, calls, 1.0)
    return f"The workers take about {lasting(seconds)} for these; new deliveries go first."


def _notes(forecast: Forecast, folder: list[str]) -> Iterator[str]:
    counts = forecast.counts
    if counts["begin"]:
        yield begun_words(counts["begin"], counts["differ"])
    if forecast.unasked:
        yield f"Not all of them could be compared: {forecast.unasked}"
    if forecast.lacking:
        yield forecast.lacking
    yield from (f"{words[:1].upper()}{words[1:]}." for words in folder)
