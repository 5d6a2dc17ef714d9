"""The names in an edit held against Jira: projects, issue types, fields and values.

What Jira offers is kept for a while, and so are the findings for rules that have not changed: a person
who types causes few calls.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from sync.adapters.jira import JiraTracker
from sync.adapters.jira.check import Finding, check_names
from sync.adapters.jira.fields.field import FieldInfo, Shape
from sync.domain.errors import Fault
from sync.domain.names import Name
from sync.domain.times import ago
from sync.operations.rules.check import MISTAKE, WARNING, Told, told_of
from sync.ports import Tracker
from sync.rules import Rule, RuleSet
from sync.toml import Mistake, Position

_KEPT_SECONDS = 60.0
_MOST = 200
# So many names of one kind are offered for completion.
_OFFERED = 300


@dataclass(frozen=True, slots=True)
class NamesChecked:
    """What was found of the names in some rules. ``words`` say what was asked, and when."""

    told: tuple[Told, ...]
    words: str


@dataclass(frozen=True, slots=True)
class SiteNames:
    """What a site offers, for completion: projects; by project the issue types; by field the values that
    Jira lists, none where any value will do. Of a service project they are also its request types and
    organizations. ``trouble`` says why the site could not be asked."""

    projects: tuple[str, ...] = ()
    issue_types: Mapping[str, tuple[str, ...]] | None = None
    fields: Mapping[str, tuple[str, ...]] | None = None
    trouble: str = ""


class Names:
    """Asks the sites for names. Safe to share between threads. ``place_of`` tells where the project of a
    site is configured."""

    def __init__(
        self, trackers: Mapping[str, Tracker], place_of: Callable[[str], Position]
    ) -> None:
        self._trackers = trackers
        self._place_of = place_of
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, ...], tuple[float, list[Finding], str]] = OrderedDict()

    def check(self, rules: RuleSet, texts: Mapping[str, str]) -> NamesChecked:
        """Hold every name of the rules against the sites. Does not raise: a site that cannot be asked is
        named in the words. ``texts`` are those that the rules were read from."""
        told: list[Told] = []
        words: list[str] = []
        now = time.monotonic()
        for site, some in _by_site(rules).items():
            at, findings, trouble = self._of_site(site, some, rules, now)
            told += [_told(one, site, texts) for one in findings]
            age = "just now" if now - at < 1 else ago(now - at)
            words.append(f"{site} could not be asked: {trouble}" if trouble else f"{site}, {age}")
        found = "no mistakes; every name is there in Jira" if not told else f"{len(told)} found"
        return NamesChecked(tuple(told), f"{found} ({'; '.join(words)})" if words else "")

    def offered(self, rules: RuleSet) -> dict[str, SiteNames]:
        """What the sites of these rules offer, for completion. Does not raise."""
        return {site: self._offered(site, some) for site, some in _by_site(rules).items()}

    def _of_site(
        self, site: str, some: list[Rule], rules: RuleSet, now: float
    ) -> tuple[float, list[Finding], str]:
        # The places are in it: what stands elsewhere is told of elsewhere.
        key = (site, rules.digest, *(str(rule.position) for rule in some))
        with self._lock:
            known = self._known.get(key)
        if known is not None and now - known[0] < _KEPT_SECONDS:
            return known
        tracker = self._trackers.get(site)
        if not isinstance(tracker, JiraTracker):
            return now, [], ""
        report = check_names(tracker, some, self._place_of(site))
        found = now, report.findings, report.trouble
        if not report.trouble:
            with self._lock:
                self._known[key] = found
                while len(self._known) > _MOST:
                    self._known.popitem(last=False)
        return found

    def _offered(self, site: str, rules: list[Rule]) -> SiteNames:
        tracker = self._trackers.get(site)
        if not isinstance(tracker, JiraTracker):
            return SiteNames()
        metadata = tracker.metadata
        try:
            projects = metadata.projects()
            types: dict[str, tuple[str, ...]] = {}
            fields: dict[str, tuple[str, ...]] = {}
            for rule in rules:
                if rule.project not in projects:
                    continue
                there = metadata.issue_types(rule.project)
                types[rule.project] = tuple(map(str, there))
                for kind in (one for one in there if str(one) in rule.issue_type):
                    for info in metadata.create_fields(rule.project, kind).values():
                        known = fields.get(info.name)
                        fields[info.name] = known or _values(tracker, rule.project, info)
        except Fault as fault:
            return SiteNames(trouble=str(fault))
        return SiteNames(tuple(map(str, projects))[:_OFFERED], types, fields)


def _values(tracker: JiraTracker, project: str, info: FieldInfo) -> tuple[str, ...]:
    """The names of what a field may hold, as far as Jira lists them. What a service project offers is
    asked for only where its fields are on the screen; Data Center takes no names of request types."""
    named: Iterable[Name] = (one.name for one in info.allowed or ())
    by_name = {Shape.ORGANIZATIONS, *([Shape.REQUEST_TYPE] if tracker.cloud() else [])}
    if info.shape in by_name:
        named = tracker.metadata.offers(project)(info.shape).names
    return tuple(map(str, named))[:_OFFERED]


def _by_site(rules: RuleSet) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in rules.rules:
        found.setdefault(rule.site, []).append(rule)
    return found


def _told(one: Finding, site: str, texts: Mapping[str, str]) -> Told:
    file, _, line = one.place.rpartition(":")
    place = (file, int(line)) if line.isdigit() else (one.place, 0)
    mistake = Mistake(*place, one.key, one.problem, one.remedy)
    level = WARNING if one.advice else MISTAKE
    (told,) = told_of([mistake], texts, level)
    return replace(told, words=str(one), source=site)
