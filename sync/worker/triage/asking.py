"""Asking the source's API for what deliveries do not say, before their subjects are routed.

A webhook tells no severity, no comments and no issues of an incident, an event of a type that is not
known here tells nothing but its subject, and a message may be only part of its subject. All subjects of
a batch are asked for together, in a call for each 100. What is around issues
(``sync.domain.surroundings``) is asked for once for all subjects of the same entities or owners, and
kept for a while, because one broken table makes many issues.

Triage waits for the answers, but not for long, and after a failure it asks no more for a while: what
could not be asked is told, and the sweeps find it later.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import structlog

from sync.domain.errors import Cause, Fault, Rejected
from sync.domain.remembered import Remembered
from sync.domain.subject import Kind, Snapshot, SubjectRef, merge_from_api
from sync.domain.surroundings import Contacts, Impact, digest_of, entities_in, owners_in
from sync.ports import Clock, SourceApi
from sync.rules import EMAILS, IMPACT
from sync.worker.triage.wanted import Wanted

log = structlog.get_logger("triage")

# Seconds that triage waits for the answers of one batch, and that it asks nothing after a failure.
LONGEST = 5.0
PAUSE = 60.0
# Seconds for which an answer about what is around issues holds for others of the same names, and how
# many such answers are kept.
HOLDS = 600.0
_KEPT = 1_000
# Impacts that are asked for at a time: each is a call of its own.
_AT_A_TIME = 4
_WORDS = {IMPACT: "its impact", EMAILS: "the addresses of its owners"}
_T = TypeVar("_T")


class NotTaken(str):
    """Why the API does not take a question: it would not take it later either."""

    __slots__ = ()


@dataclass(slots=True)
class Answers:
    """What the API said, by subject. ``asked`` has each subject that was asked for, with what was asked;
    ``failed`` the reason, in words, for each that could not be. ``around`` has what is around subjects,
    by subject and fact, and a reason in words where that could not be asked. ``seconds`` were spent."""

    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    around: dict[tuple[str, str], Impact | Contacts | str] = field(default_factory=dict)
    seconds: float = 0.0

    def words(self, ref: str) -> str:
        """What there is to say about a subject that was asked for, "" for nothing."""
        found = []
        if ref in self.failed:
            found.append(f"{self.asked[ref]} could not be asked: {self.failed[ref]}")
        elif ref in self.asked and ref not in self.snapshots:
            asked = self.asked[ref]
            found.append(f"the API was asked for {asked} and does not know the subject")
        for fact, what in _WORDS.items():
            if isinstance(why := self.around.get((ref, fact)), str):
                found.append(f"{what} could not be asked: {why}")
        return "; ".join(found)

    @property
    def wanting(self) -> bool:
        """Whether something around subjects could not be asked now, and can be later."""
        return any(
            isinstance(one, str) and not isinstance(one, NotTaken) for one in self.around.values()
        )

    def onto(self, ref: str, snapshot: Snapshot) -> Snapshot:
        """A subject's snapshot, with what the API said of the subject and of what is around it as it
        stands."""
        if ref in self.snapshots:
            snapshot = merge_from_api(snapshot, self.snapshots[ref])
        impact, contacts = (self.around.get((ref, fact)) for fact in (IMPACT, EMAILS))
        if isinstance(impact, Impact) and impact.of == digest_of(entities_in(snapshot.payload)):
            snapshot = replace(snapshot, impact=impact)
        if isinstance(contacts, Contacts) and contacts.of == digest_of(owners_in(snapshot.payload)):
            snapshot = replace(snapshot, contacts=contacts)
        return snapshot


class Asking:
    """Asks the APIs of sources, by the sources' names. Safe to share between threads."""

    def __init__(
        self, apis: Mapping[str, SourceApi], clock: Clock, *, longest: float = LONGEST
    ) -> None:
        self._apis = apis
        self._clock = clock
        self._longest = longest
        # By source and fact ("" for subjects): until when nothing is asked, and why.
        self._paused: dict[tuple[str, str], tuple[float, str]] = {}
        # By source, fact and what was asked about: until when the answer holds, and the answer. An
        # answer in words says why the API does not take the question.
        self._known = Remembered[tuple[str, str, str], tuple[float, Any]](_KEPT)

    def ask(self, wanted: Wanted, answers: Answers) -> None:
        """Ask for what is wanted; the answers are added to ``answers``."""
        began = time.monotonic()
        self._ask_for_subjects(wanted.subjects, answers)
        by_source: dict[tuple[str, str], dict[str, Sequence[Any]]] = {}
        for (ref, fact), names in wanted.around.items():
            source = SubjectRef.parse(ref).source
            by_source.setdefault((source, fact), {})[ref] = names
        for (source, fact), asked in by_source.items():
            left = max(0.05, self._longest - answers.seconds - (time.monotonic() - began))
            ask = self._impacts if fact == IMPACT else self._emails
            found = ask(source, asked, left)
            answers.around |= {(ref, fact): answer for ref, answer in found.items()}
        answers.seconds += time.monotonic() - began

    def _ask_for_subjects(self, wanted: Mapping[str, str], answers: Answers) -> None:
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
        if api is None or (why := self._pause(source, "")):
            return [], _not_configured(source) if api is None else why
        issues, incidents = ([ref.id for ref in refs if ref.kind is kind] for kind in Kind)

        def call() -> list[Snapshot]:
            found = list(api.issues(issues)) if issues else []
            return found + (list(api.incidents(incidents)) if incidents else [])

        found, why = _within(self._longest, call)
        if why:
            self._failed(source, "", why, len(refs))
        return found or [], why

    def _pause(self, source: str, fact: str) -> str:
        """Why a fact is not asked for now, "" where it is."""
        until, words = self._paused.get((source, fact), (0.0, ""))
        return words if self._clock.monotonic() < until else ""

    def _failed(self, source: str, fact: str, why: str, subjects: int) -> None:
        self._paused[source, fact] = (self._clock.monotonic() + PAUSE, why)
        log.warning(
            "the API could not be asked",
            source=source,
            what=_WORDS.get(fact, "subjects"),
            subjects=subjects,
            reason=why,
        )

    def _kept(self, source: str, fact: str, of: str) -> Any:
        """The answer that is known to a question, None for none."""
        until, answer = self._known.get((source, fact, of)) or (0.0, None)
        return answer if self._clock.monotonic() < until else None

    def _keep(self, source: str, fact: str, of: str, answer: Any) -> None:
        self._known.put((source, fact, of), (self._clock.monotonic() + HOLDS, answer))

    def _impacts(
        self, source: str, asked: Mapping[str, Sequence[Any]], seconds: float
    ) -> dict[str, Impact | Contacts | str]:
        """The impact of each subject, or why it could not be asked."""
        questions = {digest_of(names): names for names in asked.values()}
        found = {of: self._kept(source, IMPACT, of) for of in questions}
        left = {of: names for of, names in questions.items() if found[of] is None}
        why = self._ask_for_impacts(source, left, seconds) if left else ""
        of_each = {ref: digest_of(names) for ref, names in asked.items()}
        late = why or "it was not asked in time"
        return {
            ref: found[of] or self._kept(source, IMPACT, of) or late for ref, of in of_each.items()
        }

    def _ask_for_impacts(
        self, source: str, questions: Mapping[str, Sequence[Any]], seconds: float
    ) -> str:
        """Ask about sets of entities, by their digests, and keep the answers; why some have none."""
        api = self._apis.get(source)
        if api is None or (why := self._pause(source, IMPACT)):
            return _not_configured(source) if api is None else why
        waiting, ended = deque(questions), threading.Event()

        def call() -> None:
            while not ended.is_set() and (of := _next(waiting)):
                try:
                    self._keep(source, IMPACT, of, replace(api.impact(questions[of]), of=of))
                except Fault as fault:
                    if not isinstance(fault, Rejected) or fault.cause is Cause.PERMISSION:
                        ended.set()
                        raise
                    # The API does not take this question. It may take others.
                    self._keep(source, IMPACT, of, NotTaken(fault))

        _, why = _within(seconds, lambda: _side_by_side(call, min(_AT_A_TIME, len(questions))))
        ended.set()
        answered = any(self._kept(source, IMPACT, of) is not None for of in questions)
        if why and not (answered and why == _late(seconds)):
            self._failed(source, IMPACT, why, len(questions))
        return why

    def _emails(
        self, source: str, asked: Mapping[str, Sequence[Any]], seconds: float
    ) -> dict[str, Impact | Contacts | str]:
        """The contacts of the owners of each subject, or why they could not be asked for."""
        owners = {str(id_) for ids in asked.values() for id_ in ids}
        known = {id_: self._kept(source, EMAILS, id_) for id_ in owners}
        if left := sorted(id_ for id_, emails in known.items() if emails is None):
            found, why = self._ask_for_emails(source, left, seconds)
            if found is None:
                return dict.fromkeys(asked, why)
            for id_ in left:
                known[id_] = found.get(id_, ())
                self._keep(source, EMAILS, id_, known[id_])
        return {
            ref: Contacts({id_: known[id_] for id_ in ids if known[id_]}, digest_of(ids))
            for ref, ids in asked.items()
        }

    def _ask_for_emails(
        self, source: str, ids: Sequence[str], seconds: float
    ) -> tuple[Mapping[str, tuple[str, ...]] | None, str]:
        api = self._apis.get(source)
        if api is None or (why := self._pause(source, EMAILS)):
            return None, _not_configured(source) if api is None else why
        found, why = _within(seconds, lambda: api.owner_emails(ids))
        if why:
            self._failed(source, EMAILS, why, len(ids))
        return found, why


