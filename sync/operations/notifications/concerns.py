"""What needs a person, as concerns that channels are told of, in the words of the pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from sync.domain.errors import Fault
from sync.domain.notification import Concern
from sync.operations.deployment import Deployment
from sync.operations.needs import Need, needs_of, silence, untold_words
from sync.operations.overview import since_of, sites_of
from sync.operations.parked import ParkedGroup, ParkedQuery, parked_of
from sync.operations.status import Status, status_of

log = structlog.get_logger("notify")

# The kind of a concern, by that of the need.
KIND_OF = {
    "Store": "store",
    "Site down": "site",
    "Rules": "rules",
    "Edit waits": "edit",
    "Dead letters": "dead",
    "Held": "held",
    "Daemon": "daemon",
    "Notifications": "notifications",
    "Pause over": "pause",
}
# Needs that are said otherwise: by cause, by rule, by each channel's own limit; or that only somebody
# else can tell of.
_OTHERWISE = {"Parked", "Not told", "No deliveries", "No daemon"}
# The causes that are told one by one; further ones are one concern.
MOST_CAUSES = 200
# A look is used for so many seconds, and for so many times the seconds that it took.
_FRESH_SECONDS = 5.0
_SHARE = 50.0


@dataclass(frozen=True, slots=True)
class Look:
    """What needed a person at a moment. ``status`` has how long no delivery has come."""

    concerns: list[Concern]
    status: Status


class Looking:
    """Looks at the store and the sites for all channels. Safe to share between threads."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._lock = threading.Lock()
        self._last: Look | None = None
        self._fresh_until = 0.0
        self._down: dict[str, Concern] = {}

    def look(self) -> Look:
        """What needs a person, as of a moment ago. Raises StoreUnavailable."""
        with self._lock:
            clock = self._deployment.clock
            began = clock.monotonic()
            if self._last is None or began >= self._fresh_until:
                self._last = self._looked()
                ended = clock.monotonic()
                self._fresh_until = ended + max(_FRESH_SECONDS, _SHARE * (ended - began))
            return self._last

    def _looked(self) -> Look:
        deployment = self._deployment
        now = deployment.clock.time()
        status = status_of(deployment.store, now)
        with deployment.store.read() as session:
            since = since_of(session)
        sites = sites_of(deployment, status)
        found = needs_of(status, sites, deployment.troubles(), since, now)
        needs = [_of_need(one) for one in found if one.kind not in _OTHERWISE]
        groups = parked_of(deployment.store, ParkedQuery()).groups if _any_parked(status) else []
        return Look([*self._with_sites(needs), *_parked(groups), *_untold(status)], status)

    def _with_sites(self, needs: list[Concern]) -> list[Concern]:
        """The concerns, with the sites that were down and have not answered since. Between two probes
        a site does not count as down; only its answer says that it is up."""
        down = {one.key: one for one in needs if one.kind == "site"}
        for key, before in self._down.items():
            if key not in down and not self._answers(before):
                down[key] = before
                needs = [*needs, before]
        self._down = down
        return needs

    def _answers(self, concern: Concern) -> bool:
        tracker = self._deployment.trackers.get(concern.link.rpartition("/")[2])
        try:
            if tracker is not None:
                tracker.health.ready()
        except Fault as fault:
            log.debug("a site does not answer yet", concern=concern.key, why=str(fault))
            return False
        return True


def silence_of(look: Look, after: float, now: float) -> Iterator[Concern]:
    """That no delivery has come for ``after`` seconds, if so."""
    for need in silence(look.status, now, after):
        yield Concern("silence", "silence", need.words, need.detail, need.link, since=need.since)


def _of_need(need: Need) -> Concern:
    kind = KIND_OF.get(need.kind, "other")
    # All channels that fail lead to one page; their words tell them apart.
    about = need.words if kind == "notifications" else need.link
    count = (
        int(number) if (number := need.words.partition(" ")[0].replace(",", "")).isdigit() else 1
    )
    return Concern(
        f"{kind}:{about}", kind, need.words, need.detail, need.link, count=count, since=need.since
    )


def _any_parked(status: Status) -> bool:
    return bool(status.tickets.parked or status.tickets.fields_parked)


def _parked(groups: list[ParkedGroup]) -> Iterator[Concern]:
    # What a person set aside, that person knows.
    groups = [one for one in groups if one.cause != "person"]
    # The oldest: a cause that comes must not push out another, which would then count as over.
    oldest = sorted(groups, key=lambda one: (one.since or 0.0, one.id))
    named = {one.id for one in oldest[:MOST_CAUSES]}
    for one in groups:
        if one.id in named:
            yield _of_group(one)
    if rest := [one for one in groups if one.id not in named]:
        count = sum(one.count for one in rest)
        words = f"{_tickets(count)} set aside, for other causes"
        yield Concern("parked:rest", "parked", words, "", "/parked", count=count)


def _of_group(one: ParkedGroup) -> Concern:
    what = f"a field of {_number(one.count)} is" if one.fields_only else _tickets(one.count)
    place = ", ".join(filter(None, (f"rule {one.rule!r}" if one.rule else "", one.where, one.key)))
    words = f"{what[:1].upper()}{what[1:]} set aside: {one.reason}"
    return Concern(
        key=f"parked:{one.id}",
        kind="field" if one.fields_only else "parked",
        words=f"{words} ({place})" if place else words,
        detail=one.remedy or "Mend what the reason names.",
        link=f"/parked?group={one.id}",
        rule=one.rule,
        count=one.count,
        since=one.since,
    )


def _untold(status: Status) -> Iterator[Concern]:
    for one in status.upstream.waiting.by_rule:
        words, detail = untold_words(one.acts, one.rule)
        link = "/connections/coalesce"
        yield Concern(f"untold:{one.rule}", "untold", words, detail, link, one.rule, count=one.acts)


def _tickets(count: int) -> str:
    return f"{_number(count)} {'is' if count == 1 else 'are'}"


def _number(count: int) -> str:
    return f"{count:,} {'ticket' if count == 1 else 'tickets'}"
