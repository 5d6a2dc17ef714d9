"""The sweeps on a large store: the outside in memory, of which a run finds as much on any store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from benchmarks.filling import FIRST_JIRA_ID, Filled, id_of, ref_of
from benchmarks.million_cost import METER
from benchmarks.sweep import PAGE, TO_DO, Api, Jira
from sync.adapters.coalesce import CoalesceSource
from sync.domain.subject import Snapshot
from sync.domain.ticket import Observed, TicketRef, marker_label
from sync.ports import FailedDelivery, SystemClock
from sync.sandbox.coalesce.samples import sample_body
from sync.worker.sweeps.deliveries import DeliveriesSweep
from sync.worker.sweeps.housekeeping import HousekeepingSweep
from sync.worker.sweeps.run import Sweep
from sync.worker.sweeps.runner import Runner
from sync.worker.sweeps.tickets import TicketsSweep
from sync.worker.sweeps.upstream import IncidentsSweep, IssuesSweep
from sync.worker.triage.batch import Triage

# How many issues have changed, and how many deliveries failed.
CHANGED = 2 * PAGE


def sweeps_of(filled: Filled, number: int) -> dict[str, Sweep]:
    """The sweeps by name. What has changed upstream is about the ``CHANGED`` subjects up to a number."""
    clock, rules = SystemClock(), filled.rules()
    triage = Triage(filled.store, {}, lambda: rules, clock)
    source = CoalesceSource(["x"])
    numbers = range(number - CHANGED, number)
    api = _Upstream(changed={id_of(n): _changed(source, n, filled.now) for n in numbers})
    return {
        "issues": IssuesSweep(filled.store, triage, api),
        "incidents": IncidentsSweep(filled.store, triage, api),
        "deliveries": DeliveriesSweep(filled.store, source, api, clock),
        "jira": TicketsSweep(filled.store, _Unchanged(filled.size.tickets), clock),  # type: ignore[arg-type]
        "housekeeping": HousekeepingSweep(filled.store, {}, lambda: rules, clock),
    }


def run(filled: Filled, number: int, name: str) -> int:
    """Run one sweep; at how many things it looked, 1 where it looks at none. Housekeeping looks at every
    open subject."""
    sweep = sweeps_of(filled, number)[name]
    METER.reset()
    report = Runner(filled.store, SystemClock(), "benchmark").run(sweep, by_hand=True)
    assert report is not None
    assert report.result.value == "ok", report.words
    return filled.size.open if name == "housekeeping" else max(1, report.tally.looked)


def _changed(source: CoalesceSource, number: int, now: float) -> Snapshot:
    body = sample_body("issue_updated", subject=id_of(number), now=now)
    snapshot = source.read(body)[0].snapshot
    assert snapshot is not None
    return replace(snapshot, event_time=int(now * 1e9), event_id="")


@dataclass
class _Upstream(Api):
    """Also says of deliveries that failed, whose events have all reached us otherwise."""

    def failed_deliveries(self, since: float, until: float) -> Iterator[list[FailedDelivery]]:
        yield [
            FailedDelivery(f"f{n}", f"e{n}", "issue_updated", id_of(n), since, 503)
            for n in range(CHANGED)
        ]


class _Unchanged(Jira):
    """Tickets that are as we left them."""

    def read_many(self, ids: Iterable[str]) -> dict[str, Observed | None]:
        return {id_: self.shown(int(id_) - FIRST_JIRA_ID) for id_ in ids}

    def shown(self, number: int) -> Observed:
        ref = TicketRef(str(FIRST_JIRA_ID + number), f"DATA-{number}")
        status = replace(TO_DO, id="10000")
        return Observed(
            ref, "DATA", "Bug", status, "", {"labels": [marker_label(ref_of(number))]}, updated="u"
        )
