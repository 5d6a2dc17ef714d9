"""The check of one site: our account, the projects, and each rule in turn."""

from __future__ import annotations

from collections.abc import Sequence

from sync.adapters.jira.calls import rights
from sync.adapters.jira.calls.faults import BY_WORDS_ALONE
from sync.adapters.jira.check.fields import FieldsCheck
from sync.adapters.jira.check.findings import Report
from sync.adapters.jira.check.parents import ParentsCheck
from sync.adapters.jira.check.people import PeopleCheck
from sync.adapters.jira.check.statuses import StatusesCheck
from sync.adapters.jira.check.upstream import UpstreamCheck
from sync.adapters.jira.check.webhooks import WebhookCheck, WebhookWish
from sync.adapters.jira.fields.choices import nearest
from sync.adapters.jira.tracker.tracker import JiraTracker
from sync.domain.errors import Cause, Fault, Rejected
from sync.domain.names import Name
from sync.rules import Rule
from sync.toml import Position


def check_site(
    tracker: JiraTracker,
    rules: Sequence[Rule],
    default_project: Position,
    webhook: WebhookWish | None = None,
) -> Report:
    """Compare the rules of one site with the site. Changes nothing.

    ``default_project`` is where the site's own project is configured. With ``webhook``, the site's
    webhook is looked at as well. Does not raise: a fault of a call
    ends the check, and is the report's ``trouble``.
    """
    report = Report(tracker.site)
    try:
        who = tracker.inspect.whoami()
        report.who = f"{who.name} ({who.email or who.id})" if who.id else "an account unknown to us"
        _Check(tracker, default_project, report, who.language).run(rules)
        if webhook is not None:
            projects = sorted({rule.project for rule in rules})
            WebhookCheck(tracker, report, webhook).check(projects)
        elif any(rule.tells for rule in rules):
            report.remark(
                "its settings speak of no webhook, so that what people do there is noticed, and told "
                "upstream, only by the sweep of Jira; see docs/jira-webhooks.md"
            )
    except Fault as fault:
        report.trouble = str(fault)
    return report


def check_names(tracker: JiraTracker, rules: Sequence[Rule], default_project: Position) -> Report:
    """Whether the projects, issue types, fields and values that rules name are there.

    Asks for what is kept for a while, so that it is quick enough while somebody types. Does not raise,
    like ``check_site``, which also checks permissions, people, statuses and webhooks.
    """
    report = Report(tracker.site)
    try:
        _Check(tracker, default_project, report, "").run_names(rules)
    except Fault as fault:
        report.trouble = str(fault)
    return report


class _Check:
    def __init__(
        self, tracker: JiraTracker, default_project: Position, report: Report, language: str
    ) -> None:
        self._tracker = tracker
        self._language = language
        self._inspect = tracker.inspect
        self._metadata = tracker.metadata
        self._default_project = default_project
        self._report = report
        people = PeopleCheck(tracker, report, default_project)
        self._fields = FieldsCheck(tracker, report, people)
        self._statuses = StatusesCheck(tracker, report, people)
        self._parents = ParentsCheck(tracker, report)
        self._upstream = UpstreamCheck(tracker, report)

    def run_names(self, rules: Sequence[Rule]) -> None:
        """Look for what the rules name among what is known of the site."""
        projects = self._metadata.projects()
        for rule in rules:
            if rule.project not in projects:
                self._no_project(rule, list(projects))
                continue
            self._links(rule)
            issue_type = self._issue_type(rule)
            if issue_type:
                self._fields.check(rule, issue_type)

    def run(self, rules: Sequence[Rule]) -> None:
        self._scopes()
        self._words()
        projects = self._metadata.projects()
        for rule in rules:
            if rule.project not in projects:
                self._no_project(rule, list(projects))
                continue
            self._permissions(rule)
            self._links(rule)
            issue_type = self._issue_type(rule)
            if issue_type:
                self._fields.check(rule, issue_type)
                self._statuses.check(rule, issue_type)
                self._upstream.check(rule, issue_type)
                self._parents.of_incidents(rule, issue_type, rules)

    def _project_position(self, rule: Rule) -> Position:
        given = rule.sheet.plain.get("project")
        return given.position if given else self._default_project

    def _no_project(self, rule: Rule, projects: list[str]) -> None:
        self._report.add(
            self._project_position(rule),
            rule.name,
            "project",
            f"there is no project {rule.project!r}, or our account may not see it",
            nearest(rule.project, projects)
            if projects
            else "Our account sees no project at all: give it 'Browse projects'.",
        )

    def _permissions(self, rule: Rule) -> None:
        fields = {name.casefold().replace("_", " ") for name in rule.projection.fields}
        needed = [*rights.EVERY_RULE, *(r for name, r in rights.FIELDS.items() if name in fields)]
        granted = self._inspect.permissions(rule.project, [right.permission for right in needed])
        for right in needed:
            if right.permission not in granted:
                self._report.add(
                    self._project_position(rule),
                    rule.name,
                    "project",
                    f"our account {self._report.who} lacks the permission {right.name!r} in "
                    f"{rule.project}",
                    "A project administrator can give it in the project's permissions.",
                )

    def _scopes(self) -> None:
        """Report the scopes that the token lacks. Jira does not list a token's scopes, so calls try
        them."""
        for what, scope in self._inspect.missing_scopes():
            self._report.add(
                self._default_project,
                "",
                "token",
                f"has no scope for {what}: it needs {scope}",
                "docs/permissions.md lists all scopes that a token needs.",
            )

    def _words(self) -> None:
        """Note what cannot be checked where our account's language is not English."""
        if self._language and not self._language.lower().startswith("en"):
            self._report.note(
                f"{BY_WORDS_ALONE} at site {self._report.site!r}",
                f"our account's language there is {self._language}; only the words of Jira's answer tell"
                " this, and ticket-sync knows them in English alone",
            )

    def _issue_type(self, rule: Rule) -> Name:
        """The first issue type of the rule that the project has, an empty name for none."""
        try:
            return self._metadata.issue_type(rule.project, rule.issue_type)
        except Rejected as fault:
            # Another cause: the account may not create issues here, which ``_permissions`` has reported.
            if fault.cause is Cause.ISSUE_TYPE:
                given = rule.sheet.plain.get("issue_type")
                place = given.position if given and given.by_a_person else rule.position
                self._report.add(place, rule.name, "issue_type", str(fault), fault.remedy)
            return Name("")

    def _links(self, rule: Rule) -> None:
        if not rule.issues.link or rule.issues.as_children:
            return
        try:
            self._metadata.link_type(rule.issues.link)
        except Rejected as fault:
            given = rule.sheet.tables["issues"].get("link")
            place = given.position if given else rule.position
            self._report.add(place, rule.name, "issues.link", str(fault), fault.remedy)
