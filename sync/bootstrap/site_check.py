"""Checking the rules against the sites of the configuration."""

from __future__ import annotations

from collections.abc import Callable

from sync.adapters.jira import JiraTracker
from sync.adapters.jira.check import Report, check_site
from sync.bootstrap.adapters import jira_site
from sync.ports import SystemClock
from sync.rules import Rule, RuleSet
from sync.settings import Settings


def jira_of(settings: Settings, name: str) -> JiraTracker:
    """The tracker of one site of the configuration."""
    return JiraTracker(jira_site(name, settings.sites[name]), SystemClock())


def check_sites(
    settings: Settings, rules: RuleSet, tracker_of: Callable[[str], JiraTracker] | None = None
) -> list[Report]:
    """Compare each site that a rule names with those rules; reads only. ``tracker_of`` makes the
    tracker of a site by its name."""
    made = tracker_of or (lambda name: jira_of(settings, name))
    return [
        check_site(made(site), by_site, settings.position(("sites", site, "project")))
        for site, by_site in _by_site(rules).items()
    ]


def _by_site(rules: RuleSet) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in rules.rules:
        found.setdefault(rule.site, []).append(rule)
    return found
