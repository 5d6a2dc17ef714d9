"""Settings turned into what the adapters take."""

from __future__ import annotations

from collections.abc import Mapping

from sync.adapters.coalesce import CoalesceSource
from sync.adapters.jira import JiraSite, JiraTracker
from sync.ports import Clock, Source, Tracker
from sync.rules import Defaults
from sync.settings import Settings, Site


def source_of(settings: Settings) -> Source:
    """The sender of deliveries."""
    coalesce = settings.coalesce
    return CoalesceSource(
        [secret.get_secret_value() for secret in coalesce.signing_secrets],
        allow_unsigned=coalesce.allow_unsigned,
        replay_window=coalesce.replay_window,
        clock_skew=coalesce.clock_skew,
    )


def jira_site(name: str, site: Site) -> JiraSite:
    """One Jira site as the adapter needs to know it."""
    return JiraSite(
        name=name,
        url=site.url,
        token=site.token.get_secret_value(),
        email=site.email,
        deployment=site.deployment,
        browse_url=site.browse_url,
        index_lag=site.index_lag,
        connect_timeout=site.connect_timeout,
        read_timeout=site.read_timeout,
        proxy=site.proxy,
        ca_bundle=str(site.ca_bundle or ""),
        ceiling=site.max_concurrency,
        probe_first=site.probe_every,
        probe_cap=20 * site.probe_every,
    )


def trackers_of(settings: Settings, clock: Clock) -> Mapping[str, Tracker]:
    """A tracker for each site, by name. No call is made yet."""
    return {
        name: JiraTracker(jira_site(name, site), clock) for name, site in settings.sites.items()
    }


def rule_defaults(settings: Settings) -> Defaults:
    """What rules need not say: the site, and each site's project."""
    return Defaults(
        sites={name: site.project or None for name, site in settings.sites.items()},
        default_site=settings.site_by_default,
    )
