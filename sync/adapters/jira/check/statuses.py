"""Statuses of a rule against the project's workflow: they exist, and there is a way to each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase

from sync.adapters.jira.check.fields import constant
from sync.adapters.jira.check.findings import Report
from sync.adapters.jira.fields.values import Values, nearest
from sync.adapters.jira.tracker.tracker import JiraTracker
from sync.domain.errors import Fault, Rejected
from sync.domain.rule import Category, StatusTarget
from sync.domain.subject import Status
from sync.domain.ticket import Hop, JiraStatus, Observed, TicketRef
from sync.domain.workflow import Stuck, next_transition, reached
from sync.rules import Rule
from sync.rules.status import StatusWish
from sync.toml import Position


class StatusesCheck:
    """Checks the status tables of one rule after the other on one site."""

    def __init__(self, tracker: JiraTracker, report: Report) -> None:
        self._tracker = tracker
        self._inspect = tracker.inspect
        self._report = report
        self._seen: dict[tuple[str, str], dict[str, tuple[Hop, ...]]] = {}

    def check(self, rule: Rule, issue_type: str) -> None:
        """Everything a rule says of statuses, for tickets of ``issue_type``."""
        by_type = self._inspect.statuses(rule.project)
        there = by_type.get(issue_type) or next(iter(by_type.values()), [])
        ways = self._ways(rule.project, issue_type, there)
        for status, wish in rule.projection.status.items():
            if self._names(rule, status, wish, there):
                self._reachable(rule, status, wish, there, ways)
            self._resolutions(rule, status, wish)
            self._screen_fields(rule, status, wish)
        self._leave_closed(rule, there)

    def _position(self, rule: Rule, status: Status, *keys: str) -> Position:
        """Where the first of these keys is given by a person, else where the rule begins."""
        for key in keys:
            given = rule.sheet.status.get(status.value, {}).get(key)
            if given is not None and given.by_a_person:
                return given.position
        return rule.position

    def _by_a_person(self, rule: Rule, status: Status, key: str) -> bool:
        given = rule.sheet.status.get(status.value, {}).get(key)
        return given is not None and given.by_a_person

    def _names(self, rule: Rule, status: Status, wish: StatusWish, there: list[JiraStatus]) -> bool:
        """Whether everything named is there."""
        target, word = wish.target, f"status.{status.value}"
        names = [one.name for one in there]
        good = True
        if target.status and not any(reached(target, one) for one in there):
            self._report.add(
                self._position(rule, status, "status"),
                rule.name,
                word,
                f"the workflow has no status {target.status!r}",
                nearest(target.status, names),
            )
            good = False
        if target.category and not any(one.category is target.category for one in there):
            self._report.add(
                self._position(rule, status, "category"),
                rule.name,
                word,
                f"the workflow has no status of category {target.category.value!r}",
                f"Its statuses are: {', '.join(names)}.",
            )
            good = False
        for key, patterns in (("via", target.via), ("prefer", target.prefer)):
            if not self._by_a_person(rule, status, key):
                continue
            unknown = [p for p in patterns if not _any_like(p, names)]
            if key == "prefer":
                # One that is there is enough, and lists serve many projects: only slips count.
                unknown = _slips(patterns, names) if len(unknown) == len(patterns) else []
            for pattern in unknown:
                self._report.add(
                    self._position(rule, status, key),
                    rule.name,
                    f"{word}.{key}",
                    f"the workflow has no status {pattern!r}",
                    nearest(pattern, names),
                )
                good = False
        return good

    def _ways(
        self, project: str, issue_type: str, there: Iterable[JiraStatus]
    ) -> Mapping[str, tuple[Hop, ...]]:
        """What Jira offers in each status, by its id, as far as a ticket stands there to be asked."""
        key = (project, issue_type)
        if key in self._seen:
            return self._seen[key]
        found: dict[str, tuple[Hop, ...]] = {}
        for status in there:
            jql = f'project = "{project}" AND issuetype = "{issue_type}" AND status = {status.id}'
            try:
                example = next(iter(self._tracker.matching(jql)), None)
                if example is not None:
                    found[status.id] = tuple(self._inspect.transitions(example.ref.id))
            except Rejected:
                continue
        if not found:
            self._report.note(
                f"there is no {issue_type} in {project} yet, so its transitions could not be looked at"
            )
        self._seen[key] = found
        return found

    def _reachable(
        self,
        rule: Rule,
        status: Status,
        wish: StatusWish,
        there: list[JiraStatus],
        ways: Mapping[str, tuple[Hop, ...]],
    ) -> None:
        target = _filled(wish)
        if target.leave or not ways:
            return
        if target.transition and len(ways) == len(there):
            offered = {hop.name for hops in ways.values() for hop in hops}
            ids = {hop.id for hops in ways.values() for hop in hops}
            if target.transition not in ids and not _any_like(target.transition, offered):
                self._report.add(
                    self._position(rule, status, "transition"),
                    rule.name,
                    f"status.{status.value}",
                    f"the workflow has no transition {target.transition!r}",
                    nearest(target.transition, offered),
                )
                return
        if target.transition:
            return
        for one in there:
            hops = ways.get(one.id)
            if hops is None or reached(target, one) or not _comes_from(one, status):
                continue
            step = next_transition(target, _standing(one, hops))
            lost = Stuck(
                f"no transitions lead from {one.name!r} to {target}, on whatever way",
                "Name a status that can be reached.",
            )
            if not isinstance(step, Stuck) and (
                len(ways) < len(there) or _arrives(target, one, ways)
            ):
                continue
            stuck = step if isinstance(step, Stuck) else lost
            self._report.add(
                self._position(rule, status, "status", "category", "prefer", "via"),
                rule.name,
                f"status.{status.value}",
                stuck.reason,
                stuck.remedy,
            )
            return

    def _resolutions(self, rule: Rule, status: Status, wish: StatusWish) -> None:
        if not self._by_a_person(rule, status, "resolution") or wish.resolution is None:
            return
        known, value = constant(wish.resolution)
        names = [str(one) for one in (value if isinstance(value, list) else [value]) if one]
        there = self._inspect.resolutions()
        if known and names and not any(_any_like(name, there) for name in names):
            self._report.add(
                self._position(rule, status, "resolution"),
                rule.name,
                f"status.{status.value}.resolution",
                f"the site has no resolution {' or '.join(map(repr, names))}",
                nearest(names[0], there),
            )

    def _screen_fields(self, rule: Rule, status: Status, wish: StatusWish) -> None:
        fields = self._inspect.fields()
        by_name = {info.name.casefold(): info for info in fields.values()}
        for name, value in wish.fields.items():
            info = fields.get(name) or by_name.get(name.casefold())
            key = f"status.{status.value}.fields.{name}"
            if info is None:
                names = [one.name for one in fields.values()]
                problem = f"the site has no field {name!r}"
                self._report.add(value.position, rule.name, key, problem, nearest(name, names))
                continue
            known, wished = constant(value)
            if not known:
                continue
            try:
                Values(self._tracker.cloud, self._inspect.user).canonical(info, wished)
            except Rejected as fault:
                self._report.add(value.position, rule.name, key, str(fault), fault.remedy)

    def _leave_closed(self, rule: Rule, there: list[JiraStatus]) -> None:
        for key, names in (
            ("statuses", [one.name for one in there]),
            ("resolutions", self._inspect.resolutions()),
        ):
            given = rule.sheet.tables["leave_closed"].get(key)
            if given is None or not given.by_a_person:
                continue
            for name in given.value:
                if not _any_like(name, names):
                    self._report.add(
                        given.position,
                        rule.name,
                        f"leave_closed.{key}",
                        f"there is no {'status' if key == 'statuses' else 'resolution'} {name!r}",
                        nearest(name, names),
                    )


def _any_like(pattern: str, names: Iterable[str]) -> bool:
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for name in names)


def _slips(patterns: Iterable[str], names: list[str]) -> list[str]:
    """Names that are nearly one of the known."""
    folded = [name.casefold() for name in names]
    return [p for p in patterns if get_close_matches(p.casefold(), folded, 1, 0.7)]


def _arrives(target: StatusTarget, start: JiraStatus, ways: Mapping[str, tuple[Hop, ...]]) -> bool:
    """Whether any way over known transitions leads from a status to the target."""
    seen, queue = {start.id}, [start.id]
    while queue:
        for hop in ways.get(queue.pop(), ()):
            if reached(target, hop.to):
                return True
            if hop.to.id not in seen:
                seen.add(hop.to.id)
                queue.append(hop.to.id)
    return False


def _comes_from(one: JiraStatus, status: Status) -> bool:
    """Whether tickets move from there for this upstream status: from done, only to open again."""
    return one.category is not Category.DONE or status is Status.OPEN


def _filled(wish: StatusWish) -> StatusTarget:
    """The target with something for each screen field the rule gives, whatever its value will be."""
    try:
        return wish.aim({})
    except Fault:
        target = wish.target
        known, resolution = constant(wish.resolution) if wish.resolution else (True, None)
        names = resolution if isinstance(resolution, list) else [resolution] if resolution else []
        return StatusTarget(
            status=target.status,
            transition=target.transition,
            category=target.category,
            prefer=target.prefer,
            via=target.via,
            resolution=tuple(map(str, names)) if known else (),
            fields=dict.fromkeys([*wish.fields, *([] if known else ["resolution"])], "?"),
        )


def _standing(status: JiraStatus, hops: tuple[Hop, ...]) -> Observed:
    return Observed(TicketRef("", ""), "", "", status, "", {}, hops)
