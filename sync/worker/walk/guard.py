"""The guard against floods: more acts than a person would expect wait until a person accepts them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import structlog

from sync.domain.actions import Leave
from sync.domain.admission import ACCEPT, WINDOW, Admission, act_name, acts_of
from sync.domain.plan import Plan
from sync.store import admissions, told
from sync.store.engine import Store
from sync.store.steps import Changes
from sync.store.tables import TicketRow
from sync.worker.walk.facts import Facts

log = structlog.get_logger("worker")


class Guard:
    """Lets at most ``most`` acts through within ten minutes, of all daemons on the store. Acts that a
    person accepted do not count. Safe to share between threads."""

    def __init__(self, most: int = 50) -> None:
        self._most = most
        self._lock = threading.Lock()
        # Whether the log says already that acts wait.
        self._said = False

    def planned(self, store: Store, facts: Facts, now: float, make: Callable[[bool], Plan]) -> Plan:
        """The plan by which upstream is told what may be told now. ``make`` makes the plan: one whose
        acts wait, or one whose acts are told. Raises StoreUnavailable."""
        if facts.admission is Admission.WAITING:
            return make(True)
        made = make(False)
        acts = [act_name(act) for act in acts_of(made.telling)]
        if not acts or facts.admission is Admission.ACCEPTED:
            return made
        if told.admit(store, facts.ticket_id, acts, now=now, window=WINDOW, most=self._most):
            self._said = False
            return made
        self._say(store)
        return make(True)

    def _say(self, store: Store) -> None:
        """Say in the log that acts begin to wait: once, until acts are let through again."""
        with self._lock:
            said, self._said = self._said, True
        if said:
            return
        with store.read() as session:
            if admissions.any_waits(session):
                return
        log.warning(
            "acts wait to be told upstream",
            why=f"more than {self._most} (large_upstream) in ten minutes",
            remedy=f"see `ticket-sync upstream show`; then {ACCEPT} or `ticket-sync upstream reject`",
        )


def admission_kept(facts: Facts, made: Plan, now: float) -> Changes | None:
    """What the ticket's row is to say of its acts once a plan is made; None where it says so already."""
    telling = made.telling
    agreed = made.base.agreement if made.base else None
    admission: Admission | None = None
    untold = telling.untold
    if agreed is not None and agreed.held:
        admission = Admission.HELD
    elif untold:
        admission = Admission.WAITING
    elif facts.admission in (Admission.WAITING, Admission.ACCEPTED) and (
        telling.waits or acts_of(telling)
    ):
        # An act that is not over yet: what a person decided, or has to decide, is still open.
        admission, untold = facts.admission, facts.untold
    if (admission, untold) == (facts.admission, facts.untold):
        return None
    return _admitted(facts, admission, untold, now)


def unless_said(facts: Facts, made: Plan) -> Plan:
    """The plan without the words that the same acts wait, or that the ticket is held, as it did and was
    before: robots may have the ticket looked at for ever."""
    if facts.admission not in (Admission.WAITING, Admission.HELD):
        return made
    said = set(map(Leave, made.telling.reasons))
    return replace(made, actions=tuple(one for one in made.actions if one not in said))


def admission_over(facts: Facts) -> Changes:
    """The ticket's row once everything that a person accepted has been told."""
    return _admitted(facts, None, 0, 0.0)


def _admitted(facts: Facts, admission: Admission | None, untold: int, now: float) -> Changes:
    def change(row: TicketRow) -> None:
        if row.admission != facts.admission:
            # A person has decided something since the walk began, which the next walk carries out.
            return
        if row.admission != admission:
            row.admission_at = None if admission is None else now
        row.admission = None if admission is None else admission.value
        row.untold = untold

    return change
