"""Accepting an edit of the rules by hand, however many tickets it touches."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from sync.rules import RuleErrors
from sync.store import rulebook
from sync.store.engine import Store
from sync.store.rulebook import Edition
from sync.worker.rulebook.files import RuleFiles
from sync.worker.rulebook.impact import Impact, impact


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What accepting did. ``new`` is False where these rules were in force before. ``changed``, ``made``
    and ``retried`` are numbers of tickets."""

    digest: str
    new: bool
    changed: int = 0
    made: int = 0
    retried: int = 0
    only_new: bool = False

    def __str__(self) -> str:
        if not self.new:
            return "These rules are in force already; nothing waits."
        stay = "stay as they are for now" if self.only_new else "will be changed"
        return (
            f"In force. Of the open tickets, {self.changed} {stay}; {self.made} will be made and "
            f"{self.retried} parked ones tried again. Running daemons swap within seconds."
        )


def accept(store: Store, files: RuleFiles, now: float, *, only_new: bool = False) -> Acceptance:
    """Put the rules on disk in force. Daemons follow, and make the tickets that differ due.

    With ``only_new`` the tickets that exist stay as they are. Raises RuleErrors and StoreUnavailable.
    """
    loaded = files.load()
    digest = loaded.rules.digest
    with store.read() as session:
        known = rulebook.in_force(session)
    if known is not None and known.digest == digest:
        with store.write() as session:
            rulebook.clear(session, rulebook.WAITING)
        return Acceptance(digest, new=False)
    found = Impact((), 0, (), 0)
    if known is not None:
        # Where this version of the program cannot read the set in force, nothing is compared.
        with suppress(RuleErrors):
            found = impact(store, files.parse(known.texts), loaded.rules, now)
    with store.write() as session:
        known = rulebook.in_force(session, lock=True)
        rulebook.put_in_force(
            session,
            Edition(
                digest,
                dict(loaded.texts),
                "accepted by hand",
                max(now, known.at + 0.001) if known else now,
                # Until a daemon has seen the last edit, tickets are in step with the set before it.
                (known.previous or known.texts) if known else None,
                "new" if only_new else "all",
                loaded.shipped,
            ),
        )
        rulebook.clear(session, rulebook.PROBLEM)
    changed, retried = len(found.changed), len(found.parked)
    return Acceptance(digest, True, changed, found.made, retried, only_new=only_new)
