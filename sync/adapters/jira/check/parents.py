"""Compares the parents that rules give with the levels of issue types: a parent is one level above."""

from __future__ import annotations

from collections.abc import Iterable

from sync.adapters.jira.check.findings import Report
from sync.adapters.jira.fields.screen import field_on_screen
from sync.adapters.jira.tracker.tracker import JiraTracker
from sync.domain.errors import Missing, Rejected
from sync.domain.names import Name
from sync.rules import Rule
from sync.rules.values import Value

# The level of sub-tasks, see ``level_of``.
_SUBTASK = -1


class ParentsCheck:
    """Checks the parents of rules against one site."""

    def __init__(self, tracker: JiraTracker, report: Report) -> None:
        self._tracker = tracker
        self._report = report

    def named(self, rule: Rule, issue_type: Name, value: Value, key: str) -> None:
        """Report a parent that is not there, or not of the level above the rule's tickets."""
        try:
            above, level = self._tracker.inspect.type_of(key)
        except Missing:
            problem = f"there is no ticket {key!r}, or we may not see it"
            remedy = "Name an epic or issue that is there, by its key."
        else:
            if not (problem := self._misfit(rule, issue_type, above, level)):
                return
            problem = f"{problem}, as {key} is"
            remedy = self._upward(rule, issue_type)
        self._report.add(value.position, rule.name, value.key, problem, remedy)

    def of_type(self, rule: Rule, issue_type: Name, value: Value, above: Name) -> None:
        """Report a type of parents that is not of the level above the rule's tickets."""
        levels = self._tracker.metadata.levels(rule.project)
        level = next((level for name, level in levels if name.id == above.id), 0)
        if problem := self._misfit(rule, issue_type, above, level):
            remedy = self._upward(rule, issue_type)
            self._report.add(value.position, rule.name, value.key, problem, remedy)

    def missing(self, rule: Rule, issue_type: Name) -> bool:
        """Report a sub-task type, for which the rule gives no parent. Whether ``issue_type`` is one."""
        wrong = self._level(rule, issue_type) == _SUBTASK
        if wrong:
            self._report.add(
                rule.position,
                rule.name,
                "fields.parent",
                f"is missing, and Jira makes no {issue_type} in {rule.project} without it",
                'Give it under [rule.fields] as parent = "KEY-1", or name an issue type that is no '
                "sub-task.",
            )
        return wrong

    def of_incidents(self, rule: Rule, issue_type: Name, rules: Iterable[Rule]) -> None:
        """Report issues whose tickets cannot be children of an incident's ticket, as its rule asks."""
        if not rule.issues.as_children:
            return
        level = self._level(rule, issue_type)
        for other in rules:
            child = self._first_type(other) if "issue" in other.kinds else None
            if child is None or "parent" in other.projection.fields:
                continue
            problem, remedy = self._misfit(other, child, issue_type, level), ""
            if problem:
                remedy = self._upward(other, child)
            elif fault := self._no_field(other, child):
                problem, remedy = str(fault), fault.remedy
            if problem:
                given = rule.sheet.tables["issues"]["link"]
                words = (
                    f"{problem}, as the tickets of rule {other.name!r} would be under {issue_type}"
                )
                self._report.add(given.position, rule.name, "issues.link", words, remedy)

    def _no_field(self, rule: Rule, child: Name) -> Rejected | None:
        """Why a rule's tickets cannot be given a parent: their create screen lacks the field. None
        where they can; Cloud needs no field on the screen."""
        if self._tracker.cloud():
            return None
        metadata, where = self._tracker.metadata, f"{child} in {rule.project}"
        try:
            screen = metadata.create_fields(rule.project, child)
            field_on_screen("parent", screen, metadata.all_fields, where)
        except Rejected as fault:
            return fault
        return None

    def _misfit(self, rule: Rule, child: Name, above: Name, level: int) -> str:
        """Why a ticket of one type cannot be under one of another, "" where it can."""
        own = self._level(rule, child)
        if self._tracker.cloud():
            fits = level == own + 1
        else:
            # Data Center tells which types are sub-tasks, and no other level. So every type counts as
            # above, but for sub-tasks and, unless it is a sub-task, the child's own type.
            fits = level != _SUBTASK and (own == _SUBTASK or above.id != child.id)
        return "" if fits else f"a ticket of type {child} cannot be under one of type {above}"

    def _upward(self, rule: Rule, child: Name) -> str:
        """What to name instead: the types of the level above."""
        own = self._level(rule, child)
        levels = self._tracker.metadata.levels(rule.project)
        there = [name for name, level in levels if level == own + 1]
        if not self._tracker.cloud() and own != _SUBTASK:
            return "Name an epic, or leave the parent out."
        if not there:
            return f"Leave it out: {rule.project} has no issue type above {child}."
        return f"Give a ticket of the level above: of type {' or '.join(there)}."

    def _level(self, rule: Rule, issue_type: Name) -> int:
        levels = self._tracker.metadata.levels(rule.project)
        return next((level for name, level in levels if name.id == issue_type.id), 0)

    def _first_type(self, rule: Rule) -> Name | None:
        """The type of a rule's tickets; None where the check of that rule tells what is wrong."""
        try:
            return self._tracker.metadata.issue_type(rule.project, rule.issue_type)
        except Rejected:
            return None
