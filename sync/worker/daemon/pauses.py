"""Pauses: a site that asked one daemon to make no calls gets none from the others either."""

from __future__ import annotations

from collections.abc import Mapping

from sync.ports import Clock, SiteHealth
from sync.store import pauses
from sync.store.engine import Store

SHARE_SECONDS = 0.5
# Two pauses that end within this many seconds of each other are the same pause.
_SAME = 0.25


class Pauses:
    """Writes the pauses of this daemon's sites to the store, and follows those of other daemons."""

    def __init__(self, store: Store, sites: Mapping[str, SiteHealth], clock: Clock) -> None:
        self._store = store
        self._sites = sites
        self._clock = clock

    def share(self) -> None:
        """Bring sites and store into step. Costs one short read while no site is paused. Raises
        StoreUnavailable."""
        with self._store.read() as session:
            known = pauses.load(session)
        now = self._clock.time()
        news = {}
        for name, site in self._sites.items():
            ours, theirs = site.paused_for(), known.get(name, 0.0) - now
            if theirs > ours + _SAME:
                site.pause(theirs)
            elif ours > max(theirs, 0.0) + _SAME:
                news[name] = now + ours
        if news:
            with self._store.write() as session:
                for name, until in news.items():
                    pauses.put(session, name, until, now)
