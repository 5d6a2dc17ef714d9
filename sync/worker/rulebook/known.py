"""The rules in force as the store knows them, and others as if they were in force."""

from __future__ import annotations

from sync.rules import RuleErrors, RuleSet
from sync.store import rulebook
from sync.store.engine import Store
from sync.worker.rulebook.files import RuleFiles


def rules_in_force(files: RuleFiles, store: Store) -> RuleSet | None:
    """The rules in force; None before the daemon's first start, or where a change of the program or of
    the configuration has made them unusable."""
    with store.read() as session:
        edition = rulebook.in_force(session)
    try:
        return files.parse(edition.texts).told_since(edition.telling) if edition else None
    except RuleErrors:
        return None


def as_if_in_force(rules: RuleSet, store: Store, now: float) -> RuleSet:
    """Rules from disk as they would be in force from ``now`` on (seconds since the epoch): each knows
    since when it has told upstream what it tells, which is now where it is new or edited."""
    with store.read() as session:
        edition = rulebook.in_force(session)
    return rules.told_since(rules.tellings(edition.telling if edition else {}, now))
