"""Looks at the people whom rules name: whether we may look them up, and by what they are named."""

from __future__ import annotations

from sync.adapters.jira.check.findings import Report
from sync.adapters.jira.fields.field import FieldInfo, Shape
from sync.adapters.jira.fields.values import candidates
from sync.adapters.jira.tracker.tracker import JiraTracker
from sync.domain.text import parts
from sync.rules import Rule
from sync.rules.values import Value
from sync.toml import Position


class PeopleCheck:
    """Checks the people in fields of rules against one site. ``at`` is where the site is configured."""

    def __init__(self, tracker: JiraTracker, report: Report, at: Position) -> None:
        self._tracker = tracker
        self._report = report
        self._at = at
        self._asked = False

    def looked_up(self) -> None:
        """Report, once, that our account may not look up people, which a field of a rule needs."""
        if self._asked:
            return
        self._asked = True
        may = self._tracker.metadata.may_browse_people()
        if may is None:
            self._report.note(
                "the permission 'Browse users and groups'", "Jira does not say whether we have it"
            )
        elif not may:
            self._report.advise(
                self._at,
                "",
                "",
                f"our account {self._report.who} lacks the global permission 'Browse users and groups', "
                "without which people in fields such as the reporter are not found",
                "A Jira administrator can give it under System, Global permissions; or give people by "
                "their account ids.",
            )

    def named(self, rule: Rule, info: FieldInfo, value: Value) -> None:
        """Report people of a list that cannot have the field and, on Cloud, those that a rule names by
        their display names.

        A display name leads to a person only until somebody else has it, or the person changes it.
        """
        for one, wished in value.written_out(rule.projection.tables):
            several = parts(wished) if info.shape is Shape.USERS else candidates(wished)
            for text in filter(None, several):
                found = self._tracker.metadata.person(text, rule.project, info.id)
                problem, remedy = found.problem, found.remedy
                by_name = "@" not in text and text.casefold() != found.id.casefold()
                if found and by_name and self._tracker.cloud():
                    problem = f"{text!r} is a display name, which on Jira Cloud anybody may change"
                    remedy = f"Write the account id {found.id!r}, or the person's email address."
                if problem:
                    self._report.advise(one.position, rule.name, one.key, problem, remedy)
