"""Pauses: when Jira asks one daemon to leave a whole site alone, the others on its store do so too."""

from __future__ import annotations

from collections.abc import Mapping

from sync.ports import Clock, Tracker
from sync.store import pauses
from sync.store.engine import Store

SHARE_SECONDS = 0.5
# Pauses that differ by less are the same one, heard of twice.
_SAME = 0.25


class Pauses:
    """Tells the store of this daemon's pauses, and its trackers of the others'."""

    def __init__(self, store: Store, trackers: Mapping[str, Tracker], clock: Clock) -> None:
        self._store = store
        self._trackers = trackers
        self._clock = clock

    def share(self) -> None:
        """Bring both into step. Costs one short read where nobody was asked to wait. Raises
        StoreUnavailable."""
        with self._store.read() as session:
            known = pauses.load(session)
        now = self._clock.time()
        news = {}
        for site, tracker in self._trackers.items():
            mine, theirs = tracker.pause(), known.get(site, 0.0) - now
            if theirs > mine + _SAME:
                tracker.hold(theirs)
            elif mine > max(theirs, 0.0) + _SAME:
                news[site] = now + mine
        if news:
            with self._store.write() as session:
                for site, until in news.items():
                    pauses.put(session, site, until)
