"""Fields of a rule against the create screen: they exist, take the value, and nothing is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.adapters.jira.check.findings import Report
from sync.adapters.jira.fields.field import FieldInfo, Shape, standard_field
from sync.adapters.jira.fields.values import Values, is_empty, nearest
from sync.adapters.jira.text.plain import LABEL_LIMIT
from sync.adapters.jira.tracker.tracker import JiraTracker
from sync.domain.errors import Missing, Rejected
from sync.rules import Rule
from sync.rules.values import Value

# Given by every create call.
_OURS = {"project", "issuetype", "summary", "labels"}


class FieldsCheck:
    """Checks the fields of one rule after the other on one site."""

    def __init__(self, tracker: JiraTracker, report: Report) -> None:
        self._tracker = tracker
        self._inspect = tracker.inspect
        self._report = report

    def check(self, rule: Rule, issue_type: str) -> None:
        """Everything about a rule's fields on the create screen of ``issue_type``."""
        try:
            screen = self._inspect.create_fields(rule.project, issue_type)
        except Rejected as fault:
            self._report.add(rule.position, rule.name, "project", str(fault))
            return
        given: set[str] = set()
        for name, plan in rule.projection.fields.items():
            info = self._on_screen(rule, name, plan.value, screen, issue_type)
            if info is None:
                continue
            given.add(info.id)
            self._literal(rule, info, plan.value)
        self._marker(rule, screen, issue_type)
        self._required(rule, screen, given, issue_type)

    def _add(self, rule: Rule, value: Value, problem: str, remedy: str) -> None:
        self._report.add(value.position, rule.name, value.key, problem, remedy)

    def _on_screen(
        self,
        rule: Rule,
        name: str,
        value: Value,
        screen: Mapping[str, FieldInfo],
        issue_type: str,
    ) -> FieldInfo | None:
        where = f"the create screen of {issue_type} in {rule.project}"
        standard = standard_field(name)
        key = standard.id if standard else name
        if key in screen:
            return screen[key]
        named = [f for f in screen.values() if f.name.casefold() == name.casefold()]
        if len(named) == 1:
            return named[0]
        if named:
            ids = ", ".join(sorted(f.id for f in named))
            problem = f"{len(named)} fields on {where} have this name"
            self._add(rule, value, problem, f"Write the id instead: one of {ids}.")
            return None
        known = {**{f.name.casefold(): f for f in self._inspect.fields().values()}}
        known |= self._inspect.fields()
        if standard is not None or name.casefold() in known or name in known:
            remedy = "Put the field on that screen in Jira, or take it out of the rule."
            self._add(rule, value, f"the field is not on {where}", remedy)
            return None
        names = [f.name for f in screen.values()]
        self._add(rule, value, f"the site has no field {name!r}", nearest(name, names))
        return None

    def _literal(self, rule: Rule, info: FieldInfo, value: Value) -> None:
        """A value that is the same for every subject must be one the field takes."""
        if info.shape is Shape.LABELS:
            self._labels(rule, value)
        known, wished = constant(value)
        if not known or is_empty(wished):
            return
        try:
            Values(self._tracker.cloud, self._inspect.user).canonical(info, wished)
        except Rejected as fault:
            self._add(rule, _blamed(value, fault), str(fault), fault.remedy)
            return
        if info.shape is Shape.PARENT:
            self._parent(rule, value, str(wished))

    def _labels(self, rule: Rule, value: Value) -> None:
        for part in value.parts if isinstance(value.parts, list) else [value]:
            known, wished = constant(part)
            text = str(wished)
            if known and any(c.isspace() for c in text.strip()) and "," not in text:
                better = "-".join(text.split())
                self._add(
                    rule,
                    part,
                    f"labels have no white space, and {text!r} has",
                    f"Write {better!r}.",
                )
            elif known and len(text) > LABEL_LIMIT:
                self._add(
                    rule, part, f"a label has at most {LABEL_LIMIT} characters", "Shorten it."
                )

    def _parent(self, rule: Rule, value: Value, key: str) -> None:
        try:
            self._tracker.read(key)
        except Missing:
            remedy = "Name an epic or issue that is there, by its key."
            self._add(rule, value, f"there is no ticket {key!r}, or we may not see it", remedy)

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
            if info.shape is Shape.USER and info.id == "reporter":
                continue  # Jira takes whoever makes the ticket.
            names = [allowed.name for allowed in info.allowed or ()]
            example = f" It may be: {', '.join(names[:8])}." if names else ""
            self._report.add(
                rule.position,
                rule.name,
                f"fields.{info.name}",
                f"is missing, and Jira makes no {issue_type} in {rule.project} without it",
                f'Give it under [rule.fields] as "{info.name}" = ….{example}',
            )


def constant(value: Value) -> tuple[bool, Any]:
    """Whether a value is the same for every subject, and that value."""
    try:
        return True, value.render({})
    except Rejected:
        # It speaks of the subject.
        return False, None


def _blamed(value: Value, fault: Rejected) -> Value:
    """The item of a list that a refusal is about."""
    if isinstance(value.parts, list):
        for part in value.parts:
            known, wished = constant(part)
            if known and repr(str(wished)) in str(fault):
                return part  # type: ignore[no-any-return]
    return value
