"""The mapping rules, found by the settings: on disk, and in force."""

from __future__ import annotations

from sync.bootstrap.adapters import rule_defaults
from sync.rules import RuleErrors, RuleSet, parse
from sync.settings import Settings
from sync.store import rulebook
from sync.store.engine import Store
from sync.worker.rulebook.files import RuleFiles


def rule_files(settings: Settings) -> RuleFiles:
    """The rule files on disk."""
    return RuleFiles(settings.rules_folder, rule_defaults(settings))


def rules_in_force(settings: Settings, store: Store) -> RuleSet | None:
    """What the daemon works by; None before its first start, or where that cannot be used any more."""
    with store.read() as session:
        edition = rulebook.in_force(session)
    if edition is None:
        return None
    try:
        return parse(edition.texts, rule_defaults(settings))
    except RuleErrors:
        return None
