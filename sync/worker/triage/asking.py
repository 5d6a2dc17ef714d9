"""Asking the source's API for what deliveries do not say, before their subjects are routed.

A webhook tells no severity, no comments and no issues of an incident, an event of a type that is not
known here tells nothing but its subject, and a message may be only part of its subject. All subjects of
a batch are asked for together, in a call for each 100. Triage waits for the answers, but not for long,
and after a failure it asks no more for a while: what could not be asked is told, and the sweeps find it
later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from sync.domain.errors import Fault
from sync.domain.subject import Event, Kind, Snapshot, SubjectRef
from sync.ports import Clock, SourceApi
from sync.rules import COMMENTS, RuleSet
from sync.store.slate import Slate
from sync.store.subjects import Subject
from sync.store.tables import TicketState

log = structlog.get_logger("triage")

# Seconds that triage waits for the answers of one batch, and that it asks nothing after a failure.
LONGEST = 5.0
PAUSE = 60.0
_NOT_MADE = (TicketState.UNPLACED, TicketState.NEW, TicketState.SPARED)


@dataclass(slots=True)
class Answers:
    """What the API said, by subject. ``asked`` has each subject that was asked for, with what was asked;
    ``failed`` the reason, in words, for each that could not be."""

    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def words(self, ref: str) -> str:
        """What there is to say about a subject that was asked for, "" for nothing."""
        if ref in self.failed:
            return f"{self.asked[ref]} could not be asked: {self.failed[ref]}"
        if ref not in self.snapshots:
            return f"the API was asked for {self.asked[ref]} and does not know the subject"
        return ""


class Asking:
    """Asks the APIs of sources, by the sources' names. Safe to share between threads."""

    def __init__(
        self, apis: Mapping[str, SourceApi], clock: Clock, *, longest: float = LONGEST
    ) -> None:
        self._apis = apis
        self._clock = clock
        self._longest = longest
        self._paused: dict[str, tuple[float, str]] = {}

    def ask(self, wanted: Mapping[str, str], answers: Answers) -> None:
        """Ask for subjects, each with what is asked; the answers are added to ``answers``."""
        answers.asked |= wanted
        by_source: dict[str, list[SubjectRef]] = {}
        for ref in map(SubjectRef.parse, wanted):
            by_source.setdefault(ref.source, []).append(ref)
        for source, refs in by_source.items():
            found, why = self._ask(source, refs)
            answers.snapshots |= {str(one.ref): one for one in found}
            answers.failed |= dict.fromkeys(map(str, refs), why) if why else {}

    def _ask(self, source: str, refs: Sequence[SubjectRef]) -> tuple[list[Snapshot], str]:
        api = self._apis.get(source)
        if api is None:
            return [], f"the API of {source} is not configured"
        until, words = self._paused.get(source, (0.0, ""))
        if self._clock.monotonic() < until:
            return [], words
        issues, incidents = ([ref.id for ref in refs if ref.kind is kind] for kind in Kind)

        def call() -> list[Snapshot]:
            found = list(api.issues(issues)) if issues else []
            return found + (list(api.incidents(incidents)) if incidents else [])

        found, why = _within(self._longest, call)
        if why:
            self._paused[source] = (self._clock.monotonic() + PAUSE, why)
            log.warning("the API could not be asked", source=source, subjects=len(refs), reason=why)
        return found, why


def _within(seconds: float, call: Callable[[], list[Snapshot]]) -> tuple[list[Snapshot], str]:
    """What a call returns, or why it returned nothing in so many seconds."""
    outcome: list[tuple[list[Snapshot], str]] = []

    def run() -> None:
        try:
            outcome.append((call(), ""))
        except Fault as fault:
            outcome.append(([], str(fault)))
        except Exception as error:
            # The thread has nobody to raise to. The caller goes on without the answer, as after a fault.
            log.exception("asking the API failed")
            outcome.append(([], f"a defect of ours ({type(error).__name__})"))

    thread = threading.Thread(target=run, name="asking", daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else ([], f"it did not answer within {seconds:g} s")


def wanted(slate: Slate, events: Sequence[Event], rules: RuleSet) -> dict[str, str]:
    """The subjects of a batch that the API should be asked for, each with what should be asked."""
    found = {str(event.about): "what happened" for event in events if event.about is not None}
    snapshots = [s for event in events if (s := event.snapshot) is not None]
    if not (_asks(rules) or any(map(_is_part, snapshots))):
        return found
    return found | _not_told(slate, snapshots, rules)


def _not_told(slate: Slate, snapshots: Sequence[Snapshot], rules: RuleSet) -> dict[str, str]:
    """The subjects of deliveries that should be asked for, each with what should be asked."""
    known = slate.subjects(str(snapshot.ref) for snapshot in snapshots)
    made, found = _made(slate, known), dict[str, str]()
    for snapshot in snapshots:
        ref = str(snapshot.ref)
        what = _unsaid(snapshot, known.get(ref), rules, made=ref in made)
        if not what and ref in made and _copied(slate, ref, rules):
            what = "its comments"
        if what:
            found[ref] = what
    return found


def _asks(rules: RuleSet) -> bool:
    """Whether rules ask for what no delivery says."""
    return rules.ask_severity or rules.ask_issues or rules.ask_comments


def _copied(slate: Slate, ref: str, rules: RuleSet) -> bool:
    """Whether comments on a subject go onto its ticket."""
    ticket = slate.ticket_of(ref) if rules.ask_comments else None
    rule = rules.get(ticket.rule) if ticket is not None else None
    return rule is not None and rule.asks(COMMENTS)


def _is_part(snapshot: Snapshot) -> bool:
    return not snapshot.payload.get("title")


def _unsaid(snapshot: Snapshot, known: Subject | None, rules: RuleSet, *, made: bool) -> str:
    """What should be asked of a subject, "" for nothing. ``made``: its ticket is made, or may be."""
    if known is None and _is_part(snapshot):
        return "what its event left out"
    if snapshot.ref.kind is Kind.INCIDENT:
        return "its issues" if rules.ask_issues and known is None else ""
    told = made or (known is not None and bool(known.snapshot.severity))
    return "its severity" if rules.ask_severity and not told else ""


def _made(slate: Slate, refs: Iterable[str]) -> set[str]:
    """Those of the subjects whose ticket is made, or may be."""
    made = {one for one in slate.tickets_of(refs) if one.state not in _NOT_MADE}
    return {ref for ref in refs if slate.ticket_of(ref) in made}
