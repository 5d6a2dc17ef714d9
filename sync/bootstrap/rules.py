"""The mapping rules as the settings want them: on disk, and in force."""

from __future__ import annotations

from sync.bootstrap.adapters import rule_defaults
from sync.rules import RuleErrors, RuleSet
from sync.settings import Settings
from sync.store import rulebook
from sync.store.engine import Store
from sync.worker.rulebook.files import RuleFiles


def rule_files(settings: Settings) -> RuleFiles:
    """The rule files on disk."""
    return RuleFiles(settings.rules_folder, rule_defaults(settings))


def rules_in_force(files: RuleFiles, store: Store) -> RuleSet | None:
    """The rules in force; None before the daemon's first start. Raises RuleErrors where a change of the
    program or of the configuration has made them unusable."""
    with store.read() as session:
        edition = rulebook.in_force(session)
    return files.parse(edition.texts) if edition else None


def working_rules(settings: Settings, store: Store) -> tuple[RuleSet, str]:
    """The rules that the daemon works by, and a remark for people: "" or why they are those on disk.

    The rules on disk are used where none are in force, or those in force cannot be used any more: the
    daemon would take them up at its next start. Raises RuleErrors.
    """
    files = rule_files(settings)
    try:
        found = rules_in_force(files, store)
        why = "No rules are in force yet"
    except RuleErrors as error:
        found, why = None, f"The rules in force cannot be used any more ({error.errors[0]})"
    if found is not None:
        return found, ""
    return files.load().rules, f"{why}: those on disk are used."
