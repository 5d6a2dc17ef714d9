"""Can it reach both sides, with enough rights?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sync.adapters.jira.check import Report
from sync.domain.errors import Fault
from sync.operations.deployment import Deployment
from sync.operations.errors import NotFound
from sync.operations.needs import SiteLine
from sync.operations.overview import sites_of
from sync.operations.status import status_of

# Seconds that a site is given for the questions of a check.
ASKED_FOR = 20.0
_NO_WEBHOOK = "none: what people do in Jira is found by the sweep"


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A rate limit of a site that calls are spaced by now: for what, and how many calls a second."""

    about: str
    calls_a_second: float


@dataclass(frozen=True, slots=True)
class SiteView:
    """A Jira site: where it stands, as whom we ask, and which projects the rules in force name there."""

    site: SiteLine
    account: str
    deployment: str
    projects: list[str]
    limits: list[LimitLine]
    webhook: str


@dataclass(frozen=True, slots=True)
class SiteCheck:
    """What the site says of the rules in force: who we are there, mistakes, what could not be seen.
    ``trouble`` says why the site could not be asked, "" where it was."""

    site: str
    who: str
    trouble: str
    webhook: str
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether nothing is amiss."""
        return not self.trouble and not self.findings


@dataclass(frozen=True, slots=True)
class SourceView:
    """Coalesce Quality: the path for its webhooks, whether they are signed, whether we have credentials
    for its API, and how upstream is told, in words."""

    name: str
    path: str
    signed: bool
    api: bool
    standing: str


@dataclass(frozen=True, slots=True)
class Connections:
    """Both sides."""

    sites: list[SiteView]
    source: SourceView


def connections_of(deployment: Deployment, now: float) -> Connections:
    """How both sides are connected, as far as that is known without asking."""
    status = status_of(deployment.store, now)
    told = [
        how["trouble"] or f"told by {how['way']}"
        for how in status.upstream.standing.values()
        if how["trouble"] or how.get("way")
    ]
    coalesce = deployment.settings.coalesce
    name = next(iter(deployment.sources), "coalesce")
    return Connections(
        sites=[_site(deployment, line) for line in sites_of(deployment, status)],
        source=SourceView(
            name=name,
            path=f"/webhooks/{name}",
            signed=not coalesce.allow_unsigned,
            api=coalesce.api.configured,
            standing="; ".join(told),
        ),
    )


def site_of(deployment: Deployment, name: str, now: float) -> SiteView:
    """One site. Raises NotFound."""
    for one in connections_of(deployment, now).sites:
        if one.site.name == name:
            return one
    names = ", ".join(sorted(deployment.settings.sites)) or "none"
    raise NotFound(f"There is no site {name!r} in the configuration. There are: {names}.")


def check_of(deployment: Deployment, name: str, asking: ThreadPoolExecutor) -> SiteCheck:
    """What a site says, asked now. Raises NotFound."""
    if name not in deployment.settings.sites:
        raise NotFound(f"There is no site {name!r} in the configuration.")
    if deployment.check_site is None:
        return SiteCheck(name, "", "this daemon does not ask Jira", "")
    try:
        report = asking.submit(deployment.check_site, name).result(timeout=ASKED_FOR)
    except TimeoutError:
        return SiteCheck(name, "", f"Jira did not answer within {ASKED_FOR:g} s", "")
    except Fault as error:
        return SiteCheck(name, "", str(error).splitlines()[0], "")
    if report is None:
        return SiteCheck(name, "", "", "", remarks=["no rule in force names this site"])
    return _checked(report)


def sentence(found: Connections) -> str:
    """The answer in words."""
    if not found.sites:
        return "No Jira site is configured"
    down = [one.site.name for one in found.sites if one.site.state == "down"]
    if down:
        return f"{', '.join(down)} cannot be reached"
    if paused := _paused(found):
        return paused
    other = [one.site.name for one in found.sites if one.site.state != "up"]
    if other:
        return f"{', '.join(other)} {'is' if len(other) == 1 else 'are'} slow"
    return "Both sides can be reached, as far as the last calls tell"


def _paused(found: Connections) -> str:
    return "; ".join(one.site.words for one in found.sites if one.site.state == "paused")


def _checked(report: Report) -> SiteCheck:
    return SiteCheck(
        site=report.site,
        who=report.who,
        trouble=report.trouble,
        webhook=report.webhook,
        findings=[str(one) for one in report.findings],
        notes=list(report.notes),
        remarks=list(report.remarks),
    )


def _site(deployment: Deployment, line: SiteLine) -> SiteView:
    site = deployment.settings.sites[line.name]
    tracker = deployment.trackers.get(line.name)
    rules = [one for one in deployment.rules().rules if one.site == line.name]
    paces = tracker.health.paces() if tracker is not None else ()
    return SiteView(
        site=line,
        account=site.email or "the owner of the token",
        deployment=site.deployment,
        projects=sorted({one.project for one in rules}),
        limits=[LimitLine(one.endpoint, round(one.limit, 2)) for one in paces],
        webhook=f"taken at /webhooks/jira/{line.name}" if site.takes_webhooks else _NO_WEBHOOK,
    )
