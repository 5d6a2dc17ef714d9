"""Deciding on what waits to be told upstream."""

from __future__ import annotations

from dataclasses import dataclass

from sync.domain.admission import Admission
from sync.operations.accounts import Account
from sync.operations.acts import Act, Done, perform
from sync.operations.errors import Changed
from sync.operations.untold import Untold, tickets_in_words, untold
from sync.store import admissions
from sync.store.engine import Store


@dataclass(frozen=True, slots=True)
class Decided(Done):
    """What was accepted or rejected: how many acts, of how many tickets; 0 where the same act had just
    been done."""

    acts: int = 0
    tickets: int = 0


def decide(
    store: Store,
    account: Account,
    decision: Admission,
    now: float,
    *,
    rule: str = "",
    shown: int | None = None,
) -> Decided:
    """Accept or reject everything that waits (of a rule). Raises Changed where more tickets wait than
    the ``shown`` ones that the account has seen."""
    acts = count = 0

    def work() -> str:
        nonlocal acts, count
        if shown is not None:
            with store.read() as session:
                there = _waiting(untold(session), rule)
            if there > shown:
                raise Changed(
                    f"{tickets_in_words(there)} {'waits' if there == 1 else 'wait'} by now, and you "
                    f"have seen {shown:,}. Look again."
                )
        done = admissions.decide(store, decision, now, rule=rule)
        acts, count = done.acts, done.tickets
        return decided_words(decision, acts, count, rule)

    verb = "accept" if decision is Admission.ACCEPTED else "reject"
    done = perform(store, account, Act(f"upstream {verb}", rule), work, now)
    return Decided(done.id, done.words, done.already, acts, count)


def decided_words(decision: Admission, acts: int, count: int, rule: str) -> str:
    """What a decision did, in words."""
    of = f" of rule {rule!r}" if rule else ""
    if not count:
        return f"Nothing{of} waits."
    which = f"{'1 act' if acts == 1 else f'{acts} acts'} of {tickets_in_words(count)}{of}"
    if decision is Admission.ACCEPTED:
        return f"Accepted {which}: told as soon as a daemon has looked at them again."
    return f"Rejected {which}: not told. What people do from now on is told."


def _waiting(found: Untold, rule: str) -> int:
    if not rule:
        return found.waiting.tickets
    return sum(one.tickets for one in found.waiting.by_rule if one.rule == rule)
