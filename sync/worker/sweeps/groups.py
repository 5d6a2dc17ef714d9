"""All sweeps, in the groups that the settings and the command line name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sync.domain.subject import Kind
from sync.ports import Clock, Source, SourceApi, Tracker
from sync.rules import RuleSet
from sync.store.engine import Store
from sync.worker.sweeps.comments import Comments
from sync.worker.sweeps.deliveries import DeliveriesSweep
from sync.worker.sweeps.heads import HeadsSweep
from sync.worker.sweeps.housekeeping import HousekeepingSweep
from sync.worker.sweeps.run import Sweep
from sync.worker.sweeps.surroundings import Surroundings
from sync.worker.sweeps.tickets import TicketsSweep
from sync.worker.sweeps.upstream import IncidentsSweep, IssuesSweep
from sync.worker.triage.batch import Triage

GROUPS = ("upstream", "deliveries", "jira", "own")

SweepGroups = Mapping[str, tuple[Sweep, ...]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What sweeps are made of. ``apis`` are those of the sources that we have credentials for.
    ``overlaps`` are seconds by group. ``wake`` wakes the workers, ``wake_triage`` wakes triage."""

    store: Store
    triage: Triage
    sources: Mapping[str, Source]
    apis: Mapping[str, SourceApi]
    trackers: Mapping[str, Tracker]
    rules: Callable[[], RuleSet]
    clock: Clock
    overlaps: Mapping[str, float]
    wake: Callable[[], None] = lambda: None
    wake_triage: Callable[[], None] = lambda: None


def sweep_groups(parts: Parts) -> SweepGroups:
    """All sweeps that these parts allow, by group. Without an API two groups are empty."""
    store, clock, overlaps = parts.store, parts.clock, parts.overlaps
    upstream: list[Sweep] = []
    deliveries: list[Sweep] = []
    for name, api in parts.apis.items():
        # The sweeps of the first source have plain names, under which stores keep their watermarks.
        of = f":{name}" if upstream else ""
        lag = overlaps["upstream"]
        said = [Comments(store, parts.triage, api, parts.rules, kind) for kind in Kind]
        around = Surroundings(store, parts.triage, api, parts.rules)
        upstream.append(IssuesSweep(store, parts.triage, api, lag, f"issues{of}", said[0], around))
        upstream.append(IncidentsSweep(store, parts.triage, api, lag, f"incidents{of}", said[1]))
        deliveries.append(
            DeliveriesSweep(
                store,
                parts.sources[name],
                api,
                clock,
                lag=overlaps["deliveries"],
                wake=parts.wake_triage,
                name=f"deliveries{of}",
            )
        )
        source, wake = parts.sources[name], parts.wake_triage
        deliveries.append(HeadsSweep(store, parts.triage, source, api, clock, wake, f"heads{of}"))
    return {
        "upstream": tuple(upstream),
        "deliveries": tuple(deliveries),
        "jira": tuple(
            TicketsSweep(store, tracker, clock, overlaps["jira"], parts.rules)
            for tracker in parts.trackers.values()
        ),
        "own": (HousekeepingSweep(store, parts.trackers, parts.rules, clock, parts.wake),),
    }
