"""Apply: carry a plan's actions out on a ticket that exists, intents on record before their calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import structlog

from sync.domain.actions import (
    Action,
    Change,
    Comment,
    Leave,
    LinkRemote,
    LinkTickets,
    Look,
    Transition,
    UnlinkTickets,
    Update,
)
from sync.domain.admission import Admission, as_decided
from sync.domain.attendance import after_move, detail_of_move, watched, wrote
from sync.domain.errors import Cause, Missing, Parked, Rejected
from sync.domain.intent import Intent, IntentKind, has_landed, of_update
from sync.domain.merge import wishes_agreed
from sync.domain.plan import (
    Plan,
    arrival,
    in_its_project,
    plan,
    remote_link_digest,
    ticket_link_name,
)
from sync.domain.rule import Category
from sync.domain.ticket import Draft, Observed, ParkedField, TicketRef
from sync.domain.upstream import NOTHING
from sync.domain.workflow import MAX_HOPS, Stuck, next_transition, reached, way_to
from sync.store import edit_progress
from sync.store.journal import Entry
from sync.store.tables import TicketRow
from sync.telemetry import ACTIONS
from sync.worker.walk.comments import Commenting
from sync.worker.walk.facts import Facts
from sync.worker.walk.guard import admission_kept, admission_over, unless_said
from sync.worker.walk.incidents import parked_field
from sync.worker.walk.intents import IntentLog
from sync.worker.walk.kept import Kept
from sync.worker.walk.outcomes import MISSING_TRIES
from sync.worker.walk.record import LookAgain
from sync.worker.walk.telling import NO_WAYS, Teller, Ways

log = structlog.get_logger("worker")

_WRITES = (IntentKind.UPDATE, IntentKind.MOVE)
NO_DETAIL: Mapping[str, Any] = MappingProxyType({})


class Apply:
    """Carries out what one walk plans. What is agreed with Jira goes to ``record.base``.

    ``unsure``: an earlier life of the store may have made the comments of this walk. ``kept`` keeps what
    the walk writes over.
    """

    def __init__(
        self,
        facts: Facts,
        draft: Draft,
        intent_log: IntentLog,
        ways: Ways = NO_WAYS,
        *,
        unsure: bool = False,
        kept: Kept | None = None,
    ) -> None:
        self._commenting = Commenting(intent_log, unsure=unsure)
        tells = draft.desired.upstream is not None or intent_log.record.intents.open
        self._teller = Teller(draft, intent_log, ways) if tells else None
        self._guard = ways.guard
        self._facts = facts
        self._draft = draft
        self._intent_log = intent_log
        self._tracker = intent_log.tracker
        self._record = intent_log.record
        # What Jira refused for good of this walk. It holds up nothing else.
        self._refused: list[Rejected] = []
        # Whether the moves of this walk were made, if any were wanted.
        self._moves_done = False
        # The ticket as it stands after this walk's moves, None where there was none.
        self._arrived: Observed | None = None
        # The ticket before this walk's next move.
        self._place: Observed | None = None
        self._kept = kept or Kept()

    def converge(self, ref: TicketRef) -> Plan:
        """Plan, look where needed, and carry out. Returns the last plan made.

        Raises the tracker's faults, NotYet and LookAgain; what was done before one is on record.
        Rejected, and Untold where upstream does not answer, are raised last, when everything else is
        done.
        """
        record = self._record
        made = plan(self._draft, record.base, None, look=self._facts.look, intents=record.intents)
        observed: Observed | None = None
        if made.actions and isinstance(made.actions[0], Look):
            observed = self._look(ref)
            ref = observed.ref
            if self._teller is not None:
                self._teller.settle(ref)
            record.base = watched(record.base, observed, self._draft.desired.status)
            self._draft = in_its_project(self._draft, observed)
            made = self._planned(observed)
            if self._teller is not None:
                self._teller.ask(made.telling)
            for kind in _WRITES:
                record.intents = record.intents.without(kind)
        self._note(made)
        record.note(*self._kept.begin(made.back))
        record.look_by = made.telling.again_at
        try:
            self._carry_out(ref, made, observed)
        except Missing as fault:
            # A write's 404 does not prove that the ticket is gone. Only a read does, which looks at our
            # account and at the project as well.
            if self._facts.attempts < MISSING_TRIES or observed is None:
                raise LookAgain(f"{fault}; reading it again") from fault
            raise Rejected(
                f"{fault}, although {ref.key} itself is there",
                remedy="See whether Jira allows this on the ticket (linking, commenting), then retry.",
            ) from fault
        record.base = wishes_agreed(self._draft, record.base)
        self._end_undo()
        if self._refused:
            raise self._refused[0]
        if self._teller is not None and made.parked is None:
            self._teller.end()
        return made

    def _end_undo(self) -> None:
        """What people do from now on is theirs, however often the ticket is walked again."""
        if self._draft.former is not None and not self._refused:
            self._record.note(change=edit_progress.put_back(self._facts.undoes))

    def _planned(self, observed: Observed) -> Plan:
        """The plan for the ticket as Jira shows it, by which upstream is told what the guard admits."""
        facts, record, draft = self._facts, self._record, self._draft
        # On record together with the row that says that this has been carried out.
        record.base = as_decided(draft, record.base, observed, facts.admission, facts.admission_at)
        make = partial(plan, draft, record.base, observed, intents=record.intents)
        now = self._intent_log.clock.time()
        made = self._guard.planned(record.store, facts, now, lambda waits: make(waits=waits))
        change = admission_kept(facts, made, now)
        if change is None:
            return unless_said(facts, made)
        record.note(change=change)
        return made

    def _note(self, made: Plan) -> None:
        """What a plan found out goes on record: the base, what is left, and which fields are parked."""
        self._record.base = made.base or self._record.base
        left = [action for action in made.actions if isinstance(action, Leave)]
        if left:
            self._record.note(*(Entry("leave", str(action), "left") for action in left))
        for id_, parked in made.parked_fields.items():
            self._tell(id_, parked)
        if made.back is not None and made.back.target is not None:
            target = made.back.target
            self._draft = replace(self._draft, desired=replace(self._draft.desired, target=target))

    def _tell(self, field_id: str, parked: Parked) -> None:
        words = str(parked)
        self._record.note(Entry("park", f"not written: {words}", "parked"))
        log.warning("field parked", key=self._facts.key, field=field_id, why=words)

    @contextmanager
    def _by_itself(self) -> Iterator[None]:
        """What Jira refuses for good inside does not keep the rest of the walk from being done."""
        try:
            yield
        except Rejected as fault:
            self._refused.append(fault)

    def _look(self, ref: TicketRef) -> Observed:
        """Read the ticket. Raises NotYet while Jira may still be at an update or a move of ours that
        was given up: landing late, it would undo what is written now."""
        looked_at = self._intent_log.clock.time()
        # The acts from before count as well: they tell who brought the ticket where it stands.
        since = None if self._draft.desired.upstream is None else 0.0
        observed = self._tracker.read(ref.id, self._facts.project, history_since=since)
        if observed.ref.key != ref.key:
            self._moved(ref, observed)
        for kind in _WRITES:
            intent = self._record.intents.of(kind)
            if intent is not None:
                landed = partial(has_landed, intent, observed)
                if self._intent_log.settle(intent, landed, looked_at=looked_at):
                    self._found_landed(kind, observed)
        return observed

    def _found_landed(self, kind: IntentKind, observed: Observed) -> None:
        """Note an update or a move whose reply was lost, and which the ticket shows."""
        record, now = self._record, self._intent_log.clock.time()
        record.base = wrote(record.base, now)
        if kind is IntentKind.MOVE:
            before = Category.DONE if record.base.closed_by_us else Category.NEW
            status = self._draft.desired.status
            detail = detail_of_move(record.base, before, observed.status.category, status)
            record.base = after_move(record.base, detail, now)
            words = f"move to {observed.status.name}, whose reply was lost"
            record.note(Entry("transition", words, detail=detail))

    def _carry_out(self, ref: TicketRef, made: Plan, observed: Observed | None) -> None:
        # The comment goes on record with what it speaks of, and is made as soon as that is done: before
        # the links, whose failure must not make us forget it.
        comment = next((a for a in made.actions if isinstance(a, Comment)), None)
        with self._by_itself():
            if comment is not None or self._record.intents.open:
                self._commenting.intend(ref, comment)
        if observed is not None:
            self._write(ref, made, observed)
        elif self._record.intents.open:
            with self._by_itself():
                self._commenting.carry_out(ref)
        for action in made.actions:
            with self._by_itself():
                self._link(ref, action)
        if observed is not None and made.telling is not NOTHING:
            self._tell_upstream(ref, made, self._arrived or observed)

    def _tell_upstream(self, ref: TicketRef, made: Plan, place: Observed) -> None:
        # A field, a link or a comment that Jira refuses makes no difference to what both sides agree on.
        whole = made.parked is None and self._moves_done
        assert self._teller is not None
        self._teller.carry_out(ref, made.telling, place, whole=whole)
        done = self._teller.through and not made.telling.waits
        if self._facts.admission is Admission.ACCEPTED and done:
            self._record.note(change=admission_over(self._facts))

    def _write(self, ref: TicketRef, made: Plan, observed: Observed) -> None:
        """Fields, status and comment. In a status that forbids edits, the fields come last."""
        update = next((a for a in made.actions if isinstance(a, Update)), None)
        moves_first = observed.edit_screen == {}
        if update is not None and not moves_first:
            moves = made.parked is not None or any(isinstance(a, Transition) for a in made.actions)
            self._update(ref, update.changes, observed, along=not moves)
        if made.parked is None:
            with self._by_itself():
                self._bring_to_status(ref, made, observed)
                self._moves_done = True
                if self._record.intents.open:
                    self._commenting.carry_out(ref)
        if update is not None and moves_first:
            self._edit_now(ref)

    # One method an action: the call, then what it means for the record.

    def _update(
        self,
        ref: TicketRef,
        changes: tuple[Change, ...],
        observed: Observed,
        *,
        along: bool = False,
    ) -> None:
        """Write the fields. Those that Jira refuses are parked, and the rest is written.

        Jira's refusal names the fields or, where it does not, each field is tried by itself. The comment
        goes ``along`` at the first try, where Jira takes it and nobody needs its id.
        """
        running = self._draft.desired.policy.running_comment
        along = along and observed.comment_along and not running and self._commenting.free()
        waiting = [changes]
        while waiting:
            some = waiting.pop()
            try:
                self._edit(ref, some, along=along)
            except Rejected as fault:
                if along and "comment" in fault.refused:
                    along = False
                    waiting.append(some)
                    continue
                along = False
                refused, rest = _refused_of(some, fault)
                for change in refused:
                    if change.back:
                        words = f"not put back: {change.name}: {fault}"
                        self._record.note(Entry("leave", words, "left"))
                    else:
                        self._park_field(change, fault, observed)
                waiting += rest
                continue
            self._record.base = self._record.base.with_sent(
                {one.id: self._draft.fields[one.id].value for one in some if not one.back}
            )
            self._done(ref, "update", Update(some))

    def _edit(self, ref: TicketRef, some: tuple[Change, ...], *, along: bool) -> None:
        base = self._record.base
        intent = of_update(self._draft, some, base)
        kept = self._kept.of_changes(some, self._draft, base)

        def make(comment: Comment | None) -> None:
            call = partial(self._tracker.update, ref, some, comment)
            self._intent_log.make(intent, call, *kept)

        if along:
            self._commenting.along(ref, make, self._intent_log.clock.time(), kept=True)
        else:
            make(None)

    def _park_field(self, change: Change, fault: Rejected, observed: Observed) -> None:
        record = self._record
        parked = ParkedField(
            parked_field(fault, self._draft, change.id),
            self._draft.fields[change.id].wish,
            observed.described(change.id),
        )
        record.base = replace(record.base, parked={**record.base.parked, change.id: parked})
        self._tell(change.id, parked.parked)

    def _edit_now(self, ref: TicketRef) -> None:
        """Write the fields of a ticket that has left a status in which nothing could be edited."""
        observed = self._tracker.read(ref.id, self._facts.project)
        made = plan(self._draft, self._record.base, observed)
        self._note(made)
        for action in made.actions:
            if isinstance(action, Update) and observed.edit_screen != {}:
                self._update(ref, action.changes, observed)

    def _bring_to_status(self, ref: TicketRef, made: Plan, observed: Observed) -> None:
        """Move the ticket where the plan says so, and remember that the status is dealt with."""
        if made.telling.waits:
            return
        record, moved = self._record, True
        step = next((a for a in made.actions if isinstance(a, Transition)), None)
        if step is not None:
            self._place = observed
            self._arrived = observed = self._walk_to_target(ref, step, observed)
        elif record.base.status is not self._draft.desired.status or record.base.walked:
            # A move of an earlier walk may have led here, whose reply was lost.
            moved = record.base.brought_to(observed.status.id)
        else:
            return
        record.base = arrival(record.base, self._draft, observed, moved=moved)
        former = self._draft.former
        if made.back is not None and made.back.move is not None and former and former.status:
            record.base = former.status.placed(record.base)

    def _walk_to_target(self, ref: TicketRef, step: Transition, observed: Observed) -> Observed:
        """Take hop after hop; the ticket as it stands at the end.

        The base remembers the way from hop to hop: a ticket parked on it is tried again and again, and
        must not be led round each time.
        """
        record, target = self._record, self._draft.desired.target
        walked = record.base.walked if record.base.way else ()
        base = replace(record.base, way=way_to(target), walked=walked)
        record.base = base.stepped(observed.status.id)
        for _ in range(MAX_HOPS + 1):
            self._take_hop(ref, step, observed)
            if step.arrives and not self._resolution_is_to_be_seen(step):
                resolution = str(step.fields.get("resolution", ""))
                return replace(observed, status=step.hop.to, resolution=resolution)
            self._place = observed = self._tracker.read(ref.id, self._facts.project)
            if step.arrives:
                return self._as_we_left_it(step, observed)
            if reached(target, observed.status, observed.statuses):
                return observed
            record.base = record.base.stepped(observed.status.id)
            after = next_transition(target, observed, record.base.walked)
            if isinstance(after, Stuck):
                raise Rejected(after.reason, cause=Cause.TRANSITION, remedy=after.remedy)
            step = after
        raise LookAgain(
            f"{target} was not reached from {observed.status.name!r}; looking again later"
        )

    def _as_we_left_it(self, last: Transition, seen: Observed) -> Observed:
        """The ticket as our last move left it. Automation may have moved the ticket on at once, and
        where upstream is told what others do, that is an act of its own."""
        if self._draft.desired.upstream is None or seen.status.id == last.hop.to.id:
            return seen
        resolution = str(last.fields.get("resolution", ""))
        return replace(seen, status=last.hop.to, resolution=resolution)

    def _take_hop(self, ref: TicketRef, step: Transition, observed: Observed) -> None:
        """Take one transition. What its screen refuses and does not require is left out. The comment
        goes along where Jira lists it or the rule says so, and where Jira does not take the transition
        without it."""
        wanted = self._draft.desired.target.comments or self._may_go_unseen(step)
        along, other, first = step.arrives and wanted, False, None
        while True:
            try:
                self._move(ref, step, along=along)
                break
            except Rejected as fault:
                left = {
                    i: value for i, value in step.fields.items() if not _optional(step, i, fault)
                }
                if len(left) < len(step.fields):
                    step = replace(step, fields=left)
                    self._record.note(Entry("leave", f"without what is refused: {fault}", "left"))
                elif not other and self._otherwise(fault, along=along):
                    along, other, first = not along, True, fault
                else:
                    # What Jira says of the transition without a comment.
                    raise (first or fault if along else fault) from None
        self._record.base = self._record.base.stepped(step.hop.to.id, arrived=step.arrives)
        self._note_move(ref, step, observed)

    def _note_move(self, ref: TicketRef, step: Transition, before: Observed) -> None:
        """Note a move that was made, and whether it closed the ticket or opened it again."""
        record, status = self._record, self._draft.desired.status
        detail = detail_of_move(record.base, before.status.category, step.hop.to.category, status)
        record.base = after_move(record.base, detail, self._intent_log.clock.time())
        self._done(ref, "transition", step, detail)

    def _move(self, ref: TicketRef, step: Transition, *, along: bool) -> None:
        intent = Intent(IntentKind.MOVE, step.hop.to.id, payload={"arrives": step.arrives})
        place, base = self._place, self._record.base
        kept = self._kept.of_move(place, step, self._draft, base) if place else []

        def make(comment: Comment | None) -> None:
            call = partial(self._tracker.transition, ref, step.hop, step.fields, comment)
            self._intent_log.make(intent, call, *kept)

        if along:
            now = self._intent_log.clock.time()
            self._commenting.along(ref, make, now, kept=self._may_go_unseen(step))
        else:
            make(None)

    def _may_go_unseen(self, step: Transition) -> bool:
        """Whether a comment may go along unseen: Jira says it takes it, and nobody needs its id."""
        running = self._draft.desired.policy.running_comment
        return step.hop.comment_along and not running and self._commenting.free()

    def _otherwise(self, fault: Rejected, *, along: bool) -> bool:
        """Whether a refused transition may be taken with a comment along or, if it had one, without."""
        if along:
            return "comment" in fault.refused
        return self._commenting.owed() and fault.cause is not Cause.PERMISSION

    def _resolution_is_to_be_seen(self, step: Transition) -> bool:
        """Whether a close of ours must be read to see the resolution that the workflow gave.

        Only where upstream is told what people do, and where the transition or its status is named like
        a resolution by which people decline tickets: unseen, the workflow's resolution would later pass
        for a person's.
        """
        hop, policy = step.hop, self._draft.desired.policy
        if hop.to.category is not Category.DONE or step.fields.get("resolution"):
            return False
        if self._draft.desired.upstream is not None:
            return True
        names = f"{hop.name}\n{hop.to.name}".casefold()
        noes = (*policy.leave_closed_resolutions, *policy.leave_closed_statuses)
        return any(no.casefold() in names for no in noes)

    def _link(self, ref: TicketRef, action: Action) -> None:
        if isinstance(action, LinkRemote):
            self._link_remote(ref, action)
        elif isinstance(action, LinkTickets):
            self._link_tickets(ref, action)
        elif isinstance(action, UnlinkTickets):
            self._unlink_tickets(ref, action)

    def _link_remote(self, ref: TicketRef, action: LinkRemote) -> None:
        # No intent: it is an upsert, which may be made any number of times.
        self._tracker.link_remote(ref, action.link)
        base, link = wrote(self._record.base, self._intent_log.clock.time()), action.link
        known = {**base.remote_links, link.global_id: remote_link_digest(link)}
        self._record.base = replace(base, remote_links=known)
        self._done(ref, "link", action)

    def _link_tickets(self, ref: TicketRef, action: LinkTickets) -> None:
        record, name = self._record, ticket_link_name(action.link)
        again = record.intents.of(IntentKind.LINK, name) is not None
        try:
            self._intent_log.make(
                Intent(IntentKind.LINK, name),
                lambda: self._tracker.link_tickets(ref, action.link, again=again),
            )
        except (Missing, Rejected) as fault:
            lasting = isinstance(fault, Rejected) and fault.cause is not Cause.PERMISSION
            if lasting and not action.link.optional:
                raise
            # The other ticket is gone, which its own walk will find out. This one is not to blame.
            record.note(Entry("link", f"{action}: {fault}", "warning"))
            return
        record.base = replace(record.base, ticket_links=(*record.base.ticket_links, name))
        self._done(ref, "link", action)

    def _unlink_tickets(self, ref: TicketRef, action: UnlinkTickets) -> None:
        with suppress(Missing):
            self._tracker.unlink_tickets(ref, action.link)
        name, base = ticket_link_name(action.link), self._record.base
        left = tuple(n for n in base.ticket_links if n != name)
        self._record.base = replace(base, ticket_links=left)
        self._done(ref, "unlink", action)

    def _moved(self, before: TicketRef, observed: Observed) -> None:
        """A person moved the ticket to another project."""

        def change(row: TicketRow) -> None:
            row.jira_key = observed.ref.key
            row.project = observed.project

        words = f"{before.key} is now {observed.ref.key}"
        if observed.status.category is Category.NEW:
            # Jira may have put it at the start of the other project's workflow, which nobody wished:
            # the status wanted is dealt with anew.
            self._record.base = replace(self._record.base, status=None)
        self._record.step(Entry("moved", words), change=change)
        log.info("moved", ticket=observed.ref.key, before=before.key)

    def _done(
        self, ref: TicketRef, name: str, action: Action, detail: Mapping[str, Any] = NO_DETAIL
    ) -> None:
        # Noted only: after a crash the action is done again, or found by its marker or by looking.
        words = str(action)
        self._record.note(Entry(name, words, detail=detail))
        ACTIONS.labels(self._tracker.site, name, "ok").inc()
        log.info(name, ticket=ref.key, what=words, rule=self._draft.desired.rule.name)


def _refused_of(
    changes: tuple[Change, ...], fault: Rejected
) -> tuple[Sequence[Change], list[tuple[Change, ...]]]:
    """Which of the changes Jira refused, and what to try next, together or one by one."""
    refused = [change for change in changes if change.id in fault.refused]
    if not refused and len(changes) > 1 and fault.cause is not Cause.PERMISSION:
        return (), [(change,) for change in changes]
    if not refused:
        return changes, []
    rest = tuple(change for change in changes if change.id not in fault.refused)
    return refused, [rest] if rest else []


def _optional(step: Transition, field_id: str, fault: Rejected) -> bool:
    """Whether Jira refused a field of a transition's screen that may be left out."""
    screen = step.hop.fields.get(field_id)
    return field_id in fault.refused and not (screen and screen.required)
