"""What a walk writes down: each step in a transaction of its own, under the lease, with the journal."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, cast

from sync.domain.errors import Parked
from sync.domain.intent import NO_INTENTS, Intents
from sync.domain.ticket import UNRESOLVED, Base
from sync.ports import Clock
from sync.store import claims, steps
from sync.store.claims import Claim
from sync.store.engine import Store
from sync.store.journal import Entry, Line
from sync.store.steps import Changes
from sync.store.tables import TicketRow


class NotYet(Exception):
    """What became of an earlier call cannot be known before ``again_at`` (seconds since the epoch)."""

    def __init__(self, words: str, again_at: float) -> None:
        super().__init__(words)
        self.again_at = again_at


class LookAgain(Exception):
    """The ticket is not as planned: the next walk reads the ticket before it decides."""


class Record:
    """Writes one walk's results. Every method that writes raises LeaseLost when the lease is lost.

    ``base`` and ``intents`` are given as they are on record, and set by the walk as it goes. The next
    step, or the end of the walk, writes both in one commit with its own changes.
    """

    def __init__(
        self,
        store: Store,
        claim: Claim,
        clock: Clock,
        lease: float,
        base: Base | None = None,
        intents: Intents = NO_INTENTS,
    ) -> None:
        self.store = store
        self.claim = claim
        self._clock = clock
        self._lease = lease
        self.rule = ""
        self._noted: list[tuple[Changes | None, tuple[Entry, ...], float]] = []
        self.base = base or Base()
        self.intents = intents
        self._written = (self.base, self.intents)
        # See ``TicketRow.settled_by``. Each end of a walk writes it anew.
        self.settled_by = ""
        # When to look at the ticket again at the latest, also if it is parked (seconds since the epoch):
        # what people do with it is told all the same. None for no such time.
        self.look_by: float | None = None
        # What is to be done before the next write if the ticket belongs to an incident, or is one's.
        self.if_related: Callable[[], None] | None = None

    def note(self, *entries: Entry, change: Changes | None = None) -> None:
        """Leave changes and entries to the next step or the end of the walk.

        Only for what a crash before then may lose, because doing it again is harmless or an intent is on
        record.
        """
        self._noted.append((change, entries, self._clock.time()))

    def step(self, *entries: Entry, change: Changes | None = None) -> None:
        """Change the row, add journal entries, and renew the lease: one commit."""
        now = self._clock.time()
        self._noted.append((change, entries, now))

        def renew(row: TicketRow) -> None:
            row.lease_until = now + self._lease

        reached = self._write_noted(renew)
        if self.store.progress is not None:
            # From now on a copy of the store from before this step is known to be older.
            self.store.progress.put(reached)

    def finish(
        self, *entries: Entry, again_at: float | None = None, change: Changes | None = None
    ) -> None:
        """The walk's last step: release the ticket, settled or due again at ``again_at``."""
        now = self._clock.time()
        self._noted.append((change, entries, now))
        claim = self.claim

        def last(row: TicketRow) -> None:
            claims.release(row, claim, again_at=again_at, now=now)
            row.settled_by = self.settled_by if row.due_at is None else ""

        self._write_noted(last)

    def settle(self, *entries: Entry, again_at: float | None = None) -> None:
        """End a walk that went well: the ticket is as its rule wants it."""

        fields = self.base.parked
        # The draft alone tells of a field that cannot be resolved; one that Jira refused is looked at.
        refused = any(one.screen not in ("", UNRESOLVED) for one in fields.values())

        def change(row: TicketRow) -> None:
            row.attempts = 0
            row.error = ""
            row.look = refused or (row.look and row.wanted != self.claim.wanted)
            row.edit_open = row.edit_open and row.wanted != self.claim.wanted
            row.parked = self._parked_fields(row) or None
            row.parked_at = None

        self.finish(*entries, again_at=self._sooner(again_at), change=change)

    def _sooner(self, again_at: float | None) -> float | None:
        return min((at for at in (again_at, self.look_by) if at is not None), default=None)

    def park(self, parked: Parked, *, again_at: float | None) -> None:
        """Set the ticket aside with the reason in words. It is tried again at ``again_at``."""
        now = self._clock.time()

        def change(row: TicketRow) -> None:
            row.parked = {**parked.to_json(), **self._parked_fields(row)}
            row.parked_at = row.parked_at or now
            row.error = str(parked)
            row.attempts += 1

        entry = Entry("park", str(parked), "parked")
        self.finish(entry, again_at=self._sooner(again_at), change=change)

    def _parked_fields(self, row: TicketRow) -> dict[str, Any]:
        """The parked fields as the row keeps them: ``{"fields": {id: reason, words …, since}}``."""
        before = (row.parked or {}).get("fields", {})
        fields = {}
        for id_, one in self.base.parked.items():
            known = before.get(id_, {})
            same = known.get("wish") == one.wish
            since = known.get("since") if same else self._clock.time()
            fields[id_] = {**one.parked.to_json(), "wish": one.wish, "since": since}
        return {"fields": fields} if fields else {}

    def retry(
        self, words: str, *, again_at: float, counted: bool = True, look: bool = False
    ) -> None:
        """End a walk that met a temporary fault: due again at ``again_at``.

        ``counted``: the wait grows with each retry in a row. ``look``: the next walk reads Jira.
        """

        def change(row: TicketRow) -> None:
            row.attempts += int(counted)
            row.error = words
            row.look = row.look or look

        self.finish(Entry("retry", words, "retry"), again_at=again_at, change=change)

    def _write_noted(self, last: Changes) -> int:
        """Write what was noted, the base and the intents to the claimed row; how far the journal has
        come. ``last`` has the last word on the row."""
        base, intents = self._written
        about, noted = self.claim.ticket_id, self._noted

        def change(row: TicketRow) -> None:
            if self.base is not base:
                row.base = self.base.to_json()
            if self.intents is not intents:
                row.intents = self.intents.to_json()
            for one, _, _ in noted:
                if one is not None:
                    one(row)
            last(row)

        lines = [Line(entry, at, about, self.rule) for _, entries, at in noted for entry in entries]
        row = cast("TicketRow", copy(self.claim.about.row))
        change(row)
        self.claim, reached = steps.write(
            self.store, self.claim, row, change, lines, alone=self.if_related
        )
        noted.clear()
        self.if_related = None
        self._written = (self.base, self.intents)
        return reached
