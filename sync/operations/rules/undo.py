"""Undoing the last edit of the rules: a plan, ticket by ticket and field by field, and the act.

An undo writes the rule files as they were before the edit. Besides, each ticket that the edit changed is
walked, and gets back what it had, where neither a person nor upstream has changed it since.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from sync.domain.durations import in_words
from sync.domain.errors import Fault, Missing, Rejected
from sync.domain.former import Former
from sync.domain.times import stamp
from sync.domain.undo import Judged, Verdict
from sync.operations.acts import Act, Done, perform
from sync.operations.errors import Changed, NotFound, Refused
from sync.operations.rules.editing import Editing
from sync.operations.rules.save import READ_ONLY, REVERT, WAITS, write_version
from sync.ports import Tracker
from sync.rules import RuleErrors, RuleSet
from sync.store import edit_progress, journal, rule_versions, rulebook, tickets
from sync.store.admin_tables import RuleVersionRow
from sync.worker.rulebook.folder import why_not_writable
from sync.worker.walk.facts import Facts, gather_all, rule_for
from sync.worker.walk.foresee import Foresight

THREADS = 8
# A page waits at most so long (seconds) for Jira to show all tickets.
PATIENCE = 20.0
_PAGE = 100
NO_EDIT = "There is no edit to undo: the rules in force are the first."
LOOKED_FOR = "The tickets of the edit are still being looked for. Try in a moment."
CANNOT_BE_UNDONE = (
    "What cannot be undone stays: tickets that were made, comments, and what upstream was told. Links "
    "follow the rules."
)
_WORDS = {
    Verdict.BACK: "put back",
    Verdict.PERSON: "left to people",
    Verdict.UPSTREAM: "left to the rules",
    Verdict.CANNOT: "cannot be put back",
    Verdict.THERE: "as before already",
}


@dataclass(frozen=True, slots=True)
class UndoPart:
    """A field of a ticket, or its status. ``verdict`` is "back", "there", "person", "upstream" or
    "cannot" (``Verdict``), ``before`` what it was before the edit, ``now`` what Jira shows."""

    name: str
    verdict: str
    before: str
    now: str
    words: str


@dataclass(frozen=True, slots=True)
class UndoTicket:
    """A ticket that the edit changed: our ``key``, its Jira key and address. ``trouble`` says why it is
    not known what would be put back, "" for nothing."""

    key: str
    ticket: str
    title: str
    address: str
    parts: tuple[UndoPart, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What undoing the last edit would do now.

    ``version`` is that of the edit, ``to`` the one before; ``at`` and ``account`` say when and by whom
    it came into force. ``counts`` has the number of fields by verdict and, as ``tickets``, that of the
    tickets of which something is put back. ``whole``: all tickets were looked at. ``why_not`` says what
    stands against the undo, "" for nothing.
    """

    version: int
    to: int
    at: str | None
    account: str
    words: str
    tickets: tuple[UndoTicket, ...]
    counts: Mapping[str, int]
    whole: bool
    notes: tuple[str, ...]
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """For how long the journal is kept, and how long a plan may take (both in seconds)."""

    kept: float = math.inf
    patience: float = math.inf


@dataclass(frozen=True, slots=True)
class _Edit:
    """The edit in force, the version before it, and the rules of that version."""

    row: RuleVersionRow
    before: RuleVersionRow
    rules: RuleSet

    @property
    def version(self) -> int:
        return self.row.id or 0


def plan(at: Editing, trackers: Mapping[str, Tracker], bounds: Bounds | None = None) -> UndoPlan:
    """What undoing the last edit would do. Each ticket that the edit changed is read in Jira.

    Raises NotFound where there is no edit, Refused where it cannot be undone now, and StoreUnavailable.
    """
    bounds = bounds or Bounds()
    edit, until = _edit(at, bounds), time.monotonic() + bounds.patience
    looks = _Looks(at, trackers, edit)
    found: list[UndoTicket] = []
    whole = True
    with ThreadPoolExecutor(THREADS, "undo") as pool:
        for page in looks.pages():
            if time.monotonic() > until:
                whole = False
                break
            found += filter(None, pool.map(looks.ticket, page))
    counts = Counter(part.verdict for one in found for part in one.parts)
    touched = sum(any(p.verdict == Verdict.BACK for p in one.parts) for one in found)
    return UndoPlan(
        edit.version,
        edit.before.id or 0,
        stamp(edit.row.at),
        edit.row.account or "on disk",
        _sentence(edit.version, touched, counts),
        tuple(found),
        {**{one.value: counts[one.value] for one in Verdict}, "tickets": touched},
        whole,
        tuple(filter(None, (_made(edit), looks.waiting(), _unlooked(whole), CANNOT_BE_UNDONE))),
        _read_only(at),
    )


