"""Tickets from before the store: made by an earlier life of it, and missing in it.

A store that is new or was restored does not know which tickets it lacks. Before the first ticket is made
that might be one of them, Jira is asked once for all tickets of ours that the store may lack (a survey).
From then on the store holds what there is, and making a ticket needs no search.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress

import structlog

from sync.domain.epics import Foreseen
from sync.domain.errors import TicketGone
from sync.domain.rule import Ownership
from sync.domain.subject import Snapshot, Status
from sync.domain.ticket import (
    Base,
    Draft,
    FieldBase,
    FieldKind,
    Observed,
    TicketRef,
    is_own_marker,
    marker_label,
    remembered,
    same,
)
from sync.ports import Clock, Tracker
from sync.store import continuity
from sync.store.engine import Store
from sync.store.tables import SiteRow
from sync.worker.walk.facts import Facts
from sync.worker.walk.record import NotYet

log = structlog.get_logger("worker")

# Seconds by which a sign of life may be older than the last ticket that the store knows, and by which
# Jira's clock may be behind ours.
MARGIN = 300.0


class Past:
    """What the walks of this process need to know of earlier lives. Safe to share between threads."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._surveying = threading.Lock()

    def ticket_of(self, facts: Facts, project: str, tracker: Tracker) -> TicketRef | None:
        """The ticket that Jira has for a key without one; None where there surely is none.

        Raises NotYet while that cannot be known, and the tracker's faults.
        """
        row, stray = (facts.whole, None) if facts.whole else self._known(facts)
        if stray or _proven(row, tracker) or _surely_new(facts, row):
            return stray
        with self._surveying:
            row, stray = self._known(facts)
            if not stray and not _proven(row, tracker) and self._is_time(row, tracker):
                self._survey(row, project, tracker)
                row, stray = self._known(facts)
        if stray or _proven(row, tracker):
            return stray
        raise NotYet(
            "the store may lack tickets that were made before; waiting until Jira's search shows them",
            _proof_at(row, tracker) + 0.05,
        )

    def taken(self, facts: Facts, ref: TicketRef, tracker: Tracker) -> Observed | None:
        """The stray as Jira shows it; None, and it is forgotten, where it is not ours any more.

        Raises the tracker's faults.
        """
        with suppress(TicketGone):
            observed = tracker.read(ref.id)
            if marker_label(facts.key) in (observed.fields.get("labels") or ()):
                return observed
        with self._store.write() as session:
            continuity.forget_stray(session, facts.site, facts.key)
        return None

    def unsure(self, facts: Facts) -> bool:
        """Whether an earlier life may have done what the newest event of the subjects asks for."""
        row = facts.whole
        if row is None or (facts.ref is None and row.surveyed_at is None):
            # This walk may have surveyed the site.
            row, _ = self._known(facts)
        return row.older and _newest(facts.snapshots) <= row.whole_since

    def _known(self, facts: Facts) -> tuple[SiteRow, TicketRef | None]:
        with self._store.read() as session:
            row, stray = continuity.known(session, facts.site, facts.key)
        if row is not None:
            return row, stray
        # A site that the daemon did not know when it began.
        continuity.check(self._store, {facts.site: ""}, self._clock.time())
        return self._known(facts)

    def _is_time(self, row: SiteRow, tracker: Tracker) -> bool:
        return row.surveyed_at is None or self._clock.time() >= _proof_at(row, tracker)

    def _survey(self, row: SiteRow, project: str, tracker: Tracker) -> None:
        """Ask Jira for all tickets of ours that the store may lack.

        To a caller that Jira does not know, or that may not see the project, a search shows nothing:
        only a search between two proofs that this is not so proves anything.
        """
        now = self._clock.time()
        tracker.verify(project)
        since = row.since - tracker.index_lag - MARGIN if row.since else 0.0
        found: dict[str, TicketRef] = {}
        for one in tracker.changed_since(since):
            for label in one.labels:
                if is_own_marker(label):
                    known = found.setdefault(label, one.ref)
                    found[label] = min(known, one.ref, key=_age)
        tracker.verify(project)
        with self._store.write() as session:
            strays = continuity.surveyed(session, row.site, now, found)
        log.info(
            "looked for tickets from before", site=row.site, tickets=len(found), unknown=strays
        )


def agreed(draft: Draft, observed: Observed) -> Base:
    """The base of a ticket that others made: what it shows now counts as what we last sent."""
    fields = {
        id_: FieldBase(remembered(one.value), remembered(observed.fields[id_]), looked=True)
        for id_, one in draft.fields.items()
        if id_ in observed.fields and one.kind is not FieldKind.LABELS
    }
    others = {id_: one for id_, one in fields.items() if not same(one.sent, one.shown)}
    found = _of_people(others, observed)
    # A ticket that people put under another one stays there, whichever epic the rule means.
    wishes = {
        id_: one.wish
        for id_, one in draft.fields.items()
        if isinstance(one.value, Foreseen) and observed.fields.get(id_)
    }
    return Base(
        fields=fields,
        status=Status.OPEN,
        jira_status=observed.status.id,
        # An earlier life may have written it, and a person changed it since: nobody knows.
        theirs=tuple(id_ for id_ in others if draft.fields[id_].ownership is Ownership.YIELD),
        found=found,
        subjects=draft.desired.refs if found else (),
        wishes=wishes,
    )


def _of_people(fields: Mapping[str, FieldBase], observed: Observed) -> tuple[str, ...]:
    """Which of these fields people filled. Of a ticket with a marker of ours that is not known."""
    if any(map(is_own_marker, observed.fields.get("labels") or ())):
        return ()
    return tuple(id_ for id_, one in fields.items() if one.shown)


def _age(ref: TicketRef) -> tuple[int, str]:
    return (int(ref.id) if ref.id.isdigit() else 0, ref.id)


def _proven(row: SiteRow, tracker: Tracker) -> bool:
    """Whether a survey has shown all that the store may lack."""
    if row.surveyed_at is None:
        return False
    return not row.older or row.surveyed_at >= _proof_at(row, tracker)


def _proof_at(row: SiteRow, tracker: Tracker) -> float:
    """When a search surely shows what an earlier life made, also by a call that it had just sent."""
    return row.whole_since + tracker.afterwork + tracker.index_lag


def _surely_new(facts: Facts, row: SiteRow) -> bool:
    """Whether the key belongs to one subject alone, which began after the store was whole."""
    if len(facts.snapshots) != 1 or str(facts.snapshots[0].ref) != facts.key:
        return False
    began = facts.snapshots[0].began
    return began is not None and began > row.whole_since


def _newest(snapshots: tuple[Snapshot, ...]) -> float:
    return max((snapshot.event_time for snapshot in snapshots), default=0) / 1e9
