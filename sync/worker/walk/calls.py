"""Calls that change Jira: each intent on record before its call, and each open one settled by one way.

Adding a call: describe it as an ``Intent``, make it through ``Calls.make``, and set ``record.base`` to
what the call led to before anything else is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from sync.domain.backoff import search_delay
from sync.domain.errors import Fault, Unknown
from sync.domain.intent import Intent, IntentKind
from sync.ports import Clock, Tracker
from sync.worker.walk.record import Changes, Entry, NotYet, Record

_T = TypeVar("_T")


class Calls:
    """Makes the calls of one walk, and finds out what became of those of an earlier one."""

    def __init__(self, record: Record, tracker: Tracker, clock: Clock) -> None:
        self._record = record
        self._tracker = tracker
        self._clock = clock

    def make(
        self,
        intent: Intent,
        call: Callable[[], _T],
        *entries: Entry,
        change: Changes | None = None,
    ) -> _T:
        """What the call returns. The intent is committed before it, with ``entries`` and ``change``.

        Raises the tracker's faults. After Unknown the intent stays open; after every other fault, which
        proves that nothing was done, it is closed (a comment, which is owed, stays to be made).
        """
        record = self._record
        before = record.intents
        intent = replace(intent, begun=self._clock.time(), until=None, looks=0)
        record.intents = before.put(intent)
        record.step(*entries, change=change)
        try:
            result = call()
        except Unknown as fault:
            record.intents = record.intents.put(
                replace(intent, until=self._given_up(intent, fault))
            )
            raise
        except Fault:
            # An earlier call of this kind, such as that for a link which was looked for in vain, stays
            # open: the fault says nothing about it.
            record.intents = before.put(replace(intent, until=0.0)) if intent.owed else before
            raise
        record.intents = before.without(intent.kind, intent.about) if before.open else before
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
        looked_at = self._clock.time() if looked_at is None else looked_at
        found = find()
        over_at = self._over_at(intent) + lag
        if found or looked_at >= over_at:
            return found
        record = self._record
        record.intents = record.intents.put(replace(intent, looks=intent.looks + 1))
        raise NotYet(
            f"the {intent.kind} call was not answered; looking for what it did",
            min(looked_at + search_delay(intent.looks), over_at + 0.05),
        )

    def _given_up(self, intent: Intent, fault: Unknown) -> float:
        """Until when Jira may carry out a call that has just ended without an answer.

        A create counts as open even if Jira itself answered: a second ticket is worse than a wait.
        """
        if fault.over and intent.kind is not IntentKind.CREATE:
            return 0.0
        return self._clock.time() + self._tracker.afterwork

    def _over_at(self, intent: Intent) -> float:
        """When Jira surely carries the call out no more.

        Where no end is on record, the process has ended during the call. The connection has ended with
        it, and Jira gets no more of the call than it had; only for a create, which must not be
        doubled, Jira's own work on it is waited for as well.
        """
        if intent.until is not None:
            return intent.until
        created = intent.kind is IntentKind.CREATE
        afterwork = self._tracker.afterwork if created else 0.0
        return (intent.begun or 0.0) + self._tracker.longest_call + afterwork
