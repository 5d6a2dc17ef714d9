"""The search index. Jira fills its index late, so a search may see older values than a read by id."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from sync.sandbox.jira.site.model import Issue


@dataclass(slots=True)
class SearchIndex:
    """Issues as a search sees them, by id in ``docs``.

    A changed issue waits in ``waiting`` for ``lag`` seconds of the sandbox's clock and then enters the
    index. Without a lag, ``docs`` holds the live issues. The keys of ``by_label`` are in lower case, as
    JQL compares labels.
    """

    lag: float = 0.0
    docs: dict[int, Issue] = field(default_factory=dict)
    by_label: dict[str, set[int]] = field(default_factory=dict)
    by_project: dict[str, set[int]] = field(default_factory=dict)
    waiting: deque[tuple[float, Issue]] = field(default_factory=deque)
    _known: dict[int, tuple[tuple[str, ...], str]] = field(default_factory=dict)

    def put(self, issue: Issue, now: float) -> None:
        """Index the issue as it is now; searches see this state after the lag."""
        self.settle(now)
        if self.lag <= 0 and not self.waiting:
            self._store(issue)
        else:
            self.waiting.append((now + self.lag, replace(issue, values=dict(issue.values))))

    def remove(self, issue: Issue) -> None:
        """Remove a deleted issue at once: Jira reads the found issues from its database."""
        self.waiting = deque(entry for entry in self.waiting if entry[1].id != issue.id)
        self._forget(issue.id)
        self.docs.pop(issue.id, None)

    def settle(self, now: float) -> None:
        """Index the issues whose lag has passed."""
        while self.waiting and self.waiting[0][0] <= now:
            self._store(self.waiting.popleft()[1])

    def _store(self, issue: Issue) -> None:
        state = (issue.labels, issue.project)
        if self._known.get(issue.id) != state:
            self._forget(issue.id)
            for label in issue.labels:
                self.by_label.setdefault(label.lower(), set()).add(issue.id)
            self.by_project.setdefault(issue.project, set()).add(issue.id)
            self._known[issue.id] = state
        self.docs[issue.id] = issue

    def _forget(self, number: int) -> None:
        labels, project = self._known.pop(number, ((), ""))
        for label in labels:
            numbers = self.by_label.get(label.lower(), set())
            numbers.discard(number)
            if not numbers:
                self.by_label.pop(label.lower(), None)
        if project:
            self.by_project[project].discard(number)
