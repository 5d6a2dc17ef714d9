"""Accepting an edit of the rules by hand, however many tickets it touches."""

from __future__ import annotations

from dataclasses import dataclass

from sync.rules import RuleErrors
from sync.store import rulebook
from sync.store.engine import Store
from sync.store.rulebook import Edition
from sync.worker.rulebook.files import Loaded, RuleFiles
from sync.worker.rulebook.impact import Impact, impact


@dataclass(frozen=True, slots=True)
class Accepted:
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


def accept(store: Store, files: RuleFiles, now: float, *, only_new: bool = False) -> Accepted:
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
        return Accepted(digest, new=False)
    found = _impact(store, known, loaded, files, now)
    with store.write() as session:
        known = rulebook.in_force(session, lock=True)
        rulebook.put_in_force(
            session,
            Edition(
                digest,
                dict(loaded.texts),
                "accepted by hand",
                max(now, known.at + 0.001) if known else now,
                # If no daemon has seen the last edit yet, tickets still are as the set before it asks.
                (known.previous or known.texts) if known else None,
                "new" if only_new else "all",
            ),
        )
        rulebook.clear(session, rulebook.PROBLEM)
    if found is None:
        return Accepted(digest, new=True, only_new=only_new)
    return Accepted(
        digest, True, len(found.changed), found.made, len(found.parked), only_new=only_new
    )


def _impact(
    store: Store, known: Edition | None, loaded: Loaded, files: RuleFiles, now: float
) -> Impact | None:
    if known is None:
        return None
    try:
        return impact(store, files.parse(known.texts), loaded.rules, now)
    except RuleErrors:
        # This version of the program cannot read the set in force, so there is nothing to compare with.
        return None
