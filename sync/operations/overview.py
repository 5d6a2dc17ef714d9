"""Is it well, and who must act?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sync.domain.durations import in_words
from sync.domain.times import ago
from sync.operations.deployment import Deployment
from sync.operations.needs import Need, SiteLine, needs_of
from sync.operations.status import Status, SweepLine, status_of
from sync.store import deliveries, parking, rulebook
from sync.store.engine import Session
from sync.store.tables import DeliveryState

HOURS = 24


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
class Step:
    """One of the steps to a first ticket: what is to be done, whether it is, and how."""

    words: str
    done: bool
    how: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All of the first page. ``hours`` are the last day's, oldest first. ``steps`` lead to a first
    ticket; none once there is one."""

    sentence: str
    detail: str
    needs: list[Need]
    hours: list[Hour]
    sites: list[SiteLine]
    sweeps: list[SweepLine]
    steps: list[Step]
    status: Status


def overview(deployment: Deployment, now: float) -> Overview:
    """Where everything stands at ``now`` (seconds since the epoch), and what needs a person."""
    store = deployment.store
    status = status_of(store, now)
    with store.read() as session:
        hours = _hours(session, now)
        since = since_of(session)
    sites = sites_of(deployment, status)
    needs = needs_of(status, sites, deployment.troubles(), since, now)
    steps = [] if status.tickets.total else _steps(deployment, status, sites)
    return Overview(
        sentence="Three steps to a first ticket"
        if steps and not needs
        else sentence(status, needs),
        detail=detail(status),
        needs=needs,
        hours=hours,
        sites=sites,
        sweeps=status.sweeps,
        steps=steps,
        status=status,
    )


def sentence(status: Status, needs: Sequence[Need]) -> str:
    """The answer to whether it is well."""
    if not status.running:
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
    running = len(status.running)
    run = (
        "one daemon runs" if running == 1 else f"{running} daemons run" if running else "none runs"
    )
    return f"{came}, {run}, {settled:,} of {tickets.total:,} tickets are as their rules want them."


def settled_of(status: Status) -> int:
    """How many tickets are as their rules want them."""
    tickets = status.tickets
    waits = tickets.due + tickets.held + tickets.paused
    return max(0, tickets.total - waits - tickets.parked - tickets.unsure)


def _steps(deployment: Deployment, status: Status, sites: Sequence[SiteLine]) -> list[Step]:
    """From an installation that has made nothing yet to its first ticket."""
    up = [one for one in sites if one.state == "up"]
    came = status.deliveries.last_received_seconds_ago is not None
    paths = ", ".join(f"/webhooks/{name}" for name in deployment.sources)
    return [
        Step(
            "Jira answers",
            bool(up),
            "Connections shows what each site says. `ticket-sync check` asks for all that rules name.",
        ),
        Step(
            "Coalesce Quality sends here",
            came,
            f"Give it the address of this daemon with {paths}, and its signing secret to the "
            "configuration. `ticket-sync send --sample issue_created` sends a sample from here.",
        ),
        Step(
            "A rule makes a ticket of it",
            False,
            "Rules shows the rules in force, and what a delivery would become.",
        ),
    ]


def since_of(session: Session) -> dict[str, float | None]:
    """Since when there is what ``needs_of`` asks of, by its names."""
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


def sites_of(deployment: Deployment, status: Status) -> list[SiteLine]:
    """The Jira sites of the configuration, with how each stands."""
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
                waits=found.paused,
            )
        lines.append(line)
    return lines


def _standing(deployment: Deployment, name: str) -> tuple[str, str] | None:
    health = deployment.trackers[name].health
    if resting := health.resting():
        return "paused", resting
    if down := health.down():
        return "down", down
    if (seconds := health.paused_for()) > 0:
        return "paused", f"Jira asked for a pause; it ends in {in_words(seconds)}"
    if hanging := sorted(health.stalled()):
        projects = ", ".join(hanging)
        return "hanging", f"calls about {projects} hang; the tickets there wait, all others go on"
    return None
