"""Telling upstream what people did in Jira, as a plan says: each act once, on record before its call.

Before a mark the subject is read, where upstream can be asked. What upstream has changed meanwhile goes
into the store, and the ticket is walked again. While upstream does not answer, nothing is told, and all
else of the walk is done.

After a call without an answer the subject is read again. The act is told again only if upstream surely
did not carry it out and nobody has acted upstream since: a later act of a person stands. Where upstream
cannot be asked, the delivery that follows a mark proves the mark, and a comment counts as made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import structlog

from sync.domain.actions import CommentUpstream, CopyComment, MarkUpstream
from sync.domain.acts import Actor
from sync.domain.agreement import NONE, Agreement
from sync.domain.errors import Already, Cause, Missing, Rejected
from sync.domain.history import Person
from sync.domain.intent import Intent, IntentKind
from sync.domain.subject import Kind, Snapshot, Status, SubjectRef
from sync.domain.ticket import Draft, Observed, TicketRef
from sync.domain.upstream import TellAction, Telling, carried_out
from sync.domain.upstream_comments import carries
from sync.ports import SystemClock, Upstream
from sync.store.journal import Entry
from sync.telemetry import ACTIONS
from sync.worker.walk.breaker import Breaker, Untold
from sync.worker.walk.guard import Guard
from sync.worker.walk.intents import IntentLog
from sync.worker.walk.record import NotYet

log = structlog.get_logger("worker")

# What we do upstream by ourselves is done in this name.
OURSELVES = Person(name="ticket-sync")
# Copies go to the tracker, so they come to an end also while upstream does not answer.
_KINDS = (IntentKind.COPY, IntentKind.MARK, IntentKind.SAY)
# Seconds within which the delivery that follows a mark is there. It may come later, or never: a mark
# that is told again then changes nothing where there is one.
DELIVERED_WITHIN = 60.0
# The names of acts in the journal, the metrics and the log.
_NAMES = {
    IntentKind.MARK: "mark_upstream",
    IntentKind.SAY: "comment_upstream",
    IntentKind.COPY: "copy",
}


class Asked(Protocol):
    """What of a source's API is asked here. See ``ports.SourceApi``."""

    def issues(self, ids: Sequence[str]) -> list[Snapshot]: ...

    def incidents(self, ids: Sequence[str]) -> list[Snapshot]: ...


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways to upstream, by the source's name: to tell it, and to ask it where it can be asked.

    ``recover`` takes lost deliveries into the store, which tell when marks were set, and ``learn`` what
    upstream's API says, both as sweeps do. ``guard`` says how much
    upstream is told. ``breaker`` is that of all walks of this process.
    """

    tell: Mapping[str, Upstream] = field(default_factory=dict)
    ask: Mapping[str, Asked] = field(default_factory=dict)
    recover: Callable[[], None] = lambda: None
    learn: Callable[[Sequence[Snapshot]], None] = lambda _: None
    guard: Guard = field(default_factory=Guard)
    breaker: Breaker = field(default_factory=lambda: Breaker(SystemClock()))


NO_WAYS = Ways()


class Teller:
    """Tells upstream for one walk. What is agreed with upstream goes to ``record.base.agreement``."""

    def __init__(self, draft: Draft, intent_log: IntentLog, ways: Ways) -> None:
        self._draft = draft
        # By so many seconds clocks may differ.
        self._tie = draft.desired.upstream.tie if draft.desired.upstream else 0.0
        self._intent_log = intent_log
        self._record = intent_log.record
        self._ways = ways
        # By subject, as the source's API knows it now.
        self._read: dict[SubjectRef, Snapshot | None] = {}
        # What is not told for good, by the name of its action.
        self._left: list[TellAction] = []
        # The subjects that were marked in this walk.
        self._told: set[str] = set()
        # Why upstream could not be told or asked, None while it could.
        self._untold: Untold | None = None

    @contextmanager
    def _if_it_answers(self) -> Iterator[None]:
        """Where upstream does not answer inside, the rest of it is left to a later walk."""
        try:
            yield
        except Untold as fault:
            self._untold = fault

    @property
    def through(self) -> bool:
        """Whether upstream has answered everything in this walk."""
        return self._untold is None

    def end(self) -> None:
        """End the walk, whose other work is done. Raises Untold where something is still to be told."""
        if self._untold is not None:
            raise self._untold

    def settle(self, ref: TicketRef) -> None:
        """Find out what became of the acts that an earlier walk began to tell. Raises NotYet while
        upstream may still be at it, and where upstream has changed meanwhile."""
        with self._if_it_answers():
            self._settle_all(ref)

    def _settle_all(self, ref: TicketRef) -> None:
        for kind in _KINDS:
            for intent in [one for one in self._record.intents.open if one.kind is kind]:
                self._settle(ref, intent)
                self._record.intents = self._record.intents.without(kind, intent.about)
        self._take_in(self._read)

    def ask(self, telling: Telling) -> None:
        """Ask for the subjects that are to be marked. Raises NotYet where upstream has changed
        meanwhile: what it says then is in the store, and the next walk decides anew."""
        if self._untold is not None:
            return
        marks = [one for one in telling.actions if isinstance(one, MarkUpstream)]
        refs = [one.ref for one in marks if not one.only_unmarked]
        with self._if_it_answers():
            self._ask(refs)
            self._take_in(refs)

    def _take_in(self, refs: Iterable[SubjectRef]) -> None:
        known = {one.ref: one for one in self._draft.desired.subjects}
        new = [
            now
            for ref in refs
            if (now := self._read.get(ref)) is not None
            and ref in known
            and now.status is not known[ref].status
            and now.event_time / 1e9 > known[ref].at
        ]
        if not new:
            return
        self._ways.recover()
        self._ways.learn(new)
        wish, agreed = self._draft.desired.upstream, self._agreement
        tie = wish.tie if wish else 0.0
        # A mark of ours that is not in the store yet is known all the same, unless its reply was lost.
        if any(agreed.now(known[one.ref], tie).status is not one.status for one in new):
            words = "upstream has changed meanwhile; deciding anew"
            raise NotYet(words, self._intent_log.clock.time() + 1.0)

    def _settle(self, ref: TicketRef, intent: Intent) -> None:
        given, known = intent.payload, self._agreement
        if intent.kind is IntentKind.COPY:
            find = partial(self._intent_log.tracker.find_comment, ref, intent.about)
            done = bool(self._intent_log.settle(intent, find))
        elif intent.kind is IntentKind.SAY:
            done = self._said(SubjectRef.parse(given["subject"]), given["sign"], intent)
        else:
            done = self._marked(SubjectRef.parse(intent.about), intent)
        if not done:
            return
        if intent.kind is IntentKind.MARK:
            # Whatever upstream says from now on is from after the act.
            known = known.marked(intent.about, Status(given["status"]), intent.begun or 0.0)
            known = replace(known, ours={**known.ours, intent.about: (intent.begun or 0.0, "")})
        else:
            known = replace(known, done=(*known.done, given["name"]))
        self._remember(known)
        self._note(ref, _NAMES[intent.kind], given["words"])

    def _marked(self, subject: SubjectRef, intent: Intent) -> bool:
        """Whether the act counts as told: somebody has set the subject's status since, we or another;
        of a mark ``only_unmarked``, whether we have."""
        given, now = intent.payload, self._fresh(subject)
        if now is not None and given.get("mine"):
            # A mark that changes nothing where there is one counts as ours only under our name.
            ours = (now.status.value, _by(now)) == (given["status"], given["mine"])
            return bool(self._intent_log.settle(intent, lambda: ours))
        known = next((o for o in self._draft.desired.subjects if o.ref == subject), None)
        if now is not None:
            # Whoever set a mark before may have set it again after ours: its webhook tells.
            again = (
                known is not None and (known.marked_at or 0.0) > (intent.begun or 0.0) + self._tie
            )
            since = again or (now.status.value, _by(now)) != (given["before"], given["by"])
            return bool(self._intent_log.settle(intent, lambda: since))
        changed = known is not None and known.status.value != given["before"]
        return bool(self._intent_log.settle(intent, lambda: changed, lag=DELIVERED_WITHIN))

    def _said(self, subject: SubjectRef, sign: str, intent: Intent) -> bool:
        """Whether the comment is there. Where upstream cannot be asked, the comment counts as made: a
        second one could never be taken back."""
        there = self._there(subject, sign)
        return there is None or bool(self._intent_log.settle(intent, lambda: there))

    def carry_out(self, ref: TicketRef, telling: Telling, place: Observed, *, whole: bool) -> None:
        """Tell what is to be told. ``place`` is the ticket as it stands at the end of the walk's moves;
        ``whole``: the moves are done, so that all is agreed once everything is told.

        Raises the faults of the tracker; what was told before one is on record. Once upstream does not
        answer, nothing more is told.
        """
        for action in telling.actions:
            if self._untold is None or isinstance(action, CopyComment):
                with self._if_it_answers():
                    self._carry_out(ref, action)
        if not whole or self._untold is not None:
            return
        agreed = self._kept(telling.after)
        if not telling.waits:
            where = {"status": place.status.id, "resolution": str(place.resolution)}
            agreed = replace(agreed, **where)  # type: ignore[arg-type]
        self._remember(agreed)

    def _carry_out(self, ref: TicketRef, action: TellAction) -> None:
        try:
            if isinstance(action, MarkUpstream):
                done = self._mark(action)
            elif isinstance(action, CommentUpstream):
                done = self._say(action)
            else:
                done = self._copy(ref, action)
        except Already:
            done = True
        except (Missing, Rejected) as fault:
            if isinstance(action, CopyComment) and isinstance(fault, Missing):
                # Only a read proves that the ticket is gone.
                raise
            # Trying again would change nothing. It is agreed that the sides differ here.
            self._left.append(action)
            name, key = _name_of(action), ref.key
            words = f"not told: {action}; because {fault}"
            self._record.note(Entry(name, words, "left"))
            ACTIONS.labels(self._intent_log.tracker.site, name, "left").inc()
            log.warning("not told", act=name, ticket=key, what=str(action), why=str(fault))
            return
        if done:
            if isinstance(action, MarkUpstream):
                self._told.add(str(action.ref))
            self._remember(carried_out(self._agreement, action, self._intent_log.clock.time()))
            self._note(ref, _name_of(action), str(action))

    def _mark(self, action: MarkUpstream) -> bool:
        """Whether the subject has our mark now. A mark ``only_unmarked`` may have come too late."""
        way, ref = self._way(action.ref), str(action.ref)
        who, at = self._who(action.who, action.at)
        before = next(o.status for o in self._draft.desired.subjects if o.ref == action.ref)
        known = self._read.get(action.ref)
        if action.ref.kind is Kind.INCIDENT:
            call = partial(way.move_incident, action.ref, action.status, who, at)
        elif action.status is Status.OPEN:
            call = partial(way.clear, action.ref, who, at)
        else:
            # Where upstream cannot be asked, a mark that somebody has set meanwhile stands.
            only = action.only_unmarked or (known is None and before is Status.OPEN)
            call = partial(way.mark, action.ref, action.status, who, at, only_unmarked=only)
        about = {
            "status": action.status.value,
            "before": before.value,
            "by": _by(known) if known else "",
            "mine": way.called(who) if action.only_unmarked else "",
            "words": str(action),
        }
        with self._ways.breaker.call(action.ref.source):
            self._intent_log.make(Intent(IntentKind.MARK, ref, payload=about), call)
        if not action.only_unmarked:
            return True
        self._read.pop(action.ref, None)
        now = self._fresh(action.ref)
        ours = (action.status, way.called(who))
        return now is None or (now.status, _by(now)) == ours

    def _say(self, action: CommentUpstream) -> bool:
        if not self._there(action.ref, action.sign):
            who, at = self._who(action.who, action.at)
            call = partial(self._way(action.ref).comment, action.ref, action.text, who, at)
            about = {
                "subject": str(action.ref),
                "sign": action.sign,
                "name": action.name,
                "words": str(action),
            }
            with self._ways.breaker.call(action.ref.source):
                self._intent_log.make(Intent(IntentKind.SAY, action.name, payload=about), call)
        return True

    def _copy(self, ref: TicketRef, action: CopyComment) -> bool:
        one = action.comment
        call = partial(self._intent_log.tracker.comment, ref, one.text, one.marker)
        about = {"name": action.name, "words": str(action)}
        intent = Intent(IntentKind.COPY, one.marker, payload=about)
        self._intent_log.make(intent, partial(call, public=one.public))
        return True

    def _way(self, ref: SubjectRef) -> Upstream:
        way = self._ways.tell.get(ref.source)
        if way is None:
            raise Rejected(f"{ref.source} cannot be told", cause=Cause.PERMISSION)
        return way

    def _who(self, who: Person | None, at: float | None) -> tuple[Actor, float]:
        person = who or OURSELVES
        now = self._intent_log.clock.time()
        return Actor(person.name, person.email), now if at is None else at

    def _fresh(self, ref: SubjectRef) -> Snapshot | None:
        """The subject as the source's API knows it now; None where it cannot be asked, or is gone."""
        self._ask([ref])
        return self._read[ref]

    def _ask(self, refs: Iterable[SubjectRef]) -> None:
        """Read the subjects that were not read yet, with a call for each source and kind."""
        unread: dict[tuple[str, Kind], list[SubjectRef]] = {}
        for ref in refs:
            if ref not in self._read:
                self._read[ref] = None
                unread.setdefault((ref.source, ref.kind), []).append(ref)
        for (source, kind), some in unread.items():
            api = self._ways.ask.get(source)
            if api is None:
                continue
            ids = [ref.id for ref in some]
            # Credentials that may not read may be allowed to write all the same.
            with suppress(Rejected), self._ways.breaker.call(source):
                found = api.incidents(ids) if kind is Kind.INCIDENT else api.issues(ids)
                self._read.update({now.ref: now for now in found})

    def _there(self, ref: SubjectRef, sign: str) -> bool | None:
        """Whether a comment with this sign is there; None where upstream cannot be asked."""
        now = self._fresh(ref)
        return None if now is None else any(carries(one.text, sign) for one in now.comments)

    @property
    def _agreement(self) -> Agreement:
        return self._record.base.agreement or NONE

    def _remember(self, agreement: Agreement) -> None:
        self._record.base = replace(self._record.base, agreement=agreement)

    def _kept(self, after: Agreement) -> Agreement:
        """The agreement with what was done: marks that were not told stay as upstream has them. Those by
        which we acknowledged are not in ``after``, for they may come too late."""
        known, marks, ours = self._agreement, dict(after.marks), dict(after.ours)
        there = {str(one.ref): one.status.value for one in self._draft.desired.subjects}
        for ref in self._told & marks.keys():
            marks[ref], ours[ref] = known.marks[ref], known.ours[ref]
        for action in self._left:
            if isinstance(action, MarkUpstream):
                marks[str(action.ref)] = there.get(str(action.ref), Status.OPEN.value)
                ours.pop(str(action.ref), None)
        return replace(after, marks=marks, ours=ours)

    def _note(self, ref: TicketRef, name: str, words: str) -> None:
        self._record.note(Entry(name, words))
        ACTIONS.labels(self._intent_log.tracker.site, name, "ok").inc()
        log.info(name, ticket=ref.key, what=words, rule=self._record.rule)


def _name_of(action: TellAction) -> str:
    """The name of an act in the journal, the metrics and the log."""
    if isinstance(action, MarkUpstream):
        return _NAMES[IntentKind.MARK]
    return _NAMES[IntentKind.SAY if isinstance(action, CommentUpstream) else IntentKind.COPY]


def _by(now: Snapshot) -> str:
    """Who set the status of a subject, by name; "" where that is not told."""
    return str((now.payload.get("status_actor") or {}).get("name") or "")
