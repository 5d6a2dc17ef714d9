"""Mapping rules: load TOML → RuleSet, match, project → Desired."""

from sync.rules.compile import Defaults
from sync.rules.errors import RuleError, RuleErrors
from sync.rules.load import load, parse
from sync.rules.rule import Explained, IncidentIssues, Rule, RuleSet

__all__ = [
    "Defaults",
    "Explained",
    "IncidentIssues",
    "Rule",
    "RuleError",
    "RuleErrors",
    "RuleSet",
    "load",
    "parse",
]
