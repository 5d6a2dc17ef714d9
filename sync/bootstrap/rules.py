"""The mapping rules, found by the settings: on disk, and in force."""

from __future__ import annotations

from sync.bootstrap.adapters import rule_defaults
from sync.rules import RuleSet
from sync.settings import Settings, shipped
from sync.store.engine import Store
from sync.worker.rulebook.files import RuleFiles
from sync.worker.rulebook.known import as_if_in_force, rules_in_force

__all__ = ["as_if_in_force", "rule_files", "rules_in_force", "working_rules"]


def rule_files(settings: Settings) -> RuleFiles:
    """The rule files on disk."""
    chosen, defaults = settings.mappings.directory, rule_defaults(settings)
    if chosen is None or settings.rules_folder_is_set:
        return RuleFiles(settings.rules_folder, defaults)
    return RuleFiles(chosen, defaults, shipped("mappings"))


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
