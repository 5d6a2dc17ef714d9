"""Rules held against the sites of the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sync.adapters.jira import JiraTracker
from sync.adapters.jira.check import Report, check_site
from sync.bootstrap.adapters import jira_site
from sync.ports import SystemClock
from sync.rules import Rule, RuleSet
from sync.rules.errors import Place
from sync.rules.positions import positions
from sync.rules.written import Written
from sync.settings import Settings
from sync.worker.rulebook.files import Loaded


def jira_of(settings: Settings, name: str) -> JiraTracker:
    """One site of the configuration, to ask things of."""
    return JiraTracker(jira_site(name, settings.sites[name]), SystemClock())


def check_sites(
    settings: Settings,
    loaded: Loaded,
    tracker_of: Callable[[str], JiraTracker] | None = None,
) -> list[Report]:
    """Each site that a rule names held against those rules; reads only. ``tracker_of`` makes the
    tracker of a site by its name."""
    made = tracker_of or (lambda name: jira_of(settings, name))
    written = Written(loaded.texts)
    places = _project_places(settings)

    def default_project(site: str) -> Place | str:
        return places.get(site, str(settings.file or "config.toml"))

    return [
        check_site(made(site), rules, written, default_project)
        for site, rules in _by_site(loaded.rules).items()
    ]


def _by_site(rules: RuleSet) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in rules.rules:
        found.setdefault(rule.site, []).append(rule)
    return found


def _project_places(settings: Settings) -> Mapping[str, Place]:
    """Where config.toml names the project of each site."""
    if settings.file is None:
        return {}
    lines = positions(settings.file.read_text("utf-8"))
    return {
        name: Place(settings.file.name, lines.line(("sites", name, "project")))
        for name in settings.sites
    }