def undo(at: Editing, bounds: Bounds | None = None, *, version: int = 0) -> Done:
    """Undo the last edit: the files are written as they were before it, and the tickets that it changed
    get back what they had. ``version`` is the edit whose plan was looked at, 0 for whichever.

    Raises as ``plan`` and ``revert`` do, and Changed where another edit came into force since.
    """

    def work() -> str:
        edit = _edit(at, bounds or Bounds())
        if version not in (0, edit.version):
            raise Changed(
                f"Version {edit.version} of the rules came into force since you looked at the plan for "
                f"version {version}. Look at the new plan."
            )
        words = write_version(at, edit.before.id or 0, edit.version)
        return f"{words} What the edit changed in tickets is put back as they are walked."

    return perform(at.store, at.account, Act(REVERT, "undo"), work, at.now)


def _edit(at: Editing, bounds: Bounds) -> _Edit:
    with at.store.read() as session:
        known = rulebook.in_force(session)
        row = rule_versions.edit_in_force(session, known.digest) if known else None
        before = rule_versions.before_in_force(session, known.digest) if known else None
    if known is None or row is None or before is None:
        raise NotFound(NO_EDIT)
    if dict(at.files.texts().by_name) != dict(known.texts):
        raise Refused(WAITS)
    if known.previous is not None:
        raise Refused(LOOKED_FOR)
    if row.at < at.now - bounds.kept:
        raise Refused(
            f"The last edit came into force {in_words(at.now - row.at)} ago, and what it changed is "
            f"kept for {in_words(bounds.kept)} (journal in [retention]). `rules revert` without --undo "
            "brings the tickets to what the former rules ask."
        )
    try:
        rules = at.files.parse(before.texts)
    except RuleErrors as error:
        raise Refused(
            f"Version {before.id} of the rules cannot be used any more: {error.mistakes[0]}"
        ) from None
    return _Edit(row, before, rules.told_since(rules.tellings(known.telling, at.now)))


class _Looks:
    """The tickets that an edit changed, each looked at in Jira."""

    def __init__(self, at: Editing, trackers: Mapping[str, Tracker], edit: _Edit) -> None:
        self._store = at.store
        self._edit = edit
        self._trackers = trackers
        self._foresight = Foresight(edit.rules, trackers, at.now, live=True)
        self._down: dict[str, str] = {}
        self._open = 0

    def pages(self) -> Iterator[list[Facts]]:
        """The tickets, with what was kept of them."""
        after, version = 0, self._edit.version
        while True:
            with self._store.read() as session:
                ids = edit_progress.followers(session, version, after=after, limit=_PAGE)
                kept = journal.kept(session, ids, version)
                rows = tickets.records(session, ids)
                page = list(gather_all(session, rows))
            if not ids:
                return
            after = ids[-1]
            self._open += sum(row.edit_open for row in rows)
            yield [_with_former(f, kept[f.ticket_id]) for f in page if f.ticket_id in kept]

    def waiting(self) -> str:
        """How many tickets have not followed the edit, as a sentence; "" for none."""
        if not self._open:
            return ""
        have = "has" if self._open == 1 else "have"
        return f"{_tickets(self._open)} {have} not followed the edit to the end yet."

    def ticket(self, facts: Facts) -> UndoTicket:
        """What would be put back on one ticket."""
        title = next((str(s.payload.get("title", "")) for s in facts.snapshots), "")
        key = facts.ref.key if facts.ref else ""
        tracker = self._trackers.get(facts.site)
        address = tracker.browse_url(key) if tracker and key else ""
        found = UndoTicket(facts.key, key, title, address)
        if facts.ref is None:
            return replace(found, trouble="it is not in Jira any more")
        if facts.site in self._down:
            return replace(found, trouble=self._down[facts.site])
        try:
            made = self._foresight.plan(facts, rule_for(facts, self._edit.rules))
        except (Rejected, Missing) as fault:
            return replace(found, trouble=str(fault))
        except Fault as fault:
            # The site is unlikely to answer the next question, so it is asked no more.
            self._down[facts.site] = str(fault)
            return replace(found, trouble=str(fault))
        told = made.back.told if made.back else ()
        return replace(found, parts=tuple(map(_part, told)))


def _with_former(facts: Facts, kept: Sequence[Mapping[str, object]]) -> Facts:
    return replace(facts, former=Former.of(kept), settled_by="")


def _part(told: Judged) -> UndoPart:
    return UndoPart(told.name, told.verdict.value, told.before, told.now, told.words)


def _sentence(version: int, touched: int, counts: Mapping[str, int]) -> str:
    fields = [f"{counts[one.value]:,} {_WORDS[one]}" for one in Verdict if counts[one.value]]
    if not fields:
        return (
            f"Version {version} of the rules changed no ticket: only the rules would be put back."
        )
    return f"{_tickets(touched)} would be put back. Fields: {', '.join(fields)}."


def _made(edit: _Edit) -> str:
    made = edit.row.made
    return (
        f"{_tickets(made)} that the edit made {'stays' if made == 1 else 'stay'}." if made else ""
    )


def _unlooked(whole: bool) -> str:
    return (
        "" if whole else "Jira took too long: further tickets are looked at as they are put back."
    )


def _read_only(at: Editing) -> str:
    why = why_not_writable(at.files.chosen)
    return f"{why[:1].upper()}{why[1:]}. {READ_ONLY}" if why else ""


def _tickets(count: int) -> str:
    return f"{count:,} {'ticket' if count == 1 else 'tickets'}"
