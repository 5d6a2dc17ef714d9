"""Pauses and paces: a site that asked one daemon to make no calls gets none from the others either, and
under a rate limit of a site each daemon makes its share of the calls. What people have paused, every
daemon leaves alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sync.domain.pause import Pause, PauseKind, active
from sync.ports import Clock, SiteHealth
from sync.rules import RuleSet
from sync.store import paces, paused, pauses
from sync.store.engine import Store

SHARE_SECONDS = 0.5
# Two pauses that end within this many seconds of each other are the same pause.
_SAME = 0.25


def rules_of(rules: RuleSet, pause: Pause) -> tuple[str, ...]:
    """The rules by whose new tickets a pause of a project is concerned, by name."""
    names = (one.name for one in rules.rules if (one.site, one.project) == (pause.site, pause.name))
    return tuple(sorted(names))


class Pauses:
    """Writes the pauses and paces of this daemon's sites to the store, and follows those of others.

    While the store is away, each daemon goes on with the share that it had. ``owner`` is the process's
    name.
    """

    def __init__(
        self,
        store: Store,
        sites: Mapping[str, SiteHealth],
        clock: Clock,
        owner: str,
        rules: Callable[[], RuleSet],
    ) -> None:
        self._store = store
        self._sites = sites
        self._clock = clock
        self._owner = owner
        self._rules = rules
        # Whether the store has paces of ours.
        self._told = False
        self._on_record: tuple[Pause, ...] = ()

    def by_people(self) -> tuple[Pause, ...]:
        """The pauses by people that go on at this moment, as of the last look at the store."""
        return active(self._on_record, self._clock.time()) if self._on_record else ()

    def on_record(self) -> tuple[Pause, ...]:
        """The same, with those that were over within the last day."""
        return self._on_record

    def follow(self) -> None:
        """Follow the pauses by people: from now on no call is made to a site that is paused, and none is
        kept back from one that is not any more. Raises StoreUnavailable."""
        with self._store.read() as session:
            self._follow(paused.load(session))

    def _follow(self, known: tuple[Pause, ...]) -> None:
        going_on = active(known, self._clock.time())
        self._on_record = tuple(self._with_rules(one) if one in going_on else one for one in known)
        rest = {one.site: one.words for one in going_on if one.kind is PauseKind.SITE}
        for name, site in self._sites.items():
            if site.resting() != (words := rest.get(name, "")):
                site.rest(words)

    def _with_rules(self, one: Pause) -> Pause:
        """The pause of a project with the rules in force that make tickets there, which whoever counts
        what waits finds in the store."""
        if one.kind is not PauseKind.PROJECT:
            return one
        rules = rules_of(self._rules(), one)
        if rules != one.rules:
            with self._store.write() as session:
                paused.note_rules(session, one, rules)
        return replace(one, rules=rules)

    def share(self) -> None:
        """Bring sites and store into step. Costs one read of two
        small tables while nothing is paused or limited.
        Raises StoreUnavailable."""
        self._share_paces()
        with self._store.read() as session:
            known, by_people = pauses.load(session), paused.load(session)
        self._follow(by_people)
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
