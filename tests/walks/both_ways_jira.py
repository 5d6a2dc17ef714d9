"""A whole ticket-sync between a simulated Jira that sends its webhooks and a simulated Coalesce
Quality."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from litestar.testing import TestClient

from sync.adapters.jira.webhook import JiraNotices, WebhookSecrets
from sync.sandbox.coalesce.subjects import Issue
from sync.sandbox.jira import JiraSandbox
from sync.sandbox.jira.ready_site import OWNER
from sync.sandbox.jira.site.ticket import Ticket
from sync.store.engine import Store
from sync.store.notices import Notices
from sync.web.app import create_app
from sync.web.notices import Hearing
from tests.adapters.coalesce.served import Upstream, serving
from tests.walks.both_ways import BothWays, telling
from tests.walks.test_jira import jira_tracker
from tests.walks.test_jira_webhooks import SECRET, URL, Wire


class WithJira(BothWays):
    """A world with a whole Jira site, whose webhooks are delivered when ``settle`` is called."""

    def __init__(
        self, store: Store, folder: Path, upstream: Upstream, more: str, dialect: str
    ) -> None:
        self.site = JiraSandbox(dialect, upstream.clock, index_lag=20.0)
        tracker = jira_tracker(self.site, upstream.clock)
        super().__init__(store, folder, upstream, more, tracker=tracker)
        self.site.add_webhook(URL, secret=SECRET)
        self.person = self.site.person(OWNER)
        secrets = WebhookSecrets(signing=(SECRET,), sent=())
        notices = Notices(store, self.clock.time)
        hearing = Hearing([JiraNotices("main", secrets)], notices)
        self._client = TestClient(create_app(sources={}, inbox=self.inbox, hearing=hearing))
        self._client.__enter__()
        self.wire = Wire(self.site, self._client, upstream.clock)

    def look(self) -> None:
        """Deliver what Jira has to say."""
        self.wire.deliver()

    def settle(self, within: float = 60.0) -> None:
        """Deliver and walk until both sides are quiet."""
        for _ in range(20):
            self.wire.deliver()
            super().settle(within)
            if self.site.outbox.next_at() is None:
                return
        raise AssertionError("Jira does not come to rest")

    def made(self, **fields: Any) -> tuple[Issue, str]:
        """A new issue, and the key of its ticket."""
        issue = self.sandbox.open_issue(**fields)
        self.settle()
        return issue, self.site.tickets()[-1].key

    def ticket(self, key: str) -> Ticket:
        return self.site.ticket(key)

    def close(self) -> None:
        self._client.__exit__(None, None, None)
        super().close()

    def written(self) -> tuple[object, ...]:
        """All that was written on either side."""
        subjects = [*self.sandbox.issues.values(), *self.sandbox.incidents.values()]
        said = [self.remarks(one) for one in subjects]
        return len(self.sandbox.events), said, self.site.tickets(deleted=True)


@contextmanager
def both_ways_jira(
    store: Store, folder: Path, dialect: str, more: str = "", project: str = "DATA"
) -> Iterator[WithJira]:
    with serving() as upstream:
        world = WithJira(store, folder, upstream, more, dialect)
        if project != "DATA":
            world.write_rules(telling(more).replace('project = "DATA"', f'project = "{project}"'))
        try:
            yield world
        finally:
            world.close()
