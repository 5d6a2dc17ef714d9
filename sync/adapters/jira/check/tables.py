"""Checks the tables of rules that stand for something on the site: the board whose sprint is meant."""

from __future__ import annotations

from sync.adapters.jira.check.findings import Report
from sync.adapters.jira.fields.field import FieldInfo, Shape
from sync.adapters.jira.tracker.tracker import JiraTracker
from sync.domain.errors import Rejected
from sync.rules import Rule
from sync.rules.values import Value, constant


class TablesCheck:
    """Checks the tables in the fields of rules against one site."""

    def __init__(self, tracker: JiraTracker, report: Report) -> None:
        self._metadata = tracker.metadata
        self._report = report

    def check(self, rule: Rule, info: FieldInfo, value: Value) -> bool:
        """Report what the site lacks. Whether the value is such a table."""
        board = value.parts.get("board") if info.shape is Shape.SPRINT else None
        if board is None:
            return False
        known, wished = constant(board)
        if known:
            self._board(rule, board, str(wished))
        return True

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
