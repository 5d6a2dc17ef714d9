"""Is it well, and who must act?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sync.domain.durations import in_words
from sync.domain.times import ago
from sync.operations.deployment import Deployment
from sync.operations.status import ParkedFor, Status, status_of
from sync.store import deliveries, parking, rulebook, sweeps
from sync.store.engine import Session
from sync.store.tables import DeliveryState, RunResult

HOURS = 24
_RUNS_LOOKED_AT = 200


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
class Hour:
    """The deliveries received within the hour that begins at ``at`` (seconds since the epoch)."""

    at: int
    read: int = 0
    dead: int = 0
    waiting: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.read + self.dead + self.waiting


@dataclass(frozen=True, slots=True)
class SiteLine:
    """A Jira site: ``state`` is up, down, paused or hanging, ``words`` what stands in the way."""

    name: str
    address: str
    state: str
    words: str
    tickets: int = 0
    due: int = 0
    held: int = 0
    parked: int = 0
    unsure: int = 0


@dataclass(frozen=True, slots=True)
class SweepLine:
    """The last run of a sweep: when it began, how it ended and what it found, in words."""

    name: str
    at: float
    result: str
    found: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All of the first page. ``hours`` are the last day's, oldest first."""

    sentence: str
    detail: str
    needs: list[Need]
    hours: list[Hour]
    sites: list[SiteLine]
    sweeps: list[SweepLine]
    status: Status


def overview(deployment: Deployment, now: float) -> Overview:
    """Where everything stands at ``now`` (seconds since the epoch), and what needs a person."""
    store = deployment.store
    status = status_of(store, now)
    with store.read() as session:
        hours = _hours(session, now)
        lines = _sweeps(session)
        since = _since(session)
    sites = _sites(deployment, status)
    needs = sorted(
        _needs(status, sites, since, now), key=lambda one: (not one.stops, one.since or now)
    )
    return Overview(
        sentence=sentence(status, needs),
        detail=detail(status),
        needs=needs,
        hours=hours,
        sites=sites,
        sweeps=lines,
        status=status,
    )


def sentence(status: Status, needs: Sequence[Need]) -> str:
    """The answer to whether it is well."""
    if not status.daemons:
        return "Nothing works: no daemon runs"
    if not needs:
        return "All is well"
    number = len(needs)
    things = "one thing needs" if number == 1 else f"{_NUMBERS.get(number, number)} things need"
    state = "Not all works" if any(one.stops for one in needs) else "Working"
    return (
        f"{state}, and {things} a person"
        if state != "Working"
        else f"Working, but {things} a person"
    )


_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine"}


def detail(status: Status) -> str:
    """The second line: deliveries, daemons and tickets in a sentence."""
    last = status.deliveries.last_received_seconds_ago
    came = "No delivery has come yet" if last is None else f"The last delivery came {ago(last)}"
    tickets = status.tickets
    settled = settled_of(status)
    running = len(status.daemons)
    run = (
        "one daemon runs" if running == 1 else f"{running} daemons run" if running else "none runs"
    )
    return f"{came}, {run}, {settled:,} of {tickets.total:,} tickets are as their rules want them."


def settled_of(status: Status) -> int:
    """How many tickets are as their rules want them."""
    tickets = status.tickets
    return max(0, tickets.total - tickets.due - tickets.held - tickets.parked - tickets.unsure)


def _needs(
    status: Status, sites: Sequence[SiteLine], since: Mapping[str, float | None], now: float
) -> Iterator[Need]:
    if not status.daemons:
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
    waiting = status.upstream.waiting
    if waiting.tickets:
        words = f"{waiting.acts:,} acts wait to be told to Coalesce Quality"
        detail = "More than `large_upstream` allows: accept or reject them."
        yield Need("Not told", "wait", words, detail, "/connections/coalesce", "Look at them")


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


def _since(session: Session) -> dict[str, float | None]:
    waiting, problem = rulebook.waiting(session), rulebook.problem(session)
    return {
        "parked": parking.oldest(session),
        "dead": deliveries.oldest_dead(session),
        "edit": waiting.at if waiting else None,
        "mistakes": problem.at if problem else None,
    }


def _hours(session: Session, now: float) -> list[Hour]:
    last = int(now) // 3600
    first = last - HOURS + 1
    found = {hour: Hour(hour * 3600) for hour in range(first, last + 1)}
    names = {
        DeliveryState.TRIAGED: "read",
        DeliveryState.DEAD: "dead",
        DeliveryState.ACCEPTED: "waiting",
    }
    for hour, state, number in deliveries.by_hour(session, first * 3600):
        # A clock that was set back leaves deliveries of hours to come.
        if hour in found:
            found[hour] = replace(found[hour], **{names[DeliveryState(state)]: number})
    return list(found.values())


def _sweeps(session: Session) -> list[SweepLine]:
    newest: dict[str, SweepLine] = {}
    for row in sweeps.recent(session, limit=_RUNS_LOOKED_AT):
        amiss = row.missing + row.stale + row.wrong
        found = f"{amiss:,} amiss, {row.repaired:,} repaired" if amiss else "nothing"
        if row.result == RunResult.RUNNING:
            found = "runs now"
        elif row.result != RunResult.OK:
            found = row.words or found
        newest.setdefault(row.sweep, SweepLine(row.sweep, row.started_at, row.result, found))
    return sorted(newest.values(), key=lambda one: one.name)


def _sites(deployment: Deployment, status: Status) -> list[SiteLine]:
    numbers = {one.site: one for one in status.sites}
    lines = []
    for name, site in sorted(deployment.settings.sites.items()):
        tracker, found = deployment.trackers.get(name), numbers.get(name)
        state, words = "up", (found.trouble if found else "") or "nothing"
        if tracker is not None:
            state, words = _standing(deployment, name) or (state, words)
        line = SiteLine(name, site.url, state, words)
        if found is not None:
            line = replace(
                line,
                tickets=found.tickets,
                due=found.due,
                held=found.held,
                parked=found.parked,
                unsure=found.unsure,
            )
        lines.append(line)
    return lines


def _standing(deployment: Deployment, name: str) -> tuple[str, str] | None:
    health = deployment.trackers[name].health
    if down := health.down():
        return "down", down
    if (seconds := health.paused_for()) > 0:
        return "paused", f"Jira asked for a pause; it ends in {in_words(seconds)}"
    if hanging := sorted(health.stalled()):
        projects = ", ".join(hanging)
        return "hanging", f"calls about {projects} hang; the tickets there wait, all others go on"
    return None
