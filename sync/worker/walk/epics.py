"""The epics that rules name for their tickets: found by name, or made once and never twice.

The store has a row for each name in a project. A call that makes an epic is put on record in that row
before it is made, by a statement that only one of several daemons succeeds in. After a lost reply, or
the end of a process in between, only a search for the epic's label, once Jira's index has caught up,
proves whether it was made; until then the tickets below it wait. An epic belongs to people once it is
there: nothing of it is ever changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from sync.domain.epics import EpicOf, EpicWish, Foreseen
from sync.domain.errors import Cause, Fault, Refused, Rejected, TicketGone, Unknown
from sync.domain.remembered import Remembered
from sync.domain.rule import Desired
from sync.domain.ticket import TicketRef
from sync.ports import Clock, Tracker
from sync.ports import Epics as EpicsOfTracker
from sync.store import continuity
from sync.store import epics as rows
from sync.store.engine import Store
from sync.store.epics import EpicKey
from sync.store.journal import Entry
from sync.store.tables import EpicRow
from sync.worker.walk.facts import Facts
from sync.worker.walk.record import NotYet, Record
from sync.worker.walk.refusals import FAILURES

log = structlog.get_logger("worker")

# For this many seconds an epic is taken to be there, and a refusal to make it to stand.
_SEEN_SECONDS = 60.0
# Seconds until a ticket whose epic another walk is about to make looks again, and between two searches
# for an epic whose making had no answer.
_SOON = 1.0
_BETWEEN_SEARCHES = 5.0
_MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Known:
    """What this process knows of one epic. Times are of the monotonic clock."""

    lock: threading.Lock
    # Until when the key is believed, and the key.
    until: float = float("-inf")
    key: str = ""
    # Until when a refusal stands, and the refusal.
    refused_until: float = float("-inf")
    refusal: Rejected | None = None
    # When an open call is looked for again.
    search_at: float = float("-inf")


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question of a walk: for which epic, on which site, with what is known of it."""

    wish: EpicWish
    key: EpicKey
    tracker: Tracker
    epics: EpicsOfTracker
    known: _Known
    record: Record
    # The walk looks at its ticket anew, as when a person asked for another try: then what was believed
    # of the epic is asked again.
    anew: bool

    @property
    def project(self) -> str:
        return self.key[1]


