"""The sweeps as documents, and running them by hand."""

from __future__ import annotations

from dataclasses import dataclass

from sync.operations.accounts import Role
from sync.operations.acts import Done
from sync.operations.errors import Refused
from sync.operations.sweep_runs import SweepRun
from sync.operations.sweeps import RunQuery, Runs, Sweeps, run_of, runs_of, sweeps_of
from sync.web.api.endpoints import Endpoint
from sync.web.pages.addresses import number_in
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Which sweeps to run ("" for all), and whether only to look."""

    sweep: str = ""
    dry: bool = False


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/sweeps``, ``/sweeps/runs`` and ``/reconcile``."""
    deployment = desk.deployment

    def all_(visit: Visit) -> Sweeps:
        return sweeps_of(deployment.store, deployment.settings, deployment.hands)

    def runs(visit: Visit) -> Runs:
        return runs_of(deployment.store, visit.asked(RunQuery))

    def run(visit: Visit) -> SweepRun:
        return run_of(deployment.store, number_in(visit.path["id_"], "a run"))

    def begin(visit: Visit) -> Done:
        body = visit.given(Reconcile)
        if deployment.hands is None:
            raise Refused("This daemon runs no sweeps.")
        return deployment.hands.start(visit.account, body.sweep, dry=body.dry)

    return [
        Endpoint("GET", "/sweeps", "What was missed, and was it repaired?", all_, Sweeps),
        Endpoint("GET", "/sweeps/runs", "Runs on record", runs, Runs, RunQuery),
        Endpoint("GET", "/sweeps/runs/{id_:str}", "A run with what it found", run, SweepRun),
        Endpoint(
            "POST", "/reconcile", "Run sweeps now", begin, Done, body=Reconcile, role=Role.OPERATOR
        ),
    ]
