"""Where everything stands, read from the store alone: whether it is well, and what needs a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.domain.times import stamp
from sync.operations.parked import said_of
from sync.operations.pauses import PauseView, late_of, pauses_of
from sync.operations.untold import Untold, untold
from sync.store import (
    counts,
    damage,
    deliveries,
    liveness,
    notifications,
    parking,
    rulebook,
    sweeps,
    upstreams,
)
from sync.store.counts import SiteCounts
from sync.store.engine import Session, Store
from sync.store.tables import RunResult
from sync.worker.rulebook.in_force import waiting_words

# Parked tickets are grouped by cause. Only this many are read for that, the oldest ones.
PARKED_LOOKED_AT = 1000
_RUNS_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """A daemon that runs, or one that died and whose work nobody has taken over yet (not ``alive``).

    ``since`` is when it began, in ISO 8601, None where it did not say; ``version`` is "" then.
    ``seen_seconds_ago`` is None where it is known at this moment whether the daemon is alive.
    """

    name: str
    seen_seconds_ago: float | None
    host: str
    pid: int | None
    since: str | None
    version: str
    alive: bool


@dataclass(frozen=True, slots=True)
class SweepLine:
    """The last run of a sweep: when it began (seconds since the epoch), how it ended and what it found,
    in words."""

    name: str
    at: float
    result: str
    found: str


@dataclass(frozen=True, slots=True)
class TicketStatus:
    """How many tickets stand where. ``due`` are without the ``paused``, which wait for a pause."""

    due: int
    held: int
    parked: int
    fields_parked: int
    unsure: int
    linked: int
    spared: int
    total: int
    oldest_due_seconds: float | None
    paused: int = 0
    # Subjects that take a ticket that is there already, once they are heard of.
    recorded_ahead: int = 0


@dataclass(frozen=True, slots=True)
class ParkedFor:
    """A cause of parking: how many tickets, why, by which rule and line, and what to do."""

    tickets: int
    reason: str
    rule: str
    where: str
    remedy: str


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """How many deliveries wait to be read and are dead; ``heads`` are dead ones larger than max_body."""

    waiting: int
    dead: int
    heads: int
    oldest_waiting_seconds: float | None
    last_received_seconds_ago: float | None


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """The rules in force by their digest, the words for an edit that waits, and the mistakes that keep
    the rules on disk from being used."""

    digest: str | None
    in_force_since_seconds: float | None
    waiting: str
    mistakes: list[str]


@dataclass(frozen=True, slots=True)
class UpstreamStatus(Untold):
    """What upstream was told within a day, by kind, and what was not; how each source stands."""

    told_in_a_day: Mapping[str, int]
    not_told_in_a_day: Mapping[str, int]
    not_told_because: Mapping[str, int]
    last_told_seconds_ago: float | None
    standing: Mapping[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel of notifications that was used: why it does not get through ("" where it does), since
    when, and when it last did."""

    name: str
    failing: str
    failing_seconds: float | None
    last_sent_seconds_ago: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """Where everything stands. Ages are in seconds, None where there is none. ``pauses`` are those by
    people that go on, and those that are over and of which tickets are left."""

    store: str
    damage: str
    daemons: list[DaemonStatus]
    tickets: TicketStatus
    parked_for: list[ParkedFor]
    deliveries: DeliveryStatus
    rules: RuleStatus
    sites: list[SiteCounts]
    upstream: UpstreamStatus
    sweeps: list[SweepLine]
    notifications: list[ChannelStatus] = field(default_factory=list)
    pauses: list[PauseView] = field(default_factory=list)

    @property
    def running(self) -> list[DaemonStatus]:
        """The daemons that are alive."""
        return [one for one in self.daemons if one.alive]


def status_of(store: Store, now: float) -> Status:
    """Where everything stands at ``now`` (seconds since the epoch)."""
    processes = liveness.processes(store)
    with store.read() as session:
        found, sites = counts.in_all_and_by_site(session, now=now)
        return Status(
            store=store.place,
            damage=damage.known(store),
            daemons=[_daemon(one) for one in processes],
            tickets=TicketStatus(
                due=found.due,
                held=found.held,
                parked=found.parked,
                fields_parked=found.fields_parked,
                unsure=found.unsure,
                linked=found.linked,
                spared=found.spared,
                total=found.total,
                oldest_due_seconds=_age(found.oldest_due, now),
                paused=found.paused,
                recorded_ahead=deliveries.turn(session)[1],
            ),
            parked_for=_parked_for(session),
            deliveries=_deliveries(session, now),
            rules=_rules(session, now),
            sites=sites,
            upstream=_upstream(session, now),
            sweeps=_sweeps(session),
            notifications=_notifications(session, now),
            pauses=[*pauses_of(session, now).pauses, *late_of(session, now)],
        )


def _daemon(one: liveness.Process) -> DaemonStatus:
    seen = None if one.seen is None else round(one.seen, 1)
    since = stamp(one.since)
    return DaemonStatus(one.name, seen, one.host, one.pid, since, one.version, one.alive)


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


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else round(max(0.0, now - at), 1)


def _parked_for(session: Session) -> list[ParkedFor]:
    groups = parking.grouped(parking.parked(session, limit=PARKED_LOOKED_AT))
    return [
        ParkedFor(
            len(group.rows),
            said_of(group),
            *(str(group.why.get(name) or "") for name in ("rule", "where", "remedy")),
        )
        for group in groups
    ]


def _deliveries(session: Session, now: float) -> DeliveryStatus:
    inbox = deliveries.counts(session)
    return DeliveryStatus(
        waiting=inbox.waiting,
        dead=inbox.dead,
        heads=deliveries.count_heads(session),
        oldest_waiting_seconds=_age(inbox.oldest_waiting, now),
        last_received_seconds_ago=_age(inbox.last_received, now),
    )


def _notifications(session: Session, now: float) -> list[ChannelStatus]:
    return [
        ChannelStatus(
            name=name,
            failing=state.failing.words if state.failing else "",
            failing_seconds=_age(state.failing.since, now) if state.failing else None,
            last_sent_seconds_ago=_age(state.memory.sent, now),
        )
        for name, state in notifications.all_of(session).items()
    ]


def _rules(session: Session, now: float) -> RuleStatus:
    edition, waiting = rulebook.in_force(session), rulebook.waiting(session)
    problem = rulebook.problem(session)
    return RuleStatus(
        digest=edition.digest if edition else None,
        in_force_since_seconds=_age(edition.at, now) if edition else None,
        waiting=waiting_words(waiting) if waiting else "",
        mistakes=list(problem.words) if problem else [],
    )


def _upstream(session: Session, now: float) -> UpstreamStatus:
    lately, waiting = upstreams.lately(session, now), untold(session)
    return UpstreamStatus(
        waiting=waiting.waiting,
        accepted=waiting.accepted,
        held=waiting.held,
        held_tickets=waiting.held_tickets,
        told_in_a_day=lately.told,
        not_told_in_a_day=lately.not_told,
        not_told_because=lately.reasons,
        last_told_seconds_ago=_age(lately.last_told, now),
        standing=upstreams.standings(session),
    )
