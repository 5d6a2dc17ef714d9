"""Mapping rules: load TOML → RuleSet, match, project → Desired."""

from sync.rules.compile import Defaults
from sync.rules.doubts import COMMENTS, EMAILS, IMPACT, ISSUES, SEVERITY
from sync.rules.load import RuleErrors, Texts, ignored, load, parse, texts_of
from sync.rules.patterns import Undecided, patience
from sync.rules.project import Parts, Rendered
from sync.rules.rule import Explained, IncidentIssues, Rule, RuleSet

__all__ = [
    "COMMENTS",
    "EMAILS",
    "IMPACT",
    "ISSUES",
    "SEVERITY",
    "Defaults",
    "Explained",
    "IncidentIssues",
    "Parts",
    "Rendered",
    "Rule",
    "RuleErrors",
    "RuleSet",
    "Texts",
    "Undecided",
    "ignored",
    "load",
    "parse",
    "patience",
    "texts_of",
]
