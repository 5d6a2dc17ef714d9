"""Settings turned into sources and trackers: the one place that knows which kinds there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from sync.adapters.coalesce import (
    Addresses,
    ApiAccess,
    ApiUpstream,
    CallbackCaller,
    CallbackUpstream,
    CoalesceApi,
    CoalesceSource,
)
from sync.adapters.jira import JiraSite, JiraTracker
from sync.adapters.jira.webhook import JiraNotices, WebhookSecrets
from sync.domain.errors import Unreadable
from sync.domain.subject import SubjectRef
from sync.ports import Clock, NoticeSource, Source, SourceApi, Tracker, Upstream
from sync.rules import Defaults
from sync.settings import Settings, Site
from sync.store import deliveries
from sync.store.engine import Store
from sync.toml import Path

# Of a subject's deliveries so many are read, the newest, to find one that offers callbacks.
_DELIVERIES = 3
CallbacksOf = Callable[[SubjectRef], Sequence[Mapping[str, Any]]]


def _coalesce(settings: Settings) -> Source:
    coalesce = settings.coalesce
    return CoalesceSource(
        [secret.get_secret_value() for secret in coalesce.signing_secrets],
        allow_unsigned=coalesce.allow_unsigned,
        replay_window=coalesce.replay_window,
        clock_skew=coalesce.clock_skew,
    )


def _coalesce_api(settings: Settings, clock: Clock) -> CoalesceApi | None:
    api = settings.coalesce.api
    if not api.configured:
        return None
    access = ApiAccess(
        client_id=api.client_id,
        client_secret=api.client_secret.get_secret_value(),
        region=api.region,
        url=api.url,
        integration_id=api.integration_id,
    )
    return CoalesceApi(access, clock)


def _coalesce_upstream(
    settings: Settings, clock: Clock, api: SourceApi | None, callbacks_of: CallbacksOf
) -> Upstream:
    email, callbacks = settings.coalesce.api.actor_email, settings.coalesce.callbacks
    if isinstance(api, CoalesceApi):
        return ApiUpstream(api, email, clock)
    addresses = Addresses([ip_network(one) for one in callbacks.private])
    caller = CallbackCaller(callbacks.hosts, addresses, clock)
    return CallbackUpstream(caller, callbacks_of, email, clock)


def jira_site(name: str, site: Site) -> JiraSite:
    """The settings of one Jira site, as the adapter takes them."""
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
        user=site.user,
        password=site.password.get_secret_value(),
        headers={name: value.get_secret_value() for name, value in site.headers.items()},
        proxy=site.proxy.get_secret_value(),
        ca_bundle=str(site.ca_bundle or ""),
        client_certificate=str(site.client_certificate or ""),
        client_key=str(site.client_key or ""),
        ceiling=site.max_concurrency,
        probe_first=site.probe_every,
        probe_cap=20 * site.probe_every,
    )


def _jira(name: str, site: Site, clock: Clock) -> Tracker:
    return JiraTracker(jira_site(name, site), clock)


def _jira_notices(name: str, site: Site) -> NoticeSource:
    secrets = WebhookSecrets(
        signing=[secret.get_secret_value() for secret in site.webhook_secrets],
        sent=[secret.get_secret_value() for secret in site.webhook_header_secrets],
        unsigned=site.allow_unsigned_webhooks,
    )
    return JiraNotices(name, secrets)


# One line for each source, by its name, and another in ``APIS`` if sweeps can ask an API of it. Verbs
# that work with a single source use the first.
SOURCES: dict[str, Callable[[Settings], Source]] = {"coalesce": _coalesce}
APIS: dict[str, Callable[[Settings, Clock], SourceApi | None]] = {"coalesce": _coalesce_api}
# One line for each source that can be told of acts, by its name.
UPSTREAMS: dict[str, Callable[[Settings, Clock, SourceApi | None, CallbacksOf], Upstream]] = {
    "coalesce": _coalesce_upstream
}
# One line for each kind of tracker, by the section of the settings that describes a site of it.
TRACKERS: dict[type[Site], Callable[[str, Site, Clock], Tracker]] = {Site: _jira}
# One line for each kind of tracker whose sites can send webhooks.
NOTICES: dict[type[Site], Callable[[str, Site], NoticeSource]] = {Site: _jira_notices}


def sources_of(settings: Settings) -> Mapping[str, Source]:
    """The sources of deliveries, by name."""
    return {name: build(settings) for name, build in SOURCES.items()}


def apis_of(settings: Settings, clock: Clock) -> Mapping[str, SourceApi]:
    """The APIs of the sources, by name, without those that have no credentials. Makes no call."""
    built = {name: build(settings, clock) for name, build in APIS.items()}
    return {name: api for name, api in built.items() if api is not None}


def upstreams_of(
    settings: Settings, clock: Clock, apis: Mapping[str, SourceApi], store: Store | None = None
) -> Mapping[str, Upstream]:
    """The ways by which sources are told of acts, by the source's name. Makes no call. Without a
    ``store`` no callback is found. ``apis`` are those of ``apis_of``."""

    def callbacks_of(source: Source) -> CallbacksOf:
        return lambda ref: newest_callbacks(store, source, ref) if store else ()

    sources = sources_of(settings)
    return {
        name: build(settings, clock, apis.get(name), callbacks_of(sources[name]))
        for name, build in UPSTREAMS.items()
    }


def newest_callbacks(store: Store, source: Source, ref: SubjectRef) -> Sequence[Mapping[str, Any]]:
    """The callbacks of the newest delivery about a subject that can be read."""
    with store.read() as session:
        bodies = [row.body for row in deliveries.for_subject(session, str(ref), _DELIVERIES)]
    for body in bodies:
        try:
            events = source.read(body)
        except Unreadable:
            continue
        for event in events:
            if event.snapshot is not None and event.snapshot.ref == ref:
                return event.callbacks
    return ()


def trackers_of(settings: Settings, clock: Clock) -> Mapping[str, Tracker]:
    """The tracker of each site, by the site's name. Makes no call."""
    return {name: TRACKERS[type(site)](name, site, clock) for name, site in settings.sites.items()}


