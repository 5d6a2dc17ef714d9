"""Telling upstream what people did in Jira, as a plan says: each act once, on record before its call.

After a call without an answer the subject is read again. The act is told again only if upstream surely
did not carry it out and nobody has acted upstream since: a later act of a person stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

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
from sync.ports import SourceApi, Upstream
from sync.store.journal import Entry
from sync.telemetry import ACTIONS
from sync.worker.walk.guard import Guard
from sync.worker.walk.intents import IntentLog

log = structlog.get_logger("worker")

# What we do upstream by ourselves is done in this name.
OURSELVES = Person(name="ticket-sync")
_KINDS = (IntentKind.MARK, IntentKind.SAY, IntentKind.COPY)


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways to upstream, by the source's name: to tell it, and to ask it where it can be asked. The
    guard says how much upstream is told."""

    tell: Mapping[str, Upstream] = field(default_factory=dict)
    ask: Mapping[str, SourceApi] = field(default_factory=dict)
    guard: Guard = field(default_factory=Guard)


NO_WAYS = Ways()


class Teller:
    """Tells upstream for one walk. What is agreed with upstream goes to ``record.base.agreement``."""

    def __init__(self, draft: Draft, intent_log: IntentLog, ways: Ways) -> None:
        self._draft = draft
        self._intent_log = intent_log
        self._record = intent_log.record
        self._ways = ways
        # By subject, as the source's API knows it now.
        self._read: dict[SubjectRef, Snapshot | None] = {}
        # What is not told for good, by the name of its action.
        self._left: list[TellAction] = []

    def settle(self, ref: TicketRef) -> Draft:
        """Find out what became of the acts that an earlier walk began to tell; the draft, with the
        subjects as they are now. Raises NotYet while upstream may still be at it."""
        for kind in _KINDS:
            for intent in [one for one in self._record.intents.open if one.kind is kind]:
                self._settle(ref, intent)
                self._record.intents = self._record.intents.without(kind, intent.about)
        subjects = tuple(
            replace(one, status=now.status, at=now.event_time / 1e9, comments=now.comments)
            if (now := self._read.get(one.ref)) is not None
            else one
            for one in self._draft.desired.subjects
        )
        self._draft = replace(self._draft, desired=replace(self._draft.desired, subjects=subjects))
        return self._draft

    def _settle(self, ref: TicketRef, intent: Intent) -> None:
        given = intent.payload
        if intent.kind is IntentKind.COPY:
            find = partial(self._intent_log.tracker.find_comment, ref, intent.about)
            done = bool(self._intent_log.settle(intent, find))
        elif intent.kind is IntentKind.SAY:
            done = self._said(SubjectRef.parse(given["subject"]), given["sign"], intent)
        else:
            done = self._marked(SubjectRef.parse(intent.about), intent)
        if not done:
            return
        known, now = self._agreement, self._intent_log.clock.time()
        if intent.kind is IntentKind.MARK:
            known = known.marked(intent.about, Status(given["status"]), now)
        else:
            known = replace(known, done=(*known.done, given["name"]))
        self._remember(known)
        self._note(given["words"])

    def _marked(self, subject: SubjectRef, intent: Intent) -> bool:
        """Whether the subject has the status that was told. Somebody who acted since stands."""
        status = self._status(subject)
        if status is None or status.value not in (
            intent.payload["before"],
            intent.payload["status"],
        ):
            return False
        told = status.value == intent.payload["status"]
        return bool(self._intent_log.settle(intent, lambda: told))

    def _said(self, subject: SubjectRef, sign: str, intent: Intent) -> bool:
        """Whether the comment is there. Where upstream cannot be asked, the comment counts as made: a
        second one could never be taken back."""
        there = self._there(subject, sign)
        return there is None or bool(self._intent_log.settle(intent, lambda: there))

    def carry_out(self, ref: TicketRef, telling: Telling, place: Observed, *, whole: bool) -> None:
        """Tell what is to be told. ``place`` is the ticket as it stands at the end of the walk's moves;
        ``whole``: the moves are done, so that all is agreed once everything is told.

        Raises the faults of upstream and of the tracker; what was told before one is on record.
        """
        for action in telling.actions:
            self._carry_out(ref, action)
        if not whole:
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
        except (Missing, Rejected) as fault:
            # Trying again would change nothing. It is agreed that the sides differ here.
            self._left.append(action)
            self._record.note(Entry("tell", f"not told: {action}: {fault}", "left"))
            log.warning("not told upstream", what=str(action), why=str(fault))
            return
        if done:
            self._remember(carried_out(self._agreement, action, self._intent_log.clock.time()))
            self._note(str(action))

    def _mark(self, action: MarkUpstream) -> bool:
        """Whether the subject has our mark now. A mark ``only_unmarked`` may have come too late."""
        way, ref = self._way(action.ref), str(action.ref)
        who, at = self._who(action.who, action.at)
        if action.ref.kind is Kind.INCIDENT:
            call = partial(way.move_incident, action.ref, action.status, who, at)
        elif action.status is Status.OPEN:
            call = partial(way.clear, action.ref, who, at)
        else:
            only = action.only_unmarked
            call = partial(way.mark, action.ref, action.status, who, at, only_unmarked=only)
        before = next(o.status for o in self._draft.desired.subjects if o.ref == action.ref)
        about = {"status": action.status.value, "before": before.value, "words": str(action)}
        try:
            self._intent_log.make(Intent(IntentKind.MARK, ref, payload=about), call)
        except Already:
            return True
        if not action.only_unmarked:
            return True
        self._read.pop(action.ref, None)
        return self._marked_by(action.ref) in ("", who.name)

    def _marked_by(self, ref: SubjectRef) -> str:
        """Who upstream says set the mark; "" where upstream cannot be asked."""
        now = self._fresh(ref)
        if now is None:
            return ""
        if now.status is not Status.INVESTIGATING:
            return "somebody else"
        return str((now.payload.get("status_actor") or {}).get("name") or "")

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
        if ref not in self._read:
            api = self._ways.ask.get(ref.source)
            found = []
            if api is not None:
                found = (api.incidents if ref.kind is Kind.INCIDENT else api.issues)([ref.id])
            self._read[ref] = found[0] if found else None
        return self._read[ref]

    def _status(self, ref: SubjectRef) -> Status | None:
        now = self._fresh(ref)
        if now is not None:
            return now.status
        return next((o.status for o in self._draft.desired.subjects if o.ref == ref), None)

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
        """The agreement with what was done: marks that were not told stay as upstream has them, and
        those that may have come too late are as they were found."""
        known, marks, ours = self._agreement, dict(after.marks), dict(after.ours)
        there = {str(one.ref): one.status.value for one in self._draft.desired.subjects}
        for ref in marks:
            if ref in known.ours and known.marks[ref] != there.get(ref):
                marks[ref], ours[ref] = known.marks[ref], known.ours[ref]
        for action in self._left:
            if isinstance(action, MarkUpstream):
                marks[str(action.ref)] = there.get(str(action.ref), Status.OPEN.value)
                ours.pop(str(action.ref), None)
        return replace(after, marks=marks, ours=ours)

    def _note(self, words: str) -> None:
        self._record.note(Entry("tell", words))
        ACTIONS.labels(self._intent_log.tracker.site, "tell", "ok").inc()
        log.info("tell", what=words, rule=self._record.rule)
