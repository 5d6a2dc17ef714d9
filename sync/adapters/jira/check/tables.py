"""Checks the tables of rules that stand for something on the site: a board's sprint, an epic."""

from __future__ import annotations

from sync.adapters.jira.check.findings import Report
from sync.adapters.jira.check.parents import ParentsCheck
from sync.adapters.jira.fields.field import FieldInfo, Shape
from sync.adapters.jira.tracker.tracker import JiraTracker
from sync.domain.epics import EpicWish
from sync.domain.errors import Rejected
from sync.domain.names import Name
from sync.rules import Rule
from sync.rules.values import Value, constant


class TablesCheck:
    """Checks the tables in the fields of rules against one site."""

    def __init__(self, tracker: JiraTracker, report: Report, parents: ParentsCheck) -> None:
        self._metadata = tracker.metadata
        self._epics = tracker.epics
        self._report = report
        self._parents = parents

    def check(self, rule: Rule, issue_type: Name, info: FieldInfo, value: Value) -> bool:
        """Report what the site lacks. Whether the value is such a table."""
        if info.shape in (Shape.PARENT, Shape.EPIC_LINK) and "epic" in value.parts:
            self._epic(rule, issue_type, value)
            return True
        board = value.parts.get("board") if info.shape is Shape.SPRINT else None
        if board is None:
            return False
        known, wished = constant(board)
        if known:
            self._board(rule, board, str(wished))
        return True

    def _epic(self, rule: Rule, issue_type: Name, value: Value) -> None:
        """Report an issue type of epics that is not there, or not of the level above the rule's."""
        given = value.parts.get("issue_type")
        known, wished = constant(given) if given is not None else (True, "")
        if not known:
            return
        try:
            kind = self._metadata.epic_type(rule.project, str(wished or ""))
        except Rejected as fault:
            at = given or value
            self._report.add(at.position, rule.name, at.key, str(fault), fault.remedy)
            return
        self._parents.of_type(rule, issue_type, value, kind)
        self._epic_to_find(rule, value, str(wished or ""))

    def _epic_to_find(self, rule: Rule, value: Value, issue_type: str) -> None:
        """Report an epic that is only found, never made, and is not there."""
        make, name = value.parts.get("make"), value.parts["epic"]
        known, wished = constant(name)
        if self._epics is None or not known or make is None or constant(make) != (True, False):
            return
        wish = EpicWish(str(wished), make=False, issue_type=issue_type)
        if wish.name.strip() and self._epics.find(wish, rule.project) is None:
            self._report.add(
                name.position,
                rule.name,
                name.key,
                f"{rule.project} has no open epic {wish.name!r} that our account may see",
                "Correct the name, make the epic, or leave `make = false` out.",
            )

    def _board(self, rule: Rule, value: Value, wished: str) -> None:
        try:
            active = self._metadata.active_sprints(wished)
        except Rejected as fault:
            self._report.add(value.position, rule.name, value.key, str(fault), fault.remedy)
            return
        if not active:
            self._report.remark(
                f"rule {rule.name!r}: the board {wished!r} has no active sprint now, and tickets made "
                "meanwhile are in none"
            )
