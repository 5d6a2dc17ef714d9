"""Compares what a rule tells upstream with the site: each status, resolution and category is there."""

from __future__ import annotations

from collections.abc import Sequence

from sync.adapters.jira.check.findings import Report
from sync.adapters.jira.fields.values import nearest, several
from sync.adapters.jira.tracker.tracker import JiraTracker
from sync.domain.names import Name, meant
from sync.domain.rule import Sign
from sync.domain.subject import Kind
from sync.domain.ticket import JiraStatus
from sync.rules import Rule
from sync.rules.upstream import signs_of
from sync.toml import Position

_KEY = "upstream.status"


class UpstreamCheck:
    """Checks ``[rule.upstream.status]`` of rules against one site."""

    def __init__(self, tracker: JiraTracker, report: Report) -> None:
        self._inspect = tracker.inspect
        self._report = report

    def check(self, rule: Rule, issue_type: Name) -> None:
        """Report places that the site does not have, and note those that no line names, for tickets of
        ``issue_type``."""
        given = rule.sheet.tables["upstream"].get("status")
        if rule.projection.upstream is None or given is None or not given.value:
            return
        by_type = self._inspect.statuses(rule.project)
        there = by_type.get(issue_type.id) or next(iter(by_type.values()), [])
        for word, sign, position in signs_of(given):
            self._sign(rule, word, sign, position, there)
        self._unnamed(rule, there)

    def _sign(
        self, rule: Rule, word: str, sign: Sign, position: Position, there: Sequence[JiraStatus]
    ) -> None:
        problem = remedy = ""
        if sign.category is not None:
            if all(one.category is not sign.category for one in there):
                problem = f"the workflow has no status of category {sign.category.value!r}"
                remedy = f"Its statuses are: {', '.join(one.name for one in there)}."
        else:
            wanted = sign.status or sign.resolution
            names = [one.called for one in there] if sign.status else self._inspect.resolutions()
            what = "statuses" if sign.status else "resolutions"
            found = meant(wanted, names)
            if len(found) > 1:
                fault = several(what, wanted, found)
                problem, remedy = str(fault), fault.remedy
            elif not found:
                has = "workflow has no status" if sign.status else "site has no resolution"
                problem, remedy = f"the {has} {wanted!r}", nearest(wanted, names)
        if problem:
            self._report.add(position, rule.name, f"{_KEY}.{word}", problem, remedy)

    def _unnamed(self, rule: Rule, there: Sequence[JiraStatus]) -> None:
        """Note the statuses of the workflow in which a ticket tells nothing."""
        wish = rule.projection.upstream
        assert wish is not None
        for kind in Kind:
            signs = [sign for some in wish.signs(kind).values() for sign in some]
            unnamed = [one for one in there if not any(_names(sign, one) for sign in signs)]
            if signs and unnamed:
                names = ", ".join(repr(one.name) for one in unnamed)
                self._report.remark(
                    f"rule {rule.name!r}: {kind.value}s: no line of {_KEY} names {names}, so that "
                    "upstream is told nothing when a ticket is moved there"
                )


def _names(sign: Sign, status: JiraStatus) -> bool:
    if sign.status:
        return bool(meant(sign.status, [status.called]))
    if sign.category:
        return sign.category is status.category
    # A resolution counts in any status that is done, but most tickets have another one.
    return False
