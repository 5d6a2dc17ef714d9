"""Subjects of which nobody has heard yet are recorded ahead, each with the ticket that is to be its own.

Triage gives a subject that ticket when it first hears of it (``sync/worker/triage/routing.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from sync.domain.epics import LABEL
from sync.domain.ticket import Observed
from sync.ports import Clock
from sync.store import deliveries, epics, expected, subjects
from sync.store.engine import Session, Store
from sync.store.tables import ExpectedRow


class Fate(StrEnum):
    """What becomes of a pair. ``ahead``: the subject is not known yet, and takes the ticket once it is
    heard of. ``already``: the ticket is the subject's already. ``conflict``: nothing is done, because
    the subject would get a second ticket, the ticket belongs to another subject, or the pair cannot be
    read."""

    ADOPT = "adopt"
    AHEAD = "ahead"
    ALREADY = "already"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Pair:
    """A ticket (its Jira key), a subject (reference or id, "" if unknown), what becomes of them."""

    ticket: str
    subject: str
    fate: Fate
    words: str = ""


@dataclass(frozen=True, slots=True)
class Unheard:
    """A ticket, and the id of a subject of which nobody has heard yet."""

    observed: Observed
    subject: str


def epic_in_words(session: Session, site: str, observed: Observed) -> str:
    """Which epic of rules a ticket is, which cannot be the ticket of a subject; "" for any other."""
    epic = epics.named(session, observed.ref.key, site)
    if epic is not None:
        return f"the epic {epic.name!r}, under which rules put tickets of {epic.project}"
    labels = map(str, observed.fields.get("labels") or ())
    return (
        "an epic made for tickets of rules" if any(one.startswith(LABEL) for one in labels) else ""
    )


@dataclass(slots=True)
class Ahead:
    """One round of recording subjects of a source ahead, with tickets of a site. ``by`` is who does."""

    store: Store
    clock: Clock
    source: str
    site: str
    by: str
    _taken: dict[str, str] = field(default_factory=dict, init=False)

    def record(self, case: Unheard, *, apply: bool) -> Pair:
        """Record a subject ahead, unless another ticket was recorded for it, or it is heard of by now.
        Without ``apply``, only say what would be done."""
        observed = case.observed
        with self.store.write() if apply else self.store.read() as session:
            if apply:
                deliveries.lock_triage(session)
            fate, words = self._decide(session, case)
            if fate is Fate.AHEAD:
                self._taken[case.subject] = observed.ref.id
                if apply:
                    expected.add(session, self._row(case))
        return Pair(observed.ref.key, case.subject, fate, words)

    def _decide(self, session: Session, case: Unheard) -> tuple[Fate, str]:
        id_, jira_id = case.subject, case.observed.ref.id
        row = expected.of_ids(session, self.source, [id_]).get(id_)
        if row is not None and row.jira_id == jira_id:
            return Fate.ALREADY, row.words or "it is recorded ahead already"
        if row is not None:
            return Fate.CONFLICT, f"{row.jira_key} is recorded ahead for it; take that back first"
        if self._taken.get(id_, jira_id) != jira_id:
            return Fate.CONFLICT, "another ticket of this list is for the same subject"
        if epic := epic_in_words(session, self.site, case.observed):
            return Fate.CONFLICT, f"it is {epic}"
        if subjects.named(session, id_):
            return Fate.CONFLICT, "it was heard of at this very moment; do this again"
        return Fate.AHEAD, "not known yet; it takes the ticket once it is heard of"

    def _row(self, case: Unheard) -> ExpectedRow:
        observed = case.observed
        return ExpectedRow(
            subject_id=case.subject,
            source=self.source,
            site=self.site,
            jira_id=observed.ref.id,
            jira_key=observed.ref.key,
            project=observed.project,
            at=self.clock.time(),
            by=self.by,
        )