def _not_configured(source: str) -> str:
    return f"the API of {source} is not configured"


def _late(seconds: float) -> str:
    return f"it did not answer within {seconds:.2g} s"


def _next(waiting: deque[str]) -> str:
    """Take the next one, "" where none is left."""
    try:
        return waiting.popleft()
    except IndexError:
        return ""


def _side_by_side(call: Callable[[], None], threads: int) -> None:
    """Make calls in several threads, until all have ended or one has failed. Raises what it raises."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            call()
        except Exception as error:
            raised.append(error)

    others = [threading.Thread(target=run, name="asking", daemon=True) for _ in range(threads - 1)]
    for one in others:
        one.start()
    run()
    for one in others:
        one.join()
    if raised:
        raise raised[0]


def _within(seconds: float, call: Callable[[], _T]) -> tuple[_T | None, str]:
    """What a call returns, or why it returned nothing in so many seconds."""
    outcome: list[tuple[_T | None, str]] = []

    def run() -> None:
        try:
            outcome.append((call(), ""))
        except Fault as fault:
            outcome.append((None, str(fault)))
        except Exception as error:
            # The thread has nobody to raise to. The caller goes on without the answer, as after a fault.
            log.exception("asking the API failed")
            outcome.append((None, f"a defect of ours ({type(error).__name__})"))

    thread = threading.Thread(target=run, name="asking", daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else (None, _late(seconds))
