"""Pauses and paces: a site that asked one daemon to make no calls gets none from the others either, and
under a rate limit of a site each daemon makes its share of the calls."""

from __future__ import annotations

from collections.abc import Mapping

from sync.ports import Clock, SiteHealth
from sync.store import paces, pauses
from sync.store.engine import Store

SHARE_SECONDS = 0.5
# Two pauses that end within this many seconds of each other are the same pause.
_SAME = 0.25


class Pauses:
    """Writes the pauses and paces of this daemon's sites to the store, and follows those of others.

    While the store is away, each daemon goes on with the share that it had. ``owner`` is the process's
    name.
    """

    def __init__(
        self, store: Store, sites: Mapping[str, SiteHealth], clock: Clock, owner: str
    ) -> None:
        self._store = store
        self._sites = sites
        self._clock = clock
        self._owner = owner
        # Whether the store has paces of ours.
        self._told = False

    def share(self) -> None:
        """Bring sites and store into step. Costs one short read while no site is paused or limited.
        Raises StoreUnavailable."""
        self._share_paces()
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
                    pauses.put(session, name, until)

    def _share_paces(self) -> None:
        own = {name: known for name, site in self._sites.items() if (known := site.paces())}
        if not own and not self._told:
            return
        with self._store.write() as session:
            others = paces.exchange(session, self._owner, self._clock.time(), own)
        self._told = bool(own)
        for name in own:
            self._sites[name].share(others.get(name, ()))
