"""Compares what a rule tells upstream with the site: each status, resolution and category is there."""

from __future__ import annotations

from collections.abc import Sequence

from sync.adapters.jira.check.findings import Report
from sync.adapters.jira.fields.choices import nearest, several
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
        problem, remedy = self._wrong(sign, there)
        if problem:
            self._report.add(position, rule.name, f"{_KEY}.{word}", problem, remedy)

    def _wrong(self, sign: Sign, there: Sequence[JiraStatus]) -> tuple[str, str]:
        """What is wrong with a sign, and what to do; empty where nothing is."""
        if sign.category is not None:
            if any(one.category is sign.category for one in there):
                return "", ""
            names = ", ".join(one.name for one in there)
            problem = f"the workflow has no status of category {sign.category.value!r}"
            return problem, f"Its statuses are: {names}."
        if sign.status:
            return _missing(
                sign.status, "statuses", "workflow has no status", [o.called for o in there]
            )
        known = self._inspect.resolutions()
        return _missing(sign.resolution, "resolutions", "site has no resolution", known)

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


def _missing(wanted: str, what: str, lacks: str, names: Sequence[Name]) -> tuple[str, str]:
    """What is wrong with a name, and what to do; empty where it means just one of ``names``."""
    found = meant(wanted, names)
    if len(found) > 1:
        fault = several(what, wanted, found)
        return str(fault), fault.remedy
    return ("", "") if found else (f"the {lacks} {wanted!r}", nearest(wanted, names))


def _names(sign: Sign, status: JiraStatus) -> bool:
    if sign.status:
        return bool(meant(sign.status, [status.called]))
    if sign.category:
        return sign.category is status.category
    # A resolution counts in any status that is done, but most tickets have another one.
    return False
