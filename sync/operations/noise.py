"""Noise: tickets that come and go without anybody acting on them, by rule, monitor, table and owner.

Everything is read from the store: what became of tickets from the journal, what they are about from
their subjects. Nobody is asked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from sync.domain.attendance import CLOSED, MADE, REOPENED
from sync.domain.durations import in_words, seconds_in, written
from sync.domain.times import moment, stamp
from sync.operations.errors import Refused
from sync.store import noise as kept
from sync.store import ticket_search
from sync.store.engine import Store
from sync.store.noise import About, Stage

SINCE = "30d"
LONGEST = 3650 * 86_400.0
# What the numbers can be shown by, with the words for it.
BY = {"monitor": "monitor", "table": "table", "owner": "owner", "rule": "rule"}
# A ticket that was closed within so long, unattended, came and went.
SHORT = 86_400.0
UNNAMED = "(none named)"
# What is missing at the beginning of a span is not worth a word below this share of it.
NEGLIGIBLE = 0.01
# Rules for which a line is looked for, and lines of a table on the page.
WORST = 3
PAGE = 50


@dataclass(frozen=True, slots=True)
class NoiseQuery:
    """``since`` is how far to look back, such as "30d" or "12h"; ``by`` one of ``BY``; ``rule`` keeps to
    the tickets of one rule, "" for all."""

    since: str = SINCE
    by: str = "monitor"
    rule: str = ""

    @property
    def seconds(self) -> float:
        """How far to look back. Raises Refused."""
        found = seconds_in(self.since)
        if not found or found > LONGEST:
            raise Refused(f"{self.since!r} is no span of time. Write 30d, 12h or 90m.")
        return found


@dataclass(frozen=True, slots=True)
class NoiseLine:
    """The numbers of one rule, monitor, table or owner.

    ``made``: tickets made. ``spared``: tickets that were not made because their subject ended within the
    rule's hold. ``reopened``: times that we opened a ticket again. ``closed``: times that we closed one.
    ``unattended``: closes before which nobody but us did anything about the ticket since it was made or
    last closed. ``unknown``: closes of which that is not known. ``brief``: unattended closes within a
    day of the ticket's being made or opened again. ``life`` is the median (seconds) from being made or
    opened again to being closed, ``between`` the median from a close to the next time that a ticket of
    the same monitor and table is made or opened again; None where there was none. ``rule`` has most of
    them.
    """

    name: str
    rule: str
    made: int = 0
    spared: int = 0
    reopened: int = 0
    closed: int = 0
    unattended: int = 0
    unknown: int = 0
    brief: int = 0
    life: float | None = None
    between: float | None = None

    @property
    def opened(self) -> int:
        """How often a ticket was made or opened again."""
        return self.made + self.reopened

    @property
    def life_words(self) -> str:
        return "" if self.life is None else in_words(self.life)

    @property
    def between_words(self) -> str:
        return "" if self.between is None else in_words(self.between)


@dataclass(frozen=True, slots=True)
class Noise:
    """What came and went since ``since`` (ISO 8601). ``notes`` say what the numbers leave out. ``rules``
    are the noisiest rules, the worst first. ``lines`` are in the order of ``worst_first``."""

    since: str
    sentence: str
    by: str
    lines: tuple[NoiseLine, ...]
    total: NoiseLine
    notes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(slots=True)
class Spans:
    """What was measured of some tickets: ``lives`` and ``gaps`` in seconds, as in ``NoiseLine``;
    ``brief`` are the lives of unattended tickets."""

    lives: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    brief: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Told:
    """A stage with what it is about. ``life`` and ``gap`` belong to a close and to an opening."""

    stage: Stage
    names: Mapping[str, Sequence[str]]
    life: float | None = None
    gap: float | None = None

    @property
    def brief(self) -> bool:
        known = self.life is not None and self.stage.attended is False
        return known and (self.life or 0.0) <= SHORT


class History:
    """The stages of a span, read once. ``about`` of what rule: "" for all."""

    def __init__(self, store: Store, since: float, until: float, rule: str = "") -> None:
        with store.read() as session:
            self.since = kept.begins(session, since)
            self.oldest = kept.oldest_entry(session)
            self.asked, self.until = since, until
            found = [
                t for t in kept.stages(session, self.since, until) if not rule or t.rule == rule
            ]
            self.about = defaultdict[int, list[About]](list)
            for one in kept.about(session, {stage.ticket_id for stage in found}):
                self.about[one.ticket_id].append(one)
        self.moved = sum(stage.what == kept.MOVED for stage in found)
        self.told = self._told([stage for stage in found if stage.what != kept.MOVED])

    def _told(self, stages: Iterable[Stage]) -> list[_Told]:
        opened: dict[int, float] = {}
        ended: dict[object, float] = {}
        told = []
        for stage in stages:
            subjects = self.about.get(stage.ticket_id, [])
            # What flaps is a monitor on a table, on whichever ticket.
            lineage = frozenset((s.monitor, s.table) for s in subjects) or stage.ticket_id
            life = gap = None
            if stage.what in (MADE, REOPENED):
                opened[stage.ticket_id] = stage.at
                gap = stage.at - ended[lineage] if lineage in ended else None
            elif stage.what == CLOSED:
                began = opened.pop(stage.ticket_id, None)
                life = None if began is None else stage.at - began
                ended[lineage] = stage.at
            told.append(_Told(stage, _names(stage, subjects), life, gap))
        return told

    @property
    def begins_late(self) -> bool:
        """Whether the journal does not reach back to where it was asked for."""
        negligible = (self.until - self.asked) * NEGLIGIBLE
        return self.oldest is not None and self.oldest > self.asked + negligible

    def total(self) -> NoiseLine:
        """All tickets in one line."""
        return _line("", self.told)

    def spans(self) -> Spans:
        """What was measured of all tickets."""
        return _spans(self.told)


def _names(stage: Stage, subjects: Sequence[About]) -> Mapping[str, Sequence[str]]:
    def some(names: Iterable[str]) -> list[str]:
        return sorted({name for name in names if name}) or [UNNAMED]

    return {
        "rule": [stage.rule or UNNAMED],
        "monitor": some(s.monitor for s in subjects),
        "table": some(s.table for s in subjects),
        "owner": some(owner for s in subjects for owner in s.owners),
    }


def noise(store: Store, query: NoiseQuery, now: float) -> Noise:
    """What came and went. Raises Refused for a span or a ``by`` that is none and for a rule that never
    had a ticket, and StoreUnavailable."""
    return noise_by(store, query, now, (query.by,))[0]


def noise_by(
    store: Store, query: NoiseQuery, now: float, by: Sequence[str] = tuple(BY)
) -> tuple[Noise, ...]:
    """The same by several things, read from the store once."""
    for one in by:
        if one not in BY:
            raise Refused(f"There is no {one!r} to go by. There are: {', '.join(BY)}.")
    since = now - query.seconds
    if query.rule:
        _known(store, query.rule)
    history = History(store, since, now, query.rule)
    rules = _lines(history.told, "rule")
    return tuple(
        _noise(
            history,
            rules if one == "rule" else _lines(history.told, one),
            replace(query, by=one),
            rules,
        )
        for one in by
    )


def _noise(
    history: History, lines: tuple[NoiseLine, ...], query: NoiseQuery, rules: tuple[NoiseLine, ...]
) -> Noise:
    total = history.total()
    return Noise(
        since=stamp(history.since) or "",
        sentence=_sentence(lines, total, query),
        by=query.by,
        lines=lines,
        total=total,
        notes=tuple(_notes(history, total)),
        rules=tuple(line.name for line in rules if line.opened and line.name != UNNAMED)[:WORST],
    )


def worst_first(line: NoiseLine) -> tuple[object, ...]:
    """The order of lines, with the worst flapper at the top: first what came and went most often within
    a day without anybody acting, then what was made or opened again most often, then what lived
    shortest. What names nothing to go by comes last."""
    life = line.life if line.life is not None else LONGEST
    return line.name == UNNAMED, -line.brief, -line.opened, life, -line.spared, line.name


def _known(store: Store, rule: str) -> None:
    with store.read() as session:
        names = [name for name, _ in ticket_search.rules(session)]
    if rule not in names:
        there = f"There are: {', '.join(names[:20])}." if names else "No rule has one yet."
        raise Refused(f"No rule {rule!r} has made a ticket. {there}")


def _lines(told: Iterable[_Told], by: str) -> tuple[NoiseLine, ...]:
    groups: dict[str, list[_Told]] = defaultdict(list)
    for one in told:
        for name in one.names[by]:
            groups[name].append(one)
    return tuple(sorted((_line(name, some) for name, some in groups.items()), key=worst_first))


def _line(name: str, told: Sequence[_Told]) -> NoiseLine:
    what = Counter(one.stage.what for one in told)
    closes = [one.stage.attended for one in told if one.stage.what == CLOSED]
    spans, rules = _spans(told), Counter(one.stage.rule for one in told)
    return NoiseLine(
        name=name,
        rule=rules.most_common(1)[0][0] if rules else "",
        made=what[MADE],
        spared=what[kept.SPARED],
        reopened=what[REOPENED],
        closed=what[CLOSED],
        unattended=closes.count(False),
        unknown=closes.count(None),
        brief=len(spans.brief),
        life=median(spans.lives) if spans.lives else None,
        between=median(spans.gaps) if spans.gaps else None,
    )


def _spans(told: Iterable[_Told]) -> Spans:
    found = Spans()
    for one in told:
        if one.life is not None:
            found.lives.append(one.life)
        if one.gap is not None:
            found.gaps.append(one.gap)
        if one.brief:
            found.brief.append(one.life or 0.0)
    return found


def _sentence(lines: Sequence[NoiseLine], total: NoiseLine, query: NoiseQuery) -> str:
    span = f"in the last {written(query.seconds)}"
    if not total.opened and not total.spared:
        return f"No ticket came or went {span}"
    worst = next((line for line in lines if line.brief > 1 and line.name != UNNAMED), None)
    if worst is not None:
        return f"{worst.name} came and went {worst.brief:,} times {span}, and nobody acted"
    if total.brief:
        return f"{_times(total.brief, 'ticket')} came and went unattended {span}"
    return f"{_times(total.opened, 'time')} a ticket was made or opened again {span}"


def _times(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _notes(history: History, total: NoiseLine) -> Iterable[str]:
    if history.since > history.asked:
        yield (
            f"Only the newest {kept.MOST_ENTRIES:,} entries of the journal are counted, those from "
            f"{moment(history.since)} UTC on."
        )
    elif history.begins_late:
        yield (
            f"The journal begins at {moment(history.oldest)} UTC: what was before is not counted "
            "(journal in [retention] says how long it is kept)."
        )
    if history.moved:
        yield (
            f"{_times(history.moved, 'move')} of an earlier version of ticket-sync left no record of "
            "whether they closed a ticket or opened it again; they are not counted."
        )
    if total.unknown:
        yield (
            f"Of {_times(total.unknown, 'close')} it is not known whether anybody acted: these tickets "
            "have not been watched since they were made."
        )
