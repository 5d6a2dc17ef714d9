"""Making a ticket exactly once.

The intent is on record before the call. A lost reply leaves the ticket ``creating``. Then only a search
for its marker, once Jira's index has caught up, proves whether the ticket was made; before that proof
nothing is created again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import structlog

from sync.domain.actions import Adopt, Leave
from sync.domain.agreement import Agreement
from sync.domain.attendance import MADE
from sync.domain.backoff import search_delay
from sync.domain.errors import Fault, Missing, Refused, Rejected, Unknown
from sync.domain.intent import Intent, IntentKind
from sync.domain.plan import plan_unmade
from sync.domain.subject import Status
from sync.domain.ticket import Base, Draft, ParkedField, TicketRef
from sync.store.claims import LeaseLost
from sync.store.journal import Entry
from sync.store.steps import Changes
from sync.store.tables import TicketRow, TicketState
from sync.worker.walk.facts import Facts
from sync.worker.walk.incidents import parked_field
from sync.worker.walk.intents import IntentLog
from sync.worker.walk.past import Past, agreed
from sync.worker.walk.record import NotYet
from sync.worker.walk.refusals import FAILURES, Refusals, lasting

log = structlog.get_logger("worker")


class Creation:
    """Makes the ticket of one walk, or finds the one that an earlier call made."""

    def __init__(self, facts: Facts, draft: Draft, intent_log: IntentLog, past: Past) -> None:
        self._facts = facts
        self._past = past
        self._draft = draft
        self._intent_log = intent_log
        self._tracker = intent_log.tracker
        self._record = intent_log.record
        self._clock = intent_log.clock
        # How often Jira failed on the create call, each time proven to have made nothing, and its words.
        self._failures = 0
        self._said = ""

    def make(self, refusals: Refusals) -> TicketRef | None:
        """The ticket, made or found, with its base on record; None when the rule asks for none.

        Raises the tracker's faults, and NotYet while the outcome of an earlier call is open.
        """
        if self._facts.state is TicketState.CREATING:
            found = self._made_before()
            if found is not None:
                return found
        found = self._made_in_an_earlier_life()
        if found is not None:
            return found
        if self._failures >= (1 if self._facts.parked else FAILURES):
            raise lasting(self._facts, self._said)
        action = plan_unmade(self._draft).actions[0]
        if isinstance(action, Leave):
            self._record.settle(Entry("leave", str(action), "left"))
            return None
        if not self._facts.look:
            # A ticket that `retry` asked for is tried in spite of what others were refused.
            refusals.check(self._draft)
        # Probing a site may take long. It comes before the intent, whose time bounds the call's.
        self._tracker.health.ready()
        try:
            ref = self._create_without_refused(str(action))
        except Fault as fault:
            if isinstance(fault, Rejected):
                refusals.note(self._draft, fault)
            self._record.note(change=_not_made)
            raise
        refusals.forget(self._draft)
        return ref

    def _create_without_refused(self, words: str) -> TicketRef:
        """Make the ticket without the fields that Jira refuses and does not require.

        A refusal proves that no ticket was made. A field that was left out and is refused again is
        required; then Rejected is raised with the words about its value.
        """
        while True:
            try:
                return self._create(words)
            except Rejected as fault:
                draft, refused = self._draft, fault.refused.keys()
                if not refused or "summary" in refused or not refused <= draft.fields.keys():
                    raise _required(draft, fault) from None
                self._record.note(change=_not_made)
                self._draft = draft.without(
                    {
                        id_: ParkedField(
                            parked_field(fault, draft, id_), draft.fields[id_].wish, screen=""
                        )
                        for id_ in refused
                    }
                )

    def _create(self, words: str) -> TicketRef:
        draft, tracker = self._draft, self._tracker
        sent = {id_: f.value for id_, f in draft.fields.items() if f.value is not None}
        wish = draft.desired.upstream
        new = Base(
            status=Status.OPEN,
            unannounced=True,
            parked=draft.parked_fields,
            agreement=Agreement(wish.since) if wish else None,
            wrote=self._clock.time(),
        )
        base = new.with_sent(sent)
        # A process that stood still must not send the call later: another process may have proven by
        # then that no ticket was made, and make one itself.
        not_after = self._clock.time() + tracker.goes_out_within
        payload = {"base": base.to_json(), "failures": self._failures}

        try:
            ref = self._intent_log.make(
                Intent(IntentKind.CREATE, payload=payload),
                lambda: tracker.create(draft, not_after=not_after),
                Entry("intend", f"about to {words}"),
                change=_creating(draft.project),
            )
        except Unknown as fault:
            intent = self._record.intents.of(IntentKind.CREATE)
            if fault.failed and intent is not None:
                said = replace(intent, payload={**payload, "said": str(fault)})
                self._record.intents = self._record.intents.put(said)
            self._record.note(Entry("create", str(fault), "unknown"))
            raise NotYet(str(fault), self._clock.time() + search_delay(0)) from fault
        left_out = [
            Entry("park", f"not written: {one.parked}", "parked")
            for one in draft.parked_fields.values()
        ]
        self._link(ref, base, Entry("create", f"{words}: {ref.key}"), *left_out)
        log.info("created", ticket=ref.key, key=self._facts.key, rule=draft.desired.rule.name)
        return ref

    def _made_before(self) -> TicketRef | None:
        """The ticket of an open create call. None when it is proven that there is none."""
        record, key = self._record, self._facts.key
        intent = record.intents.of(IntentKind.CREATE)
        if intent is None:
            intent = Intent(IntentKind.CREATE, begun=self._clock.time())
        refs = self._intent_log.settle(intent, self._there, lag=self._tracker.index_lag)
        if not refs:
            self._prove_absent()
            if intent.payload.get("said"):
                self._failures = int(intent.payload.get("failures") or 0) + 1
                self._said = str(intent.payload["said"])
            record.intents = record.intents.without(IntentKind.CREATE)
            record.note(Entry("find", "not there; the call did not make it"), change=_not_made)
            return None
        adopt = Adopt(refs[0], tuple(refs[1:]))
        entries = [Entry("adopt", str(adopt), detail={"stage": MADE})]
        if adopt.extras:
            words = (
                f"{', '.join(extra.key for extra in adopt.extras)} carry the marker of "
                f"{adopt.ref.key} too; they are left as they are"
            )
            entries.append(Entry("double", words, "warning"))
            log.warning("several tickets with one marker", kept=adopt.ref.key, key=key)
        record.intents = record.intents.without(IntentKind.CREATE)
        # The base is what the lost call sent.
        base = replace(Base.from_json(intent.payload.get("base")), status=Status.OPEN)
        self._link(adopt.ref, base, *entries)
        log.info("adopted", ticket=adopt.ref.key, key=key)
        return adopt.ref

    def _made_in_an_earlier_life(self) -> TicketRef | None:
        """The ticket of this key that the store did not know of. None where there surely is none."""
        draft, tracker = self._draft, self._tracker
        while (ref := self._past.ticket_of(self._facts, draft.project, tracker)) is not None:
            observed = self._past.taken(self._facts, ref, tracker)
            if observed is not None:
                words = f"{observed.ref.key} was made for it before, and the store did not know"
                base = replace(agreed(draft, observed), unannounced=True)
                self._link(observed.ref, base, Entry("adopt", words), project=observed.project)
                log.info("adopted", ticket=observed.ref.key, key=self._facts.key)
                return observed.ref
        return None

    def _there(self) -> list[TicketRef]:
        """The tickets with our marker that exist: Jira's index may still show deleted ones."""
        found = []
        for ref in self._tracker.find(self._facts.key):
            with suppress(Missing):
                found.append(self._tracker.read(ref.id, self._facts.project).ref)
        return found

    def _prove_absent(self) -> None:
        """Raises the tracker's faults unless it is proven that no ticket carries our marker.

        To a caller that Jira does not know, or that may not see the project, a search shows nothing.
        Only a search between two proofs that this is not so proves anything.
        """
        self._tracker.verify(self._facts.project)
        refs = self._tracker.find(self._facts.key)
        self._tracker.verify(self._facts.project)
        if refs:
            raise Refused("its ticket has just come to light")

    def _link(self, ref: TicketRef, base: Base, *entries: Entry, project: str = "") -> None:
        """Put on record, at once, which ticket it is."""

        def change(row: TicketRow) -> None:
            row.state = TicketState.LINKED
            row.jira_id = ref.id
            row.jira_key = ref.key
            row.project = project or row.project
            row.seen = ""
            row.error = ""

        self._record.base = base
        self._record.step(*entries, change=change)


def _required(draft: Draft, fault: Rejected) -> Rejected:
    """The refusal, with the words about the required field that was left out, if that is the cause."""
    known = draft.parked_fields
    why = next((known[id_].parked for id_ in fault.refused if id_ in known), None)
    return why.again() if why is not None else fault


def _creating(project: str) -> Changes:
    def change(row: TicketRow) -> None:
        if row.state != TicketState.NEW or row.jira_id is not None:
            raise LeaseLost("the ticket became another's while it was about to be made")
        row.state = TicketState.CREATING
        row.project = project

    return change


def _not_made(row: TicketRow) -> None:
    row.state = TicketState.NEW
