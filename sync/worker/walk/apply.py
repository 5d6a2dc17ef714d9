"""Apply: carry a plan's actions out on a ticket that exists, intents on record before their calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from sync.domain.actions import (
    Action,
    Comment,
    Hold,
    LinkRemote,
    LinkTickets,
    Look,
    Transition,
    UnlinkTickets,
    Update,
)
from sync.domain.errors import Cause, Fault, Missing, Rejected, Unknown
from sync.domain.merge import has_landed, intents
from sync.domain.plan import Plan, arrival, plan, remote_link_digest, ticket_link_name
from sync.domain.rule import Category
from sync.domain.ticket import Base, Draft, Observed, TicketRef
from sync.domain.workflow import MAX_HOPS, Stuck, next_transition, reached, way_to
from sync.ports import Clock, Tracker
from sync.store.journal import Entry
from sync.store.tables import TicketRow
from sync.telemetry import ACTIONS
from sync.worker.walk.comments import Commenting
from sync.worker.walk.facts import Facts
from sync.worker.walk.record import NotYet, Record

log = structlog.get_logger("worker")

# A 404 that is not the ticket's own may pass; after so many tries it is told to people.
MISSING_TRIES = 3


class Apply:
    """One walk's hands on one ticket."""

    def __init__(
        self, facts: Facts, draft: Draft, tracker: Tracker, record: Record, clock: Clock
    ) -> None:
        self._facts = facts
        self._draft = draft
        self._tracker = tracker
        self._record = record
        self._clock = clock
        self._commenting = Commenting(facts, tracker, record, clock)

    def converge(self, ref: TicketRef, base: Base) -> tuple[Base, Plan]:
        """Plan, look where needed, and carry out. Returns the new base and the last plan made.

        Raises the tracker's faults; what was done before one is on record.
        """
        made = plan(self._draft, base, None, look=self._facts.look)
        observed: Observed | None = None
        if any(isinstance(action, Look) for action in made.actions):
            observed = self._tracker.read(ref.id, self._facts.project)
            if observed.ref.key != ref.key:
                self._moved(ref, observed)
                if observed.status.category is Category.NEW:
                    # The move put it at the start of another workflow; nobody wished that of it.
                    base = replace(base, status=None)
            ref = observed.ref
            self._let_land(base, observed)
            made = plan(self._draft, base, observed)
            base = made.base or base
        base = self._carry_out(ref, base, made, observed)
        return base, made

    def _let_land(self, base: Base, observed: Observed) -> None:
        """Raises NotYet while Jira may still be at a write of ours that was given up: landing late, it
        would undo what is written now."""
        left = base.open_until - self._clock.time()
        if left > 0 and not has_landed(base, observed):
            raise NotYet(
                "a write's call was not answered; it may still be carried out",
                self._clock.time() + max(2.0, left / 2) if left > 2.0 else base.open_until + 0.05,
            )

    def _open(self, base: Base) -> Base:
        """The base with a write about to be begun. Should we end in the middle of it, the connection
        ends too, and Jira gets no more of it than it had."""
        return replace(base, open_until=self._clock.time() + self._tracker.longest_call)

    def _given_up(self, base: Base, fault: Unknown) -> None:
        """The call has ended on our side; Jira may go on with it for a while."""
        until = 0.0 if fault.over else self._clock.time() + self._tracker.afterwork
        self._record.note(_with_base(replace(base, open_until=until)))

    def _carry_out(self, ref: TicketRef, base: Base, made: Plan, observed: Observed | None) -> Base:
        try:
            return self._take(ref, base, made, observed)
        except Missing as fault:
            # Only a read, which also looks at account and project, tells that a ticket is gone.
            if self._facts.attempts < MISSING_TRIES or observed is None:
                raise Unknown(f"{fault}; reading it again") from fault
            raise Rejected(
                f"{fault}, although {ref.key} itself is there",
                remedy="See whether Jira allows this on the ticket (linking, commenting), then retry.",
            ) from fault

    def _take(self, ref: TicketRef, base: Base, made: Plan, observed: Observed | None) -> Base:
        comment = next((a for a in made.actions if isinstance(a, Comment)), None)
        base = self._commenting.settle_earlier(ref, base, comment)
        if comment is not None:
            self._commenting.intend(comment)
        for action in made.actions:
            if isinstance(action, Update):
                base = self._update(ref, base, action)
            elif isinstance(action, Transition):
                base, observed = self._walk_to_target(ref, base, action, observed)
                # On record at once: what comes after may fail, and upstream may change its mind.
                base = self._arrived(base, observed, made.actions, moved=True)
        if (
            observed is not None
            and made.parked is None
            and (base.status is not self._draft.desired.status or base.moving)
        ):
            # A move whose reply was lost, and which did what it was to do, was ours all the same.
            moved = bool(base.moving) and observed.status.id == base.moving
            base = self._arrived(base, observed, made.actions, moved=moved)
        if made.parked is None:
            # Before the links: what it tells of is done, and must not be forgotten if those fail.
            base = self._commenting.carry_out(ref, base)
        for action in made.actions:
            if isinstance(action, LinkRemote):
                base = self._link_remote(ref, base, action)
            elif isinstance(action, LinkTickets):
                base = self._link_tickets(ref, base, action)
            elif isinstance(action, UnlinkTickets):
                base = self._unlink_tickets(ref, base, action)
        return base

    # One method an action: the call, then what it means for the record.

    def _update(self, ref: TicketRef, base: Base, action: Update) -> Base:
        begun = self._open(replace(base, updating=intents(self._draft, action.changes)))
        self._record.step(_with_base(begun))
        try:
            self._tracker.update(ref, action.changes)
        except Unknown as fault:
            self._given_up(begun, fault)
            raise
        except Fault:
            # Proven not done: what is there now must not be taken for what we wrote.
            self._record.note(_with_base(base))
            raise
        base = base.with_sent(
            {change.id: self._draft.fields[change.id].value for change in action.changes}
        )
        self._done(ref, base, "update", action)
        return base

    def _walk_to_target(
        self, ref: TicketRef, base: Base, step: Transition, observed: Observed | None
    ) -> tuple[Base, Observed]:
        """Hop by hop; the base, and the ticket as it stands at the end."""
        assert observed is not None
        target = self._draft.desired.target
        base = replace(base, way=way_to(target), walked=_and(base.walked, observed))
        for _ in range(MAX_HOPS + 1):
            resolution = str(step.fields.get("resolution", ""))
            base = replace(
                base, moving=step.hop.to.id, arriving=step.arrives, resolution=resolution
            )
            base = self._open(base)
            self._record.step(_with_base(base))
            try:
                self._tracker.transition(ref, step.hop, step.fields)
            except Unknown as fault:
                self._given_up(base, fault)
                raise
            self._done(ref, None, "transition", step)
            if step.arrives and not self._resolution_is_to_be_seen(step):
                return base, replace(observed, status=step.hop.to, resolution=resolution)
            observed = self._tracker.read(ref.id, self._facts.project)
            base = replace(base, walked=_and(base.walked, observed))
            if step.arrives or reached(target, observed.status):
                return base, observed
            after = next_transition(target, observed, base.walked)
            if isinstance(after, Stuck):
                # Parked, it is tried again and again; that must not lead it round each time.
                self._record.note(_with_base(base))
                raise Rejected(after.reason, cause=Cause.TRANSITION, remedy=after.remedy)
            step = after
        raise Unknown(
            f"{target} was not reached from {observed.status.name!r}; looking again later"
        )

    def _resolution_is_to_be_seen(self, step: Transition) -> bool:
        """Whether the workflow may give a ticket that we close a resolution by which people say no.

        Unseen, it would pass for a person's later. A close by another name is not worth the call.
        """
        hop, policy = step.hop, self._draft.desired.policy
        if hop.to.category is not Category.DONE or step.fields.get("resolution"):
            return False
        told = f"{hop.name}\n{hop.to.name}".casefold()
        noes = (*policy.leave_closed_resolutions, *policy.leave_closed_statuses)
        return any(no.casefold() in told for no in noes)

    def _arrived(
        self, base: Base, after: Observed, actions: Sequence[Action], *, moved: bool
    ) -> Base:
        base = arrival(base, self._draft, after, moved=moved)
        holds = [Entry("hold", str(a), "held") for a in actions if isinstance(a, Hold)]
        self._record.note(_with_base(base), *holds)
        return base

    def _link_remote(self, ref: TicketRef, base: Base, action: LinkRemote) -> Base:
        self._tracker.link_remote(ref, action.link)
        known = {**base.remote_links, action.link.global_id: remote_link_digest(action.link)}
        base = replace(base, remote_links=known)
        self._done(ref, base, "link", action)
        return base

    def _link_tickets(self, ref: TicketRef, base: Base, action: LinkTickets) -> Base:
        name = ticket_link_name(action.link)
        again = name in base.linking
        ended = replace(base, linking=tuple(n for n in base.linking if n != name))
        if not again:
            self._record.step(_with_base(replace(base, linking=(*base.linking, name))))
        try:
            self._tracker.link_tickets(ref, action.link, again=again)
        except (Missing, Rejected) as fault:
            if isinstance(fault, Rejected) and fault.cause is not Cause.PERMISSION:
                raise
            # The other one is gone, and this one is not to blame; its own walk will find out.
            self._record.step(_with_base(ended), Entry("link", f"{action}: {fault}", "warning"))
            return ended
        base = replace(ended, ticket_links=(*ended.ticket_links, name))
        self._done(ref, base, "link", action)
        return base

    def _unlink_tickets(self, ref: TicketRef, base: Base, action: UnlinkTickets) -> Base:
        with suppress(Missing):
            self._tracker.unlink_tickets(ref, action.link)
        name = ticket_link_name(action.link)
        base = replace(base, ticket_links=tuple(n for n in base.ticket_links if n != name))
        self._done(ref, base, "unlink", action)
        return base

    def _moved(self, before: TicketRef, observed: Observed) -> None:
        def change(row: TicketRow) -> None:
            row.jira_key = observed.ref.key
            row.project = observed.project

        words = f"{before.key} is now {observed.ref.key}"
        self._record.step(change, Entry("moved", words))
        log.info("moved", ticket=observed.ref.key, before=before.key)

    def _done(self, ref: TicketRef, base: Base | None, name: str, action: Action) -> None:
        def change(row: TicketRow) -> None:
            if base is not None:
                row.base = base.to_json()

        # Each of them can be done again, or is found again by its marker or by looking.
        self._record.note(change, Entry(name, str(action)))
        ACTIONS.labels(self._tracker.site, name, "ok").inc()
        log.info(name, ticket=ref.key, what=str(action), rule=self._draft.desired.rule.name)


def _and(walked: tuple[str, ...], observed: Observed) -> tuple[str, ...]:
    """The statuses stood in, with the present one last."""
    here = observed.status.id
    return (*(id_ for id_ in walked if id_ != here), here)


def _with_base(base: Base) -> Callable[[TicketRow], None]:
    def change(row: TicketRow) -> None:
        row.base = base.to_json()

    return change
