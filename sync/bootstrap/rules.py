"""The mapping rules, found by the settings: on disk, and in force."""

from __future__ import annotations

from sync.bootstrap.adapters import rule_defaults
from sync.rules import RuleErrors, RuleSet
from sync.settings import Settings, shipped
from sync.store import rulebook
from sync.store.engine import Store
from sync.worker.rulebook.files import RuleFiles


def rule_files(settings: Settings) -> RuleFiles:
    """The rule files on disk."""
    chosen, defaults = settings.mappings.directory, rule_defaults(settings)
    if chosen is None or settings.rules_folder_is_set:
        return RuleFiles(settings.rules_folder, defaults)
    return RuleFiles(chosen, defaults, shipped("mappings"))


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


def working_rules(settings: Settings, store: Store) -> tuple[RuleSet, str]:
    """The rules that the daemon works by, and a remark for people, "" for none.

    Where none are in force that can be used, those on disk, as the daemon would at its next start: the
    remark says so. Raises RuleErrors.
    """
    files = rule_files(settings)
    found = rules_in_force(files, store)
    if found is not None:
        return found, ""
    return files.load().rules, "No rules are in force that can be used: those on disk are used."
