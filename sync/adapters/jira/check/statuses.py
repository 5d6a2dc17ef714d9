"""Compares the statuses of a rule with the project's workflow: each is there, and can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from sync.adapters.jira.check.findings import Report
from sync.adapters.jira.check.people import PeopleCheck
from sync.adapters.jira.fields.choices import nearest, several
from sync.adapters.jira.fields.field import Shape
from sync.adapters.jira.fields.screen import field_named
from sync.adapters.jira.fields.values import Values
from sync.adapters.jira.tracker.tracker import JiraTracker
from sync.domain.errors import Fault, Rejected
from sync.domain.names import Name, like, meant
from sync.domain.rule import Category, StatusTarget
from sync.domain.subject import Status
from sync.domain.ticket import Hop, JiraStatus, Observed, TicketRef
from sync.domain.workflow import Stuck, next_transition, reached
from sync.rules import Rule
from sync.rules.status import StatusWish
from sync.rules.values import constant
from sync.toml import Position


@dataclass(frozen=True, slots=True)
class _Workflow:
    """The statuses of a workflow. ``ways`` has, by status id, the transitions that Jira offers in a
    status, for each status in which there is a ticket."""

    statuses: Sequence[JiraStatus]
    ways: Mapping[str, tuple[Hop, ...]]

    @property
    def names(self) -> list[Name]:
        return [one.called for one in self.statuses]

    @property
    def complete(self) -> bool:
        """Whether the transitions of every status are known."""
        return len(self.ways) == len(self.statuses)

    @property
    def unseen(self) -> str:
        """The names of the statuses whose transitions are not known."""
        return ", ".join(one.name for one in self.statuses if one.id not in self.ways)

    def hops(self) -> Iterator[Hop]:
        return (hop for hops in self.ways.values() for hop in hops)

    def leads(self, start: JiraStatus, target: StatusTarget) -> bool:
        """Whether known transitions, one after another, lead from a status to the target."""
        seen, queue = {start.id}, [start.id]
        while queue:
            for hop in self.ways.get(queue.pop(), ()):
                if reached(target, hop.to, self.statuses):
                    return True
                if hop.to.id not in seen:
                    seen.add(hop.to.id)
                    queue.append(hop.to.id)
        return False

    def obstacle(self, start: JiraStatus, target: StatusTarget) -> Stuck | None:
        """Why a ticket in a status does not get to the target, as far as transitions are known."""
        hops = self.ways.get(start.id)
        if hops is None or reached(target, start, self.statuses):
            return None
        step = next_transition(target, Observed(TicketRef("", ""), "", "", start, "", {}, hops))
        if isinstance(step, Stuck):
            return step
        if not self.complete or self.leads(start, target):
            return None
        reason = f"no sequence of transitions leads from {start.name!r} to {target}"
        return Stuck(reason, "Name a status that can be reached.")


class StatusesCheck:
    """Checks the status tables of rules against one site."""

    def __init__(self, tracker: JiraTracker, report: Report, people: PeopleCheck) -> None:
        self._tracker = tracker
        self._people = people
        self._inspect = tracker.inspect
        self._report = report
        self._seen: dict[tuple[str, str], dict[str, tuple[Hop, ...]]] = {}

    def check(self, rule: Rule, issue_type: Name) -> None:
        """Report the mistakes in a rule's status tables, for tickets of ``issue_type``."""
        by_type = self._inspect.statuses(rule.project)
        there = by_type.get(issue_type.id) or next(iter(by_type.values()), [])
        workflow = _Workflow(there, self._ways(rule.project, issue_type, there))
        for status, wish in rule.projection.status.items():
            there_is = self._target(rule, status, wish.target, workflow)
            if self._names(rule, status, wish.target, workflow.names) and there_is:
                self._reachable(rule, status, wish, workflow)
            self._resolutions(rule, status, wish)
            self._screen_fields(rule, status, wish)
        self._leave_closed(rule, workflow.names)

    def _by_a_person(self, rule: Rule, status: Status, key: str) -> bool:
        """Whether a person wrote this key of a status table; otherwise it has the built-in value."""
        given = rule.sheet.status.get(status.value, {}).get(key)
        return given is not None and given.by_a_person

    def _position(self, rule: Rule, status: Status, *keys: str) -> Position:
        """Where a person has written the first of these keys, else where the rule begins."""
        for key in keys:
            if self._by_a_person(rule, status, key):
                return rule.sheet.status[status.value][key].position
        return rule.position

    def _target(
        self, rule: Rule, status: Status, target: StatusTarget, workflow: _Workflow
    ) -> bool:
        """Whether a status that the target names, or one of its category, is there."""
        key, problem, remedy = "", "", ""
        named = meant(target.status, workflow.names)
        if len(named) > 1:
            fault = several("statuses", target.status, named)
            key, problem, remedy = "status", str(fault), fault.remedy
        elif target.status and not named:
            key, problem = "status", f"the workflow has no status {target.status!r}"
            remedy = nearest(target.status, workflow.names)
        elif target.category and all(o.category is not target.category for o in workflow.statuses):
            key = "category"
            problem = f"the workflow has no status of category {target.category.value!r}"
            remedy = f"Its statuses are: {', '.join(workflow.names)}."
        if problem:
            place, word = self._position(rule, status, key), f"status.{status.value}"
            self._report.add(place, rule.name, word, problem, remedy)
        return not problem

    def _names(
        self, rule: Rule, status: Status, target: StatusTarget, names: Sequence[Name]
    ) -> bool:
        """Whether the statuses of ``via`` and ``prefer`` are there."""
        unknown = {
            "via": [p for p in target.via if not _any_like(p, names)],
            # A `prefer` list for many projects names statuses that some projects lack. So the list is
            # wrong only if none of its statuses is there, and then only in names that look like slips.
            "prefer": _slips(target.prefer, names)
            if not any(_any_like(p, names) for p in target.prefer)
            else [],
        }
        wrong = [
            (key, pattern)
            for key, patterns in unknown.items()
            for pattern in patterns
            if self._by_a_person(rule, status, key)
        ]
        for key, pattern in wrong:
            place, word = self._position(rule, status, key), f"status.{status.value}.{key}"
            problem = f"the workflow has no status {pattern!r}"
            self._report.add(place, rule.name, word, problem, nearest(pattern, names))
        return not wrong

    def _ways(
        self, project: str, issue_type: Name, there: Iterable[JiraStatus]
    ) -> Mapping[str, tuple[Hop, ...]]:
        """The transitions that Jira offers in each status, by status id. Jira lists the transitions of a
        ticket only, so a status in which there is no ticket is left out."""
        key = (project, issue_type)
        if key in self._seen:
            return self._seen[key]
        found: dict[str, tuple[Hop, ...]] = {}
        for status in there:
            jql = f'project = "{project}" AND issuetype = {issue_type.id} AND status = {status.id}'
            try:
                example = next(iter(self._tracker.matching(jql)), None)
                if example is not None:
                    found[status.id] = tuple(self._inspect.transitions(example.ref.id))
            except Rejected:
                continue
        if not found:
            self._report.note(
                f"the transitions of {issue_type} in {project}",
                f"there is no {issue_type} in {project} yet, and Jira lists transitions by ticket",
            )
        self._seen[key] = found
        return found

    def _reachable(self, rule: Rule, status: Status, wish: StatusWish, workflow: _Workflow) -> None:
        """Report a target to which no transitions lead from some status."""
        target = _filled(wish)
        if target.leave or not workflow.ways:
            return
        if target.transition:
            self._transition(rule, status, target.transition, workflow)
            return
        for start in workflow.statuses:
            # Tickets leave a done status only when their subject opens again.
            if start.category is Category.DONE and status is not Status.OPEN:
                continue
            if (stuck := workflow.obstacle(start, target)) is not None:
                place = self._position(rule, status, "status", "category", "prefer", "via")
                word = f"status.{status.value}"
                self._report.add(place, rule.name, word, stuck.reason, stuck.remedy)
                return

    def _transition(self, rule: Rule, status: Status, name: str, workflow: _Workflow) -> None:
        """Report a transition that no status offers."""
        offered = [hop.called for hop in workflow.hops()]
        doubled = [
            found
            for hops in workflow.ways.values()
            if len(found := meant(name, [hop.called for hop in hops])) > 1
        ]
        problem, remedy = "", ""
        if doubled:
            fault = several("transitions", name, doubled[0])
            problem, remedy = str(fault), fault.remedy
        elif not meant(name, offered):
            if not workflow.complete:
                self._report.note(
                    f"the transition {name!r} of rule {rule.name!r}",
                    "no status that has a ticket offers it; there is no ticket to look at in "
                    f"{workflow.unseen}",
                )
                return
            # Jira lists what our account may do, so a condition on people may hide a transition.
            problem = f"the workflow has no transition {name!r}, or none that our account may take"
            remedy = nearest(name, offered)
        if problem:
            place, word = self._position(rule, status, "transition"), f"status.{status.value}"
            self._report.add(place, rule.name, word, problem, remedy)

    def _resolutions(self, rule: Rule, status: Status, wish: StatusWish) -> None:
        if not self._by_a_person(rule, status, "resolution") or wish.resolution is None:
            return
        known, value = constant(wish.resolution)
        names = [str(one) for one in (value if isinstance(value, list) else [value]) if one]
        there = self._inspect.resolutions()
        if known and names and not any(meant(name, there) for name in names):
            place = self._position(rule, status, "resolution")
            word = f"status.{status.value}.resolution"
            problem = f"the site has no resolution {' or '.join(map(repr, names))}"
            self._report.add(place, rule.name, word, problem, nearest(names[0], there))

    def _screen_fields(self, rule: Rule, status: Status, wish: StatusWish) -> None:
        fields = self._tracker.metadata.all_fields()
        for name, value in wish.fields.items():
            key = f"status.{status.value}.fields.{name}"
            known, wished = constant(value)
            try:
                info = field_named(name, fields)
                if not known:
                    continue
                metadata = self._tracker.metadata
                people, offers = metadata.people(rule.project), metadata.offers(rule.project)
                Values(self._tracker.cloud(), people, offer_of=offers).canonical(info, wished)
                if info.shape in (Shape.USER, Shape.USERS):
                    self._people.named(rule, info, value)
            except Rejected as fault:
                self._report.add(value.position, rule.name, key, str(fault), fault.remedy)

    def _leave_closed(self, rule: Rule, statuses: Sequence[Name]) -> None:
        for key, word, names in (
            ("statuses", "status", statuses),
            ("resolutions", "resolution", self._inspect.resolutions()),
        ):
            given = rule.sheet.tables["leave_closed"].get(key)
            if given is None or not given.by_a_person:
                continue
            for name in given.value:
                if not meant(name, names):
                    problem, remedy = f"there is no {word} {name!r}", nearest(name, names)
                    self._report.add(
                        given.position, rule.name, f"leave_closed.{key}", problem, remedy
                    )


def _any_like(pattern: str, names: Iterable[Name]) -> bool:
    return any(like(pattern, name) for name in names)


def _slips(patterns: Iterable[str], names: Sequence[Name]) -> list[str]:
    """The patterns that look like misspelt names."""
    folded = [name.casefold() for name in names]
    return [p for p in patterns if get_close_matches(p.casefold(), folded, 1, 0.7)]


def _filled(wish: StatusWish) -> StatusTarget:
    """The target with a stand-in for each screen field whose value depends on the subject."""
    try:
        return wish.aim(lambda value: value.render({}))
    except Fault:
        known, resolution = constant(wish.resolution) if wish.resolution else (True, None)
        names = resolution if isinstance(resolution, list) else [resolution] if resolution else []
        return replace(
            wish.target,
            resolution=tuple(map(str, names)) if known else (),
            fields=dict.fromkeys([*wish.fields, *([] if known else ["resolution"])], "?"),
        )