class Epics:
    """The epics for the walks of this process. Safe to share between threads."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: Remembered[EpicKey, _Known] = Remembered(_MOST_REMEMBERED)

    def wanted(self, desired: Desired, facts: Facts, tracker: Tracker, record: Record) -> EpicOf:
        """How the epics that ``desired`` names are found, or made. What it returns raises NotYet while
        it is not known which ticket an epic is, Rejected where there is none, and the tracker's faults.
        """
        epics = tracker.epics
        unmade = desired.status.ended and not desired.policy.create_when_ended
        if epics is None or (facts.ref is None and unmade):
            return lambda wish: ""

        def of(wish: EpicWish) -> str:
            key = (tracker.site, desired.project, wish.digest)
            known = self._known.made(key, lambda: _Known(threading.Lock()))
            asked = _Asked(wish, key, tracker, epics, known, record, facts.look)
            if not asked.anew and self._clock.monotonic() < known.until:
                return known.key
            if not known.lock.acquire(blocking=False):
                raise self._later(f"its {wish} is being looked for")
            try:
                return self._key(asked)
            finally:
                known.lock.release()

        return of

    def _key(self, asked: _Asked) -> str:
        known, now = asked.known, self._clock.monotonic()
        row = rows.get(self._store, asked.key)
        if row is not None and row.jira_id is not None:
            there = self._there(asked, TicketRef(row.jira_id, row.jira_key))
            if there is not None:
                if row.at < self._clock.time() - rows.USE_SECONDS:
                    rows.used(self._store, asked.key, self._clock.time())
                return self._believed(asked, there)
            row = None
        if known.refusal is not None and now < known.refused_until and not asked.anew:
            raise known.refusal.again()
        try:
            found = None
            if row is not None and row.begun is not None:
                found = self._settled(asked, row, row.begun)
            return self._believed(asked, found or self._found_or_made(asked))
        except Rejected as fault:
            known.refusal, known.refused_until = fault, now + _SEEN_SECONDS
            raise

    def _believed(self, asked: _Asked, ref: TicketRef) -> str:
        known = asked.known
        known.key, known.until = ref.key, self._clock.monotonic() + _SEEN_SECONDS
        known.refusal = None
        return ref.key

    def _there(self, asked: _Asked, before: TicketRef) -> TicketRef | None:
        """The epic on record as Jira shows it now; None, and off the record, where it was deleted."""
        try:
            ref = asked.tracker.read(before.id, asked.project).ref
        except TicketGone:
            rows.gone(self._store, asked.key, before.id)
            asked.record.note(Entry("epic", f"its {asked.wish} was deleted in Jira", "warning"))
            return None
        if ref != before:
            # People have moved it to another project.
            self._link(asked, ref)
        return ref

    def _settled(self, asked: _Asked, row: EpicRow, begun: float) -> TicketRef | None:
        """What became of an open call: the epic, or None where it is proven that it made nothing. Raises
        NotYet as long as that cannot be known."""
        now, known, tracker = self._clock.time(), asked.known, asked.tracker
        if self._clock.monotonic() < known.search_at and not asked.anew:
            raise NotYet(f"its {asked.wish} is being made", now + _BETWEEN_SEARCHES)
        known.search_at = self._clock.monotonic() + _BETWEEN_SEARCHES
        found = asked.epics.labelled(asked.wish, asked.project)
        if found is not None:
            self._link(asked, found)
            asked.record.note(Entry("epic", f"found {found.key}, which was made as {asked.wish}"))
            return found
        over_at = begun + tracker.longest_call + tracker.afterwork + tracker.index_lag
        if now < over_at:
            words = f"the call that makes its {asked.wish} is open; looking for what it did"
            raise NotYet(words, min(now + _BETWEEN_SEARCHES, over_at + 0.05))
        # To a caller that Jira does not know, or that may not see the project, a search shows nothing.
        tracker.verify(asked.project)
        if asked.epics.labelled(asked.wish, asked.project) is not None:
            raise Refused("its epic has just come to light")
        tracker.verify(asked.project)
        failures = row.failures + 1 if row.said else 0
        rows.not_made(self._store, asked.key, begun, failures=failures)
        if failures >= FAILURES and not asked.anew:
            raise Rejected(
                f"Jira fails each time it is to make the {asked.wish}, and made nothing: {row.said}",
                cause=Cause.OTHER,
                remedy="Look in Jira's log why it fails, or make the epic by hand; then retry.",
            )
        return None

    def _found_or_made(self, asked: _Asked) -> TicketRef:
        wish, project = asked.wish, asked.project
        found = asked.epics.find(wish, project)
        if found is not None:
            self._link(asked, found)
            asked.record.note(Entry("epic", f"found {found.key} as {wish}"))
            return found
        if not wish.make:
            raise _none(wish, project)
        self._wait_for_an_earlier_life(asked)
        asked.tracker.health.ready()
        return self._make(asked)

    def _make(self, asked: _Asked) -> TicketRef:
        wish, begun = asked.wish, self._clock.time()
        if not rows.begin(self._store, asked.key, wish.name, begun):
            raise self._later(f"its {wish} is being made")
        # A process that stood still must not send the call later: another may have proven by then that
        # nothing was made.
        not_after = begun + asked.tracker.goes_out_within
        try:
            ref = asked.epics.make(wish, asked.project, not_after=not_after)
        except Unknown as fault:
            if fault.failed:
                rows.said(self._store, asked.key, begun, str(fault))
            asked.record.note(Entry("epic", str(fault), "unknown"))
            raise self._later(str(fault), _BETWEEN_SEARCHES) from fault
        except Rejected as fault:
            rows.not_made(self._store, asked.key, begun)
            raise _refused(asked, fault) from fault
        except Fault:
            rows.not_made(self._store, asked.key, begun)
            raise
        self._link(asked, ref)
        asked.record.note(Entry("epic", f"made {ref.key} as {wish}"))
        log.info("made an epic", ticket=ref.key, site=asked.tracker.site, project=asked.project)
        return ref

    def _link(self, asked: _Asked, ref: TicketRef) -> None:
        now = self._clock.time()
        if not rows.made(self._store, asked.key, asked.wish.name, ref.id, ref.key, now):
            raise self._later(f"another daemon has found its {asked.wish}")

    def _wait_for_an_earlier_life(self, asked: _Asked) -> None:
        """Raises NotYet where the store is older than what Jira holds, and Jira's index may not show yet
        what was made just before."""
        tracker = asked.tracker
        with self._store.read() as session:
            site, _ = continuity.known(session, tracker.site, "")
        if site is None or not site.older:
            return
        proof_at = site.whole_since + tracker.afterwork + tracker.index_lag
        if self._clock.time() < proof_at:
            words = (
                f"its {asked.wish} may have been made before; waiting until Jira's search shows it"
            )
            raise NotYet(words, proof_at + 0.05)

    def _later(self, words: str, seconds: float = _SOON) -> NotYet:
        return NotYet(words, self._clock.time() + seconds)


class EpicsForeseen:
    """The epics for forecasts: found by name, and nothing is made. Shared by threads."""

    def __init__(self) -> None:
        self._found: Remembered[EpicKey, str] = Remembered(_MOST_REMEMBERED)

    def wanted(self, desired: Desired, tracker: Tracker) -> EpicOf:
        """How the epics that ``desired`` names are found. What it returns raises Rejected where there is
        none and the rule makes none, and the tracker's faults."""
        epics = tracker.epics
        if epics is None:
            return lambda wish: Foreseen(str(wish))
        find: Callable[[EpicWish, str], TicketRef | None] = partial(epics.find, recent=True)

        def of(wish: EpicWish) -> str:
            key = (tracker.site, desired.project, wish.digest)
            known = self._found.get(key)
            if known is None:
                found = find(wish, desired.project)
                if found is None and not wish.make:
                    raise _none(wish, desired.project)
                known = found.key if found else Foreseen(f"{wish}, found or made by then")
                self._found.put(key, known)
            return known

        return of


def _refused(asked: _Asked, fault: Rejected) -> Rejected:
    """The refusal of an epic, told as one: the field that it names is none of the ticket's."""
    mend = "Correct that in Jira, or make the epic by hand: it is found by its name. Then retry."
    return Rejected(
        f"the {asked.wish} cannot be made in {asked.project}: {fault}",
        cause=fault.cause,
        remedy=mend if fault.cause is Cause.FIELD else fault.remedy,
        scope=fault.scope,
    )


def _none(wish: EpicWish, project: str) -> Rejected:
    return Rejected(
        f"project {project} has no open {wish}",
        cause=Cause.FIELD,
        remedy="Make it in Jira, or let the rule do so: take `make = false` away. Then retry.",
    )
