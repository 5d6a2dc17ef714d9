"""What needs a person: what stops work, and what waits for a decision or a mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sync.domain.agreement import HELD_BECAUSE
from sync.domain.times import ago, lasting
from sync.operations.pauses import late_words
from sync.operations.status import ParkedFor, Status

# After so long without a delivery, people should look whether that is right.
SILENT_SECONDS = 2 * 86400.0


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a person. ``token`` is the sort of trouble (bad or wait), ``kind`` names it
    in a word or two, ``words`` say what it is and ``detail`` what to do. ``link`` leads to where it can
    be mended, by the name of ``button``. ``since`` is in seconds since the epoch, None where that is not
    known. ``stops``: nothing, or nothing of a site, goes on before it is mended."""

    kind: str
    token: str
    words: str
    detail: str
    link: str
    button: str
    since: float | None = None
    stops: bool = False


@dataclass(frozen=True, slots=True)
class SiteLine:
    """A Jira site: ``state`` is up, down, paused (by the site itself or by a person) or hanging,
    ``words`` what stands in the way. ``waits``: tickets that are due and wait for a pause."""

    name: str
    address: str
    state: str
    words: str
    tickets: int = 0
    due: int = 0
    held: int = 0
    parked: int = 0
    unsure: int = 0
    waits: int = 0


def needs_of(
    status: Status,
    sites: Sequence[SiteLine],
    troubles: Sequence[str],
    since: Mapping[str, float | None],
    now: float,
) -> list[Need]:
    """What needs a person: first what stops work, then the oldest. ``since`` has since when there are
    parked tickets, dead letters, an edit that waits, mistakes (by these names: parked, dead, edit,
    mistakes)."""
    found = [*_of_daemon(troubles), *_needs(status, sites, since, now)]
    return sorted(found, key=lambda one: (not one.stops, one.since or now))


def _needs(
    status: Status, sites: Sequence[SiteLine], since: Mapping[str, float | None], now: float
) -> Iterator[Need]:
    if not status.running:
        words = "No daemon runs: nothing is received, and no ticket is worked on"
        yield Need("No daemon", "bad", words, "Start `ticket-sync serve`.", "/", "", None, True)
    if status.damage:
        detail = "Put a backup of the file in its place."
        yield Need(
            "Store", "bad", status.damage, detail, "/settings", "See the settings", None, True
        )
    for site in sites:
        if site.state == "down":
            words = f"{site.name} is down: {site.tickets:,} tickets of it wait for it to come back"
            link = f"/connections/{site.name}"
            yield Need("Site down", "bad", words, site.words, link, "Open connection", None, True)
    for mistake in status.rules.mistakes[:1]:
        yield Need(
            "Rules",
            "bad",
            "The rules on disk have mistakes; the last good ones are in force",
            mistake,
            "/rules",
            "See the rules",
            since["mistakes"],
        )
    if status.rules.waiting:
        words = _sentence_of(status.rules.waiting)
        detail = "The former rules stay in force until somebody accepts the edit."
        yield Need("Edit waits", "wait", words, detail, "/rules", "Review the plan", since["edit"])
    yield from silence(status, now)
    yield from _parked(status, since["parked"])
    if dead := status.deliveries.dead:
        words = f"{dead:,} {'delivery' if dead == 1 else 'deliveries'} could not be read"
        yield Need(
            "Dead letters",
            "bad",
            words,
            since_words(since["dead"], now),
            "/deliveries?outcome=dead",
            "Look at them",
            since["dead"],
        )
    yield from _untold(status)
    yield from _late(status, now)
    for channel in status.notifications:
        if channel.failing:
            words = f"Notifications by {channel.name} do not get through"
            at = now - (channel.failing_seconds or 0.0)
            link, button = "/settings", "See the settings"
            yield Need("Notifications", "bad", words, channel.failing, link, button, at)


def untold_words(acts: int, rule: str = "") -> tuple[str, str]:
    """That acts (of a rule) wait for a person, and what to do."""
    what = "1 act waits" if acts == 1 else f"{acts:,} acts wait"
    of = f" (rule {rule!r})" if rule else ""
    return (
        f"{what} to be told to Coalesce Quality{of}",
        "More than `large_upstream` allows: accept or reject them.",
    )


def _untold(status: Status) -> Iterator[Need]:
    link, button = "/connections/coalesce", "Look at them"
    if status.upstream.waiting.tickets:
        words, detail = untold_words(status.upstream.waiting.acts)
        yield Need("Not told", "wait", words, detail, link, button)
    if held := status.upstream.held:
        words = f"{held:,} {'ticket is' if held == 1 else 'tickets are'} held: {HELD_BECAUSE}"
        detail = "`ticket-sync upstream show` names them; `ticket-sync retry` ends a hold."
        yield Need("Held", "wait", words, detail, link, button)


def _late(status: Status, now: float) -> Iterator[Need]:
    for one in (pause for pause in status.pauses if pause.over):
        words, detail = late_words(one, now), "Something else stands in their way; `why` tells it."
        link, button = "/tickets?standing=due", "See the tickets"
        yield Need("Pause over", "bad", words, detail, link, button, one.until_seconds)


def _of_daemon(troubles: Sequence[str]) -> Iterator[Need]:
    for words in troubles:
        detail = "The log of the daemon says more."
        yield Need(
            "Daemon", "bad", _sentence_of(words), detail, "/settings", "Settings", None, True
        )


def silence(status: Status, now: float, after: float = SILENT_SECONDS) -> Iterator[Need]:
    """That no delivery has come for longer than ``after`` seconds, if so."""
    last = status.deliveries.last_received_seconds_ago
    if last is not None and last > after:
        yield Need(
            "No deliveries",
            "wait",
            f"No delivery has come for {lasting(last)}",
            "The chain from the sender to here shows where deliveries end.",
            "/connections/coalesce",
            "See the chain",
            now - last,
            True,
        )


def _parked(status: Status, since: float | None) -> Iterator[Need]:
    number = status.tickets.parked
    if not number:
        return
    causes: Sequence[ParkedFor] = status.parked_for
    words = f"{number:,} {'ticket is' if number == 1 else 'tickets are'} set aside"
    if len(causes) > 1:
        words += f", for {len(causes):,} causes"
    first = causes[0] if causes else None
    place = f" ({first.where})" if first and first.where else ""
    of_them = f"{first.tickets:,} of them: {first.reason}{place}" if first else ""
    yield Need("Parked", "bad", words, of_them, "/parked", "See the causes", since)


def since_words(at: float | None, now: float) -> str:
    """Since when something is so, "" where that is not known."""
    return f"The oldest came {ago(now - at)}." if at is not None else ""


def _sentence_of(words: str) -> str:
    return words[:1].upper() + words[1:]
