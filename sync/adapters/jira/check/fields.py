"""Compares the fields of a rule with the create screen: each is there and takes the rule's value, and no
required field is missing."""

from __future__ import annotations

from collections.abc import Mapping

from sync.adapters.jira.check.findings import Report
from sync.adapters.jira.check.parents import ParentsCheck
from sync.adapters.jira.check.people import PeopleCheck
from sync.adapters.jira.check.tables import TablesCheck
from sync.adapters.jira.fields.field import FieldInfo, Shape, standard_field
from sync.adapters.jira.fields.screen import field_on_screen
from sync.adapters.jira.fields.values import Values
from sync.adapters.jira.tracker.tracker import JiraTracker
from sync.domain.errors import Rejected
from sync.domain.names import Name
from sync.domain.text import LABEL_LIMIT, is_empty
from sync.rules import Rule
from sync.rules.values import Value, constant

# Fields that every create call gives; the reporter is the account that makes the call.
_OURS = {"project", "issuetype", "summary", "labels", "reporter"}


class FieldsCheck:
    """Checks the fields of rules against one site."""

    def __init__(self, tracker: JiraTracker, report: Report, people: PeopleCheck) -> None:
        self._tracker = tracker
        self._metadata = tracker.metadata
        self._report = report
        self._parents = ParentsCheck(tracker, report)
        self._people = people
        self._tables = TablesCheck(tracker, report, self._parents)

    def check(self, rule: Rule, issue_type: Name) -> None:
        """Report what the create screen of ``issue_type`` would not take of a rule."""
        try:
            screen = self._metadata.create_fields(rule.project, issue_type)
        except Rejected as fault:
            self._report.add(rule.position, rule.name, "project", str(fault))
            return
        given: set[str] = set()
        where = f"{issue_type} in {rule.project}"
        if "Parent" not in map(_standard_name, rule.projection.fields):
            given |= {"parent"} if self._parents.missing(rule, issue_type) else set()
        for name, plan in rule.projection.fields.items():
            try:
                info = field_on_screen(name, screen, self._metadata.all_fields, where)
            except Rejected as fault:
                self._add(rule, plan.value, str(fault), fault.remedy)
                continue
            given.add(info.id)
            self._literal(rule, issue_type, info, plan.value)
        self._marker(rule, screen, issue_type)
        self._required(rule, screen, given, issue_type)

    def _add(self, rule: Rule, value: Value, problem: str, remedy: str) -> None:
        self._report.add(value.position, rule.name, value.key, problem, remedy)

    def _literal(self, rule: Rule, issue_type: Name, info: FieldInfo, value: Value) -> None:
        """Report a value that the field does not take, where the rule or its tables write it out."""
        if info.shape is Shape.LABELS:
            self._labels(rule, value)
        if info.shape in (Shape.USER, Shape.USERS) and info.id != "assignee":
            self._people.looked_up()
        if isinstance(value.parts, dict) and self._tables.check(rule, issue_type, info, value):
            return
        people, offers = self._metadata.people(rule.project), self._metadata.offers(rule.project)
        values = Values(self._tracker.cloud(), people, offer_of=offers)
        known, whole = constant(value)
        written = [(value, whole)] if known else value.written_out(rule.projection.tables)
        for part, wished in written:
            if is_empty(wished):
                continue
            try:
                values.canonical(info, wished)
            except Rejected as fault:
                self._add(rule, _blamed(part, fault), str(fault), fault.remedy)
                continue
            if info.shape in (Shape.USER, Shape.USERS):
                self._people.named(rule, info, part)
            if info.shape in (Shape.PARENT, Shape.EPIC_LINK):
                self._parents.named(rule, issue_type, part, str(wished))

    def _labels(self, rule: Rule, value: Value) -> None:
        for part in value.parts if isinstance(value.parts, list) else [value]:
            known, wished = constant(part)
            text = str(wished)
            if known and any(c.isspace() for c in text.strip()) and "," not in text:
                problem = f"labels have no white space, and {text!r} has"
                self._add(rule, part, problem, f"Write {'-'.join(text.split())!r}.")
            elif known and len(text) > LABEL_LIMIT:
                problem = f"a label has at most {LABEL_LIMIT} characters"
                self._add(rule, part, problem, "Shorten it.")

    def _marker(self, rule: Rule, screen: Mapping[str, FieldInfo], issue_type: str) -> None:
        if "labels" not in screen:
            self._report.add(
                rule.position,
                rule.name,
                "issue_type",
                f"Labels are not on the create screen of {issue_type} in {rule.project}, and without "
                "one a ticket cannot be found again after a lost reply",
                "Put the field Labels on that screen in Jira.",
            )

    def _required(
        self, rule: Rule, screen: Mapping[str, FieldInfo], given: set[str], issue_type: str
    ) -> None:
        for info in screen.values():
            if not info.required or info.has_default or info.id in given | _OURS:
                continue
            names = [allowed.name for allowed in info.allowed or ()]
            example = f" It may be: {', '.join(names[:8])}." if names else ""
            self._report.add(
                rule.position,
                rule.name,
                f"fields.{info.name}",
                f"is missing, and Jira makes no {issue_type} in {rule.project} without it",
                f'Give it under [rule.fields] as "{info.name}" = ….{example}',
            )


def _standard_name(name: str) -> str:
    known = standard_field(name)
    return known.name if known else ""


def _blamed(value: Value, fault: Rejected) -> Value:
    """The item of a list that a refusal names, else the whole value."""
    if isinstance(value.parts, list):
        for part in value.parts:
            known, wished = constant(part)
            if known and repr(str(wished)) in str(fault):
                return part  # type: ignore[no-any-return]
    return value
