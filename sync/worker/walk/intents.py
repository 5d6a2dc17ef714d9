"""Calls that change Jira: each put on record as an intent before it is made, and all settled alike.

To add a call, describe it as an ``Intent``, make it through ``IntentLog.make``, and then set
``record.base`` to what the call led to, before anything else is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from sync.domain.attendance import wrote
from sync.domain.backoff import search_delay
from sync.domain.errors import Fault, Unknown
from sync.domain.intent import Intent, IntentKind
from sync.ports import Clock, Tracker
from sync.store.journal import Entry
from sync.store.steps import Changes
from sync.worker.walk.record import NotYet, Record

_T = TypeVar("_T")


class IntentLog:
    """Makes the calls of one walk, and finds out what became of those of an earlier walk.

    >>> IntentLog(record, tracker, clock).make(
    ...     Intent(IntentKind.LINK, name), lambda: tracker.link_tickets(ref, link)
    ... )  # doctest: +SKIP
    """

    def __init__(self, record: Record, tracker: Tracker, clock: Clock) -> None:
        self.record = record
        self.tracker = tracker
        self.clock = clock

    def make(
        self, intent: Intent, call: Callable[[], _T], *entries: Entry, change: Changes | None = None
    ) -> _T:
        """What the call returns. The intent is committed before it, with ``entries`` and ``change``.

        Raises the tracker's faults. After Unknown the intent stays open; after every other fault, which
        proves that nothing was done, it is closed; a comment, which is owed, stays to be made.
        """
        record = self.record
        before = record.intents
        intent = replace(intent, begun=self.clock.time(), until=None, looks=0)
        record.intents = before.put(intent)
        record.step(*entries, change=change)
        try:
            result = call()
        except Unknown as fault:
            # Jira may go on with a call that was given up, unless it was Jira itself that answered. A
            # create counts as open all the same: a second ticket is worse than a wait.
            over = fault.over and intent.kind is not IntentKind.CREATE
            until = 0.0 if over else self.clock.time() + self.tracker.afterwork
            record.intents = before.put(replace(intent, until=until))
            raise
        except Fault:
            # An earlier call of this kind, such as that for a link which was looked for in vain, stays
            # open: the fault says nothing about it.
            record.intents = before.put(replace(intent, until=0.0)) if intent.owed else before
            raise
        record.intents = before.without(intent.kind, intent.about) if before.open else before
        record.base = wrote(record.base, self.clock.time())
        return result

    def settle(
        self,
        intent: Intent,
        find: Callable[[], _T],
        *,
        looked_at: float | None = None,
        lag: float = 0.0,
    ) -> _T:
        """What ``find`` finds of an earlier call; what is false ("", [], False) proves that the call led
        to nothing.

        ``looked_at`` is when the look at Jira began that ``find`` judges, now by default; ``lag`` is
        for how many seconds a look may not show what was done. Raises NotYet while the call may still be
        carried out: landing later, it would double or undo what is done now.
        """
        looked_at = self.clock.time() if looked_at is None else looked_at
        found = find()
        over_at = self._over_at(intent) + lag
        if found or looked_at >= over_at:
            return found
        record = self.record
        record.intents = record.intents.put(replace(intent, looks=intent.looks + 1))
        said = intent.payload.get("said")
        why = f"Jira failed on the {intent.kind} call ({said})" if said else ""
        raise NotYet(
            f"{why or f'the {intent.kind} call was not answered'}; looking for what it did",
            min(looked_at + search_delay(intent.looks), over_at + 0.05),
        )

    def _over_at(self, intent: Intent) -> float:
        """When Jira surely carries the call out no more.

        Where no end is on record, the process has ended during the call. The connection has ended with
        it, and Jira gets no more of the call than it had; only for a create, which must not be
        doubled, Jira's own work on it is waited for as well.
        """
        if intent.until is not None:
            return intent.until
        created = intent.kind is IntentKind.CREATE
        afterwork = self.tracker.afterwork if created else 0.0
        return (intent.begun or 0.0) + self.tracker.longest_call + afterwork
