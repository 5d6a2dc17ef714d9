"""Checking the rules against the sites of the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sync.adapters.jira import JiraTracker
from sync.adapters.jira.check import Report, WebhookWish, check_site
from sync.bootstrap.adapters import jira_site, notice_source
from sync.bootstrap.pauses import rest_by_settings
from sync.ports import SystemClock, Tracker
from sync.rules import Rule, RuleSet
from sync.settings import Settings
from sync.settings.sections import WEBHOOK_PROOFS
from sync.worker.rulebook.impact import Sites


def jira_of(settings: Settings, name: str) -> JiraTracker:
    """The tracker of one site of the configuration."""
    return JiraTracker(jira_site(name, settings.sites[name]), SystemClock())


def check_sites(
    settings: Settings, rules: RuleSet, tracker_of: Callable[[str], JiraTracker] | None = None
) -> list[Report]:
    """Compare each site that a rule names with those rules; changes nothing. A site that a person has
    paused is not called. ``tracker_of`` makes the tracker of a site by its name."""
    made = tracker_of or (lambda name: jira_of(settings, name))
    trackers = {name: made(name) for name in _by_site(rules)}
    rest_by_settings(settings, trackers)
    return [
        check_site(
            trackers[site],
            by_site,
            settings.position(("sites", site, "project")),
            _webhook(settings, site),
        )
        for site, by_site in _by_site(rules).items()
    ]


def checked_site(
    settings: Settings, rules: RuleSet, name: str, trackers: Mapping[str, Tracker]
) -> Report | None:
    """Compare one site with the rules that name it, by the daemon's own tracker; None where no rule
    names it."""
    tracker, some = trackers.get(name), _by_site(rules).get(name)
    if not isinstance(tracker, JiraTracker) or not some:
        return None
    position = settings.position(("sites", name, "project"))
    return check_site(tracker, some, position, _webhook(settings, name))


def _webhook(settings: Settings, name: str) -> WebhookWish | None:
    """What the settings say of the webhook of a site; None where it is to have none."""
    site = settings.sites[name]
    if not site.takes_webhooks:
        return None
    chosen = [key for key in WEBHOOK_PROOFS if getattr(site, key)]
    return WebhookWish(
        path=notice_source(name, site).path,
        signed=bool(site.webhook_secrets),
        sent=bool(site.webhook_header_secrets),
        place=settings.position(("sites", name, chosen[0])),
    )


def sites_of(settings: Settings, trackers: Mapping[str, Tracker]) -> Sites:
    """The sites that an edit of the rules is held against, before it comes into force."""

    def check(rules: RuleSet, names: frozenset[str]) -> dict[tuple[str, ...], str]:
        found: dict[tuple[str, ...], str] = {}
        for site, by_site in _by_site(rules).items():
            tracker, some = trackers.get(site), [rule for rule in by_site if rule.name in names]
            if isinstance(tracker, JiraTracker) and some:
                report = check_site(tracker, some, settings.position(("sites", site, "project")))
                found |= {(one.rule, one.key, one.problem): str(one) for one in report.refused}
        return found

    return Sites(trackers, check)


def _by_site(rules: RuleSet) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in rules.rules:
        found.setdefault(rule.site, []).append(rule)
    return found
