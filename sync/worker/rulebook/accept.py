"""Accepting an edit of the rules by hand, however many tickets it touches."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from sync.rules import RuleErrors
from sync.store import rule_versions, rulebook
from sync.store.engine import Store
from sync.store.rulebook import Edition
from sync.worker.rulebook.files import Loaded, RuleFiles
from sync.worker.rulebook.impact import (
    Impact,
    Sites,
    begun_words,
    follow_pauses,
    impact,
    with_undone,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """How an edit is accepted. ``only_new``: the tickets that exist stay as they are. ``force``: also
    where Jira would not take what the rules say. ``account`` accepts. ``digest``: the rules that are
    accepted, "" for whichever are on disk."""

    only_new: bool = False
    force: bool = False
    account: str = ""
    digest: str = ""


class OtherRules(Exception):
    """The rules on disk are not the ones that were to be accepted."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What accepting did. ``new`` is False where these rules were in force before. ``changed``, ``made``
    and ``retried`` are numbers of tickets, ``aside`` is the number of those that would be set aside.
    ``mistakes`` says what Jira would not take; ``refused``: because of that, the rules are not in force.
    ``unasked`` says why a site could not be asked, "" for nothing. ``begun`` and ``differ`` are numbers
    of tickets as in ``Impact``."""

    digest: str
    new: bool
    changed: int = 0
    made: int = 0
    retried: int = 0
    only_new: bool = False
    aside: int = 0
    mistakes: tuple[str, ...] = ()
    unasked: str = ""
    refused: bool = False
    begun: int = 0
    differ: int | None = None

    def __str__(self) -> str:
        if self.refused:
            return (
                f"Not in force: Jira would not take what these rules say.\n{self._listed()}\n"
                "Mend the rules, or put them in force all the same with `rules accept --force`."
            )
        if not self.new:
            return "These rules are in force already; nothing waits."
        stay = "stay as they are for now" if self.only_new else "will be changed"
        return (
            f"In force. Of the open tickets, {self.changed} {stay}; {self.made} will be made and "
            f"{self.retried} parked ones tried again. Running daemons swap within seconds."
            + (f"\n{begun_words(self.begun, self.differ)}" if self.begun else "")
            + (f"\n{self._listed()}" if self.mistakes else "")
            + (f"\nNot all values were checked: {self.unasked}." if self.unasked else "")
        )

    def _listed(self) -> str:
        return "\n".join(f"  {mistake}" for mistake in self.mistakes)


def accept(
    store: Store,
    files: RuleFiles,
    now: float,
    *,
    sites: Sites | None = None,
    terms: Terms | None = None,
) -> Acceptance:
    """Put the rules on disk in force. Daemons follow, and make the tickets that differ due.

    Refuses rules that hold what the ``sites`` would not take, unless the ``terms`` say otherwise. Raises
    OtherRules, RuleErrors and StoreUnavailable.
    """
    terms = terms or Terms()
    loaded = files.load()
    digest = loaded.rules.digest
    if terms.digest not in ("", digest):
        raise OtherRules
    with store.read() as session:
        known = rulebook.in_force(session)
    if known is not None and known.digest == digest:
        with store.write() as session:
            rulebook.clear(session, rulebook.WAITING)
        return Acceptance(digest, new=False)
    found, before = Impact((), 0, (), 0), None
    if known is not None:
        # Where this version of the program cannot read the set in force, nothing is compared.
        with suppress(RuleErrors):
            before = files.parse(known.texts).told_since(known.telling)
            after = loaded.rules.told_since(loaded.rules.tellings(known.telling, now))
            found = impact(store, before, after, now, sites.trackers if sites else None)
    with store.read() as session:
        undoes = rulebook.undone_by(session, loaded.texts)
    found = with_undone(store, found, undoes)
    wrong = (*(sites.mistakes(before, loaded.rules) if sites else ()), *found.mistakes())
    told = Acceptance(
        digest,
        not wrong or terms.force,
        len(found.changed),
        found.made,
        len(found.parked),
        terms.only_new,
        len(found.aside),
        wrong,
        found.unasked,
        begun=len(found.begun),
        differ=found.differ,
    )
    if not told.new:
        return replace(told, refused=True)
    with store.write() as session:
        known = rulebook.in_force(session, lock=True)
        edition = _edition(loaded, known, now, only_new=terms.only_new)
        edition = replace(edition, undoes=rulebook.undone_by(session, loaded.texts))
        rulebook.put_in_force(session, edition)
        follow_pauses(session, before, loaded.rules.told_since(edition.telling))
        rulebook.clear(session, rulebook.PROBLEM)
        rule_versions.add(session, edition, terms.account, changed=told.changed, made=told.made)
    return told


def _edition(loaded: Loaded, known: Edition | None, now: float, *, only_new: bool) -> Edition:
    """The rules on disk as the set in force. ``known`` is the set before."""
    return Edition(
        loaded.rules.digest,
        dict(loaded.texts),
        "accepted by hand",
        max(now, known.at + 0.001) if known else now,
        # Until a daemon has seen the last edit, tickets are in step with the set before it.
        (known.previous or known.texts) if known else None,
        "new" if only_new else "all",
        loaded.shipped,
        loaded.rules.tellings(known.telling if known else {}, now),
    )
