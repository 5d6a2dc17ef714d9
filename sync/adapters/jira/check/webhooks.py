"""Looks whether a site has the webhook that its settings speak of, and what the webhook leaves out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from sync.adapters.jira.check.findings import Report
from sync.adapters.jira.tracker.tracker import JiraTracker
from sync.adapters.jira.tracker.webhooks import Webhook
from sync.adapters.jira.webhook import HEADER, NEEDED
from sync.domain.errors import Missing, Rejected
from sync.domain.ticket import FAMILY_LABEL
from sync.toml import Position

# How many of our tickets in a project a filter is tried on, the newest first.
_TRIED = 20


@dataclass(frozen=True, slots=True)
class WebhookWish:
    """What the settings say of a site's webhook: the ``path`` it is sent to; whether it is ``signed``,
    or has a secret that is ``sent`` along, or may do without both; and the place of the setting."""

    path: str
    signed: bool
    sent: bool
    place: Position


class WebhookCheck:
    """Checks the webhook of one site, for the projects of its rules."""

    def __init__(self, tracker: JiraTracker, report: Report, wish: WebhookWish) -> None:
        self._tracker = tracker
        self._report = report
        self._wish = wish

    def check(self, projects: Sequence[str]) -> None:
        """Report whether the webhook is there and right, or why this cannot be seen; and what to enter.

        Raises the faults of calls, without those that say that our account may not list webhooks.
        """
        enter = self._to_enter(projects)
        try:
            listed = self._tracker.inspect.webhooks()
        except Rejected:
            why = "only administrators of Jira may list webhooks, and our account is none"
            self._report.note(self._what, f"{why}. {enter}")
            return
        except Missing:
            why = "the site has no list of webhooks at an address that is known here"
            self._report.note(self._what, f"{why}. {enter}")
            return
        ours = [one for one in listed if self._leads_here(one)]
        if not ours:
            self._none(enter)
        else:
            self._compare(ours, projects, enter)

    @property
    def _what(self) -> str:
        return f"the webhook of site {self._report.site!r}"

    def _none(self, enter: str) -> None:
        if self._wish.sent and not self._wish.signed:
            why = "there is none, and web requests of Jira Automation are listed nowhere"
            self._report.note(self._what, f"{why}. {enter}")
        else:
            problem = f"site {self._report.site!r} has no webhook to {self._wish.path}"
            self._advise(problem, f"{enter} Until then the sweep of Jira finds changes, later.")

    def _compare(self, ours: Sequence[Webhook], projects: Sequence[str], enter: str) -> None:
        before = len(self._report.found)
        for one in ours:
            for problem in self._faults_of(one):
                self._advise(f"the webhook {one.name!r} {problem}", "Change it in Jira.")
        working = [one for one in ours if one.enabled and one.sends_body]
        if working:
            self._events(working, enter)
            for project in projects:
                self._filters(working, project, enter)
        if len(self._report.found) == before:
            self._report.webhook = f"its webhook {ours[0].name!r} is there"

    def _events(self, working: Sequence[Webhook], enter: str) -> None:
        told = frozenset[str]().union(*(one.events for one in working))
        missing = [event for event in NEEDED if event not in told]
        if missing:
            names = " and ".join(repr(one.name) for one in working)
            words = f"the webhook {names} is without the events {', '.join(missing)}"
            self._advise(words, f"Add them. {enter}")

    def _faults_of(self, one: Webhook) -> list[str]:
        found = []
        if not one.enabled:
            found.append("is turned off")
        if not one.sends_body:
            found.append("sends no body, so that nobody knows of which ticket it tells")
        in_url = self._wish.sent and not one.url.endswith(self._wish.path)
        if one.signed is False and self._wish.signed and not in_url:
            found.append("has no secret, so that it is refused; give it that of webhook_secrets")
        return found

    def _filters(self, working: Sequence[Webhook], project: str, enter: str) -> None:
        """Report tickets of ours in a project that no webhook tells of."""
        if not all(one.jql for one in working):
            return
        ours = f'project = "{project}" AND labels = "{FAMILY_LABEL}" ORDER BY updated DESC'
        keys = [one.ref.key for one in islice(self._tracker.matching(ours), _TRIED)]
        filters = " and ".join(f"`{one.jql}`" for one in working)
        if not keys:
            what = f"whether {filters}, the filter of the webhook, finds tickets in {project}"
            self._report.note(what, "there is none of ours yet to try it on")
            return
        told: set[str] = set()
        for one in working:
            query = f"key in ({', '.join(keys)}) AND ({one.jql})"
            told.update(found.ref.key for found in self._tracker.matching(query))
        silent = [key for key in keys if key not in told]
        if silent:
            self._advise(
                f"{filters}, the JQL filter of the webhook, leaves out tickets of ours in {project}, "
                f"such as {silent[0]}",
                f"Change the filter. {enter}",
            )

    def _leads_here(self, one: Webhook) -> bool:
        try:
            path = urlsplit(one.url).path
        except ValueError:
            return False
        # A proxy may add to the beginning of the path, and a secret may stand at its end.
        return re.search(rf"{re.escape(self._wish.path)}(?:/[^/]*)?$", path) is not None

    def _advise(self, problem: str, remedy: str) -> None:
        self._report.advise(self._wish.place, "", "webhook", problem, remedy)

    def _to_enter(self, projects: Sequence[str]) -> str:
        """What to enter in Jira, in words."""
        site, path = self._report.site, self._wish.path
        named = ", ".join(f'"{project}"' for project in projects)
        proof = f"as its secret that of webhook_secrets in [sites.{site}]"
        if not self._wish.signed:
            proof = f"no secret, as allow_unsigned_webhooks in [sites.{site}] has it"
        if self._wish.sent and not self._wish.signed:
            path += "/SECRET"
            proof = (
                f"for SECRET that of webhook_header_secrets in [sites.{site}] (in Jira Automation, "
                f"leave /SECRET out, and send it as the header {HEADER})"
            )
        return (
            f"Enter in Jira under System, WebHooks: the URL https://HOST{path}, where HOST is the name "
            f"by which Jira reaches this daemon; the events {', '.join(NEEDED)}; the JQL filter "
            f"project in ({named}); {proof}."
        )