def notice_sources_of(settings: Settings) -> Sequence[NoticeSource]:
    """The webhooks of each site that is set up to send them."""
    return [
        notice_source(name, site)
        for name, site in settings.sites.items()
        if site.takes_webhooks and type(site) in NOTICES
    ]


def notice_source(name: str, site: Site) -> NoticeSource:
    """The webhooks of one site."""
    return NOTICES[type(site)](name, site)


def webhook_paths(settings: Settings) -> Sequence[str]:
    """Where sources and sites send to: paths, each with the slash at its beginning."""
    sites = [site.path for site in notice_sources_of(settings)]
    return [*(f"/webhooks/{name}" for name in SOURCES), *sites]


def rule_defaults(settings: Settings) -> Defaults:
    """The defaults of rules: the site, the project of each site, what the API can be asked, and how
    upstream is told of acts."""
    return Defaults(
        sites={name: site.project or None for name, site in settings.sites.items()},
        default_site=settings.site_by_default,
        api=settings.coalesce.api.configured,
        untold="; ".join(absent for _, absent in lacking(settings)),
        settle=settings.upstream.settle,
        tie=settings.upstream.tie,
    )


def lacking(settings: Settings) -> Iterator[tuple[Path, str]]:
    """What the settings lack to tell upstream of acts: the path of a key, and what is wrong with it."""
    api, callbacks = settings.coalesce.api, settings.coalesce.callbacks
    if not api.actor_email:
        yield (
            ("coalesce", "api", "actor_email"),
            "[coalesce.api] actor_email is not set: the address that stands in for people whose "
            "address Jira hides",
        )
    if not api.configured and not callbacks.hosts:
        yield (
            ("coalesce", "callbacks", "hosts"),
            "[coalesce.api] has no client_id and client_secret, and [coalesce.callbacks] no hosts",
        )
