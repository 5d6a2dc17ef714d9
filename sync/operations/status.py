"""Where everything stands, read from the store alone: whether it is well, and what needs a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.operations.parked import said_of
from sync.operations.untold import Untold, untold
from sync.store import (
    counts,
    damage,
    deliveries,
    liveness,
    notifications,
    parking,
    rulebook,
    upstreams,
)
from sync.store.counts import SiteCounts
from sync.store.engine import Session, Store
from sync.worker.rulebook.in_force import waiting_words

# Parked tickets are grouped by cause. Only this many are read for that, the oldest ones.
PARKED_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """A daemon that runs; None where it is known to be alive at this moment."""

    name: str
    seen_seconds_ago: float | None


@dataclass(frozen=True, slots=True)
class TicketStatus:
    """How many tickets stand where."""

    due: int
    held: int
    parked: int
    fields_parked: int
    unsure: int
    linked: int
    spared: int
    total: int
    oldest_due_seconds: float | None


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
    """Where everything stands. Ages are in seconds, None where there is none."""

    store: str
    damage: str
    daemons: list[DaemonStatus]
    tickets: TicketStatus
    parked_for: list[ParkedFor]
    deliveries: DeliveryStatus
    rules: RuleStatus
    sites: list[SiteCounts]
    upstream: UpstreamStatus
    notifications: list[ChannelStatus] = field(default_factory=list)


def status_of(store: Store, now: float) -> Status:
    """Where everything stands at ``now`` (seconds since the epoch)."""
    running = liveness.running(store)
    with store.read() as session:
        found, sites = counts.in_all_and_by_site(session, now=now)
        return Status(
            store=store.place,
            damage=damage.known(store),
            daemons=[
                DaemonStatus(name, None if seen is None else round(seen, 1))
                for name, seen in running.items()
            ],
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
            ),
            parked_for=_parked_for(session),
            deliveries=_deliveries(session, now),
            rules=_rules(session, now),
            sites=sites,
            upstream=_upstream(session, now),
            notifications=_notifications(session, now),
        )


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
