"""The search index: what a search sees, which may be older than what a read by id sees."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from sync.sandbox.jira.site.model import Issue


@dataclass(slots=True)
class SearchIndex:
    """``lag`` is in seconds of the sandbox's clock. With no lag the index is the issues themselves.

    ``by_label`` has labels in lower case, as JQL compares them.
    """

    lag: float = 0.0
    docs: dict[int, Issue] = field(default_factory=dict)
    by_label: dict[str, set[int]] = field(default_factory=dict)
    by_project: dict[str, set[int]] = field(default_factory=dict)
    waiting: deque[tuple[float, Issue]] = field(default_factory=deque)
    _known: dict[int, tuple[tuple[str, ...], str]] = field(default_factory=dict)

    def put(self, issue: Issue, now: float) -> None:
        """Take in the issue as it is now; searches see it once the lag has passed."""
        self.settle(now)
        if self.lag <= 0 and not self.waiting:
            self._store(issue)
        else:
            self.waiting.append((now + self.lag, replace(issue, values=dict(issue.values))))

    def remove(self, issue: Issue) -> None:
        """Deleted issues leave at once: results are read from the database, which has them no more."""
        self.waiting = deque(entry for entry in self.waiting if entry[1].id != issue.id)
        self._forget(issue.id)
        self.docs.pop(issue.id, None)

    def settle(self, now: float) -> None:
        """Take in what has waited long enough."""
        while self.waiting and self.waiting[0][0] <= now:
            self._store(self.waiting.popleft()[1])

    def flush(self) -> None:
        """Take in everything that waits, as if the lag had passed."""
        while self.waiting:
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
