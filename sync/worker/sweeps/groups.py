"""The sweeps there are, in the groups that the settings and the command line know them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sync.ports import Clock, Source, SourceApi, Tracker
from sync.rules import RuleSet
from sync.store.engine import Store
from sync.worker.sweeps.deliveries import DeliveriesSweep
from sync.worker.sweeps.housekeeping import OwnSweep
from sync.worker.sweeps.run import Sweep
from sync.worker.sweeps.tickets import TicketsSweep
from sync.worker.sweeps.upstream import IncidentsSweep, IssuesSweep
from sync.worker.triage.batch import Triage

GROUPS = ("upstream", "deliveries", "jira", "own")

Roster = Mapping[str, tuple[Sweep, ...]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What sweeps are made of. ``apis`` are those of the sources that we have credentials for."""

    store: Store
    triage: Triage
    sources: Mapping[str, Source]
    apis: Mapping[str, SourceApi]
    trackers: Mapping[str, Tracker]
    rules: Callable[[], RuleSet]
    clock: Clock
    overlaps: Mapping[str, float]
    poke: Callable[[], None] = lambda: None
    poke_triage: Callable[[], None] = lambda: None


def roster(parts: Parts) -> Roster:
    """All sweeps that these parts allow, by group. Without an API two groups are empty."""
    store, lags = parts.store, parts.overlaps
    upstream: list[Sweep] = []
    deliveries: list[Sweep] = []
    for name, api in parts.apis.items():
        # The sweeps of the first source have plain names, under which stores keep their watermarks.
        of = f":{name}" if upstream else ""
        lag = lags["upstream"]
        upstream.append(IssuesSweep(store, parts.triage, api, lag, f"issues{of}"))
        upstream.append(IncidentsSweep(store, parts.triage, api, lag, f"incidents{of}"))
        deliveries.append(
            DeliveriesSweep(
                store,
                parts.sources[name],
                api,
                parts.clock,
                lag=lags["deliveries"],
                poke=parts.poke_triage,
                name=f"deliveries{of}",
            )
        )
    return {
        "upstream": tuple(upstream),
        "deliveries": tuple(deliveries),
        "jira": tuple(
            TicketsSweep(store, tracker, parts.clock, lags["jira"])
            for tracker in parts.trackers.values()
        ),
        "own": (OwnSweep(store, parts.trackers, parts.rules, parts.clock, parts.poke),),
    }
