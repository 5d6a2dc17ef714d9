"""Counting what a plan would do: by sort, by shape, and ticket by ticket, in little room."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

from sync.operations.rules.shapes import (
    ASIDE,
    CHANGE,
    CREATE,
    LEFT,
    MOVE,
    REOPEN,
    SIGNS,
    SORTS,
    TELL,
    TROUBLE,
    PlanTicket,
    Shape,
    left_of,
    shape_of,
    ticket_of,
)
from sync.worker.foresight.forecast import Forecast, TicketForecast

# So many tickets are each shown field by field; more are shown in groups.
OPEN_TICKETS = 20
# Of so many tickets of a group, and of so many in all, the lines are kept.
_WITH_LINES = 200
_WITH_LINES_IN_ALL = 4000
# Kinds of one ticket each are one row where there are more than so many.
_FOLD_FROM = 3
# Sorts whose groups are open from the beginning, the first of them.
_HARM = (ASIDE, TROUBLE, REOPEN, MOVE, CREATE)


@dataclass(frozen=True, slots=True)
class PlanCounts:
    """Numbers of tickets. ``stay`` of the ``existing`` ones stay as they are; ``size`` is what
    `large_edit` is compared with. ``left`` have fields that stay as people set them."""

    change: int
    new: int
    moved: int
    aside: int
    trouble: int
    left: int
    stay: int
    existing: int

    @property
    def size(self) -> int:
        return self.change + self.new + self.moved + self.aside


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """Tickets with the same change, as one row. ``sign`` and ``words`` say what would be done, ``where``
    is the line of the rules, "" where there are several. ``tickets`` are shown from the beginning where
    the group is ``open``: all, or an example. ``folded`` is how many kinds of one ticket each the row
    stands for, 0 for a group of one kind."""

    id: str
    sort: str
    sign: str
    words: str
    number: int
    where: str
    open: bool
    tickets: tuple[PlanTicket, ...]
    folded: int = 0


@dataclass(slots=True)
class _Group:
    shape: Shape
    tickets: list[PlanTicket] = field(default_factory=list)
    places: set[str] = field(default_factory=set)
    # One text for all tickets of the group, which may be many.
    words: str = ""

    def __post_init__(self) -> None:
        self.words = self.shape.words

    @property
    def where(self) -> str:
        return next(iter(self.places)) if len(self.places) == 1 else ""


class Counted:
    """What is counted so far."""

    def __init__(self, seen: frozenset[str] | None = None) -> None:
        self._seen = seen
        self._groups: dict[tuple[str, tuple[str, ...]], _Group] = {}
        self._left: dict[str, _Group] = {}
        self._left_tickets = 0
        self._by_sort = dict.fromkeys(SORTS, 0)
        self._lines = 0
        self.looked_at = 0

    def look(self, one: TicketForecast) -> None:
        """Take in a ticket, whether or not anything would be done to it."""
        self.looked_at += 1
        kept = left_of(one)
        self._left_tickets += bool(kept)
        for name in kept:
            shape = Shape(LEFT, (f"Left as people set it: {name}",))
            self._put(self._left.setdefault(name, _Group(shape)), one, shape)

    def take(self, one: TicketForecast) -> None:
        """Take in a ticket to which something would be done."""
        shape = shape_of(one)
        self._by_sort[shape.sort] += 1
        group = self._groups.setdefault((shape.sort, shape.kinds), _Group(shape))
        self._put(group, one, shape)

    def _put(self, group: _Group, one: TicketForecast, shape: Shape) -> None:
        lines = len(group.tickets) < _WITH_LINES and self._lines < _WITH_LINES_IN_ALL
        self._lines += lines
        ticket = ticket_of(one, shape.sort, group.words, with_lines=lines)
        if self._seen is not None and one.key not in self._seen:
            ticket = replace(ticket, new=True)
        group.tickets.append(ticket)
        if len(group.places) < 2:
            group.places.add(shape.where or one.rule.where)

    def counts(self, settled: int) -> PlanCounts:
        """The numbers. ``settled`` tickets needed no look."""
        by = self._by_sort
        new, aside, trouble = by[CREATE], by[ASIDE], by[TROUBLE]
        change, moved = by[CHANGE] + by[TELL], by[MOVE] + by[REOPEN]
        existing = settled + self.looked_at - new
        stay = existing - change - moved - aside - trouble
        left = self._left_tickets
        return PlanCounts(change, new, moved, aside, trouble, left, stay, existing)

    def changes(self) -> frozenset[tuple[str, str]]:
        """The tickets that would be changed, made or set aside: our key of each, and the sort."""
        return frozenset(
            (one.key, sort)
            for (sort, _), group in self._groups.items()
            if sort != LEFT
            for one in group.tickets
        )

    def digest(self, rules: str) -> str:
        """The digest of the rules and of what they would do to each ticket."""
        found = sorted(
            f"{one.key}\n{sort} {', '.join(kinds)}"
            for (sort, kinds), group in self._groups.items()
            for one in group.tickets
        )
        text = "\n".join([rules, *found])
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]

    def tickets(self) -> tuple[PlanTicket, ...]:
        """All tickets, what can hurt first, if they are few."""
        groups = self._ordered()
        if sum(len(group.tickets) for group in groups) > OPEN_TICKETS:
            return ()
        return tuple(one for group in groups for one in group.tickets)

    def groups(self) -> tuple[PlanGroup, ...]:
        """The groups: what can hurt first, then the rarest."""
        groups = self._ordered()
        singles = _singles(groups)
        kept = [group for group in groups if group not in singles]
        harm = next((group for group in kept if group.shape.sort in _HARM), None)
        largest = max(kept, key=lambda group: len(group.tickets), default=None)
        shown = [_shown(group, is_open=group in (harm, largest)) for group in kept]
        if singles:
            shown.append(_folded([one for group in singles for one in group.tickets]))
        return tuple(shown)

    def left(self) -> tuple[PlanGroup, ...]:
        """Fields that stay as people set them, the most frequent first."""
        groups = sorted(self._left.values(), key=lambda group: -len(group.tickets))
        return tuple(_shown(group, is_open=False) for group in groups)

    def of_group(self, id_: str) -> list[PlanTicket]:
        """The tickets of one group, all for "", in the order of the plan."""
        groups = self._ordered()
        if not id_:
            return [one for group in groups for one in group.tickets]
        if id_ == _FOLDED:
            return [group.tickets[0] for group in _singles(groups)]
        found = (g for g in (*groups, *self._left.values()) if _id_of(g.shape) == id_)
        group = next(found, None)
        return list(group.tickets) if group else []

    def _ordered(self) -> list[_Group]:
        def order(group: _Group) -> tuple[int, int, str]:
            return SORTS.index(group.shape.sort), len(group.tickets), group.shape.words

        return sorted(self._groups.values(), key=order)


_FOLDED = "single"


def _singles(groups: list[_Group]) -> list[_Group]:
    """The harmless groups of one ticket each, if there are so many that they are one row."""
    found = [g for g in groups if len(g.tickets) == 1 and g.shape.sort in (CHANGE, TELL, LEFT)]
    return found if len(found) > _FOLD_FROM else []


def _id_of(shape: Shape) -> str:
    text = f"{shape.sort}\n{shape.words}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def _shown(group: _Group, *, is_open: bool) -> PlanGroup:
    shape, number = group.shape, len(group.tickets)
    most = OPEN_TICKETS if shape.sort in (ASIDE, TROUBLE) else 1
    tickets = tuple(group.tickets[:most]) if is_open else ()
    about = shape.sort, SIGNS[shape.sort], shape.words
    return PlanGroup(_id_of(shape), *about, number, group.where, is_open, tickets)


def _folded(tickets: list[PlanTicket]) -> PlanGroup:
    count = len(tickets)
    words = f"{count} further kinds of change, each of one ticket"
    return PlanGroup(_FOLDED, CHANGE, SIGNS[CHANGE], words, count, "", False, (), count)


def count_all(found: Forecast, into: Counted) -> None:
    """Count a whole forecast."""
    found.watch = into.look
    for one in found.tickets:
        into.take(one)
