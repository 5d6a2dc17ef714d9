"""Sweeps of upstream: issues and incidents that changed since the last run, as the API returns them.

There are two sweeps, because our credentials may allow one of the two APIs and not the other. A wide
window, as after an outage of ours, is done in slices, oldest first. The watermark moves after each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sync.domain.subject import Snapshot
from sync.ports import SourceApi
from sync.store.engine import Store
from sync.worker.sweeps.comments import Comments
from sync.worker.sweeps.intake import take_in
from sync.worker.sweeps.run import Run, Window
from sync.worker.sweeps.surroundings import Surroundings
from sync.worker.triage.batch import Triage

SLICE_SECONDS = 6 * 3600.0
BY_ID = 100
Item = TypeVar("Item")


def slices(window: Window, seconds: float = SLICE_SECONDS) -> Iterator[Window]:
    """A window in one or more parts of at most ``seconds`` each, oldest first."""
    since = window.since
    while since + seconds < window.until:
        yield Window(since, since + seconds)
        since += seconds
    yield Window(since, window.until)


def pieces(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Ids or subjects in groups that are small enough for one call."""
    for start in range(0, len(items), BY_ID):
        yield items[start : start + BY_ID]


def issue_pages(
    run: Run, api: SourceApi, window: Window, seen: set[str] | None = None
) -> Iterator[list[Snapshot]]:
    """Issues updated within a window, in pages. Ids in ``seen`` are left out, ids that were read are
    added there."""
    seen = set() if seen is None else seen
    listed = 0
    for page in api.issues_updated(window.since, window.until):
        run.check()
        run.called()
        listed += 1
        # An issue that changes meanwhile is listed again on a later page.
        fresh = [id_ for id_ in dict.fromkeys(page) if id_ not in seen]
        seen.update(fresh)
        for some in pieces(fresh):
            run.check()
            run.called()
            yield api.issues(some)
    if not listed:
        run.called()


@dataclass(frozen=True, slots=True)
class IssuesSweep:
    """Issues, by the time of their last update."""

    store: Store
    triage: Triage
    api: SourceApi
    overlap: float = 600.0
    name: str = "issues"
    comments: Comments | None = None
    surroundings: Surroundings | None = None

    def sweep(self, run: Run) -> None:
        """Take in what has changed. Raises the faults of the API."""
        read: set[str] = set()
        for part in slices(run.window):
            read.clear()
            wide = _ahead(part, run.window, self.overlap)
            for snapshots in issue_pages(run, self.api, wide, read):
                take_in(run, self.store, self.triage, snapshots)
            run.reached(part.until)
        if self.comments is not None:
            self.comments.read(run, read)
        if self.surroundings is not None:
            self.surroundings.read(run)


@dataclass(frozen=True, slots=True)
class IncidentsSweep:
    """Incidents, by the time of their last update, with the issues that belong to them."""

    store: Store
    triage: Triage
    api: SourceApi
    overlap: float = 600.0
    name: str = "incidents"
    comments: Comments | None = None

    def sweep(self, run: Run) -> None:
        """Take in what has changed. Raises the faults of the API."""
        read: set[str] = set()
        for part in slices(run.window):
            run.check()
            wide = _ahead(part, run.window, self.overlap)
            found = self.api.incidents_updated(wide.since, wide.until)
            read = {one.ref.id for one in found}
            run.called(max(1, -(-len(found) // BY_ID)))
            for some in pieces(found):
                run.check()
                take_in(run, self.store, self.triage, some)
            run.reached(part.until)
        if self.comments is not None:
            self.comments.read(run, read)


def _ahead(part: Window, whole: Window, overlap: float) -> Window:
    # The API's clock may be ahead of ours, so the last part also covers changes "later than now".
    return replace(part, until=part.until + overlap) if part.until == whole.until else part
