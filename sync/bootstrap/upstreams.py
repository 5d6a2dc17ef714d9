"""The ways to upstream as the daemon uses them: watched, reported by health, and on record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sync.bootstrap.adapters import upstreams_of
from sync.domain.admission import ACCEPT, acts_in_words
from sync.domain.agreement import HELD_BECAUSE
from sync.ports import Clock, SourceApi
from sync.settings import Settings
from sync.store import admissions
from sync.store.engine import Store
from sync.store.upstreams import note_standing, standings
from sync.telemetry import HELD, UNTOLD
from sync.web.health import Check, Probe
from sync.worker.rulebook.in_force import Rulebook
from sync.worker.walk.watched import WatchedReads, WatchedUpstream

# Seconds between looks at whether something has to be put on record.
STANDING_SECONDS = 15.0


def watched_upstreams(
    settings: Settings, clock: Clock, apis: Mapping[str, SourceApi], store: Store
) -> Mapping[str, WatchedUpstream]:
    """The ways by which sources are told of acts, by the source's name. Makes no call."""
    ways = upstreams_of(settings, clock, apis, store)
    return {name: WatchedUpstream(way, clock) for name, way in ways.items()}


def watched_reads(
    upstreams: Mapping[str, WatchedUpstream], apis: Mapping[str, SourceApi]
) -> Mapping[str, WatchedReads]:
    """The reads of the sources that are told and can be asked, by the source's name."""
    return {name: WatchedReads(apis[name], way) for name, way in upstreams.items() if name in apis}


def upstream_probes(
    upstreams: Mapping[str, WatchedUpstream], book: Rulebook, store: Store
) -> Mapping[str, Probe]:
    """The probes of the ways to upstream, and of what waits to be told. None makes the program unready:
    deliveries must come in."""

    def of(way: WatchedUpstream) -> Probe:
        def probe() -> Check:
            words = _wrong(way) if book.current().tells else ""
            return Check(not words, words, vital=False)

        return probe

    def of_guard() -> Check:
        words = _untold(store) if book.current().tells else ""
        return Check(not words, words, vital=False)

    ways = {f"telling {name}": of(way) for name, way in upstreams.items()}
    return {**ways, "untold": of_guard} if ways else {}


def _untold(store: Store) -> str:
    """What waits to be told, and how many tickets are held, in words; "" for nothing."""
    with store.read() as session:
        found = admissions.counts(admissions.grouped(session))
    words = []
    if found.acts:
        words.append(f"{acts_in_words(found.acts)} for {ACCEPT} or `ticket-sync upstream reject`")
    if found.held:
        held = "1 ticket is" if found.held == 1 else f"{found.held} tickets are"
        words.append(f"{held} held: {HELD_BECAUSE}; `ticket-sync upstream show` names them")
    return "; ".join(words)


def refresh_untold(store: Store) -> None:
    """Bring the gauges of what waits to be told, and of what is held, up to date."""
    with store.read() as session:
        found = admissions.counts(admissions.grouped(session))
    UNTOLD.set(found.acts)
    HELD.set(found.held)


def _wrong(way: WatchedUpstream) -> str:
    """What keeps acts from being told, in words; "" for nothing."""
    off = [f"cannot {what}: {why}" for what, why in way.off().items()]
    return "; ".join(filter(None, (way.trouble, *off)))


class Standing:
    """Puts on record how upstream stands whenever that has changed, so that ``status`` can tell."""

    def __init__(
        self,
        store: Store,
        upstreams: Mapping[str, WatchedUpstream],
        telling: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self._store = store
        self._upstreams = upstreams
        self._telling = telling
        self._clock = clock
        self._known: dict[str, Mapping[str, Any]] | None = None

    def note(self) -> None:
        """To be called now and then. Costs nothing unless a rule tells upstream. Raises
        StoreUnavailable."""
        if not self._telling():
            return
        if self._known is None:
            with self._store.read() as session:
                self._known = dict(standings(session))
        for name, way in self._upstreams.items():
            now = {"way": way.way, "off": dict(way.off()), "trouble": way.trouble}
            if self._known.get(name) != now:
                note_standing(self._store, name, now, self._clock.time())
                self._known[name] = now
