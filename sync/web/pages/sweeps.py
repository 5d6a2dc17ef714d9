"""The sweeps: what they found, when they run next, and running them by hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from litestar.handlers import HTTPRouteHandler

from sync.operations.accounts import Role
from sync.operations.errors import Refused
from sync.operations.sweeps import RunQuery, run_of, runs_of, sentence, sweeps_of
from sync.web.pages.addresses import address, number_in
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Redirect, Shown, Visit, after


@dataclass(frozen=True, slots=True)
class RunForm:
    """Which sweeps to run ("" for all), and whether only to look."""

    sweep: str = ""
    dry: bool = False


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """``/sweeps`` and ``/sweeps/runs/NUMBER``."""
    deployment = desk.deployment

    def look(visit: Visit) -> Shown:
        query = visit.asked(RunQuery)
        found = sweeps_of(deployment.store, deployment.settings, deployment.hands)
        data = {
            "here": "/sweeps",
            "sentence": sentence(found),
            "found": found,
            "runs": runs_of(deployment.store, query),
            "query": query,
            "to": partial(address, "/sweeps", {"sweep": query.sweep}),
        }
        return Shown("sweeps.html", data)

    def one(visit: Visit) -> Shown:
        run = run_of(deployment.store, number_in(visit.path["id_"], "a run"))
        words = f"{run.sweep}: {run.outcome or run.result}"
        return Shown("sweep_run.html", {"here": "/sweeps", "sentence": words, "run": run})

    def begin(visit: Visit) -> Redirect:
        form = visit.given(RunForm)
        if deployment.hands is None:
            raise Refused("This daemon runs no sweeps.")
        done = deployment.hands.start(visit.account, form.sweep, dry=form.dry)
        return after("/sweeps", done)

    return [
        desk.page("/sweeps", look),
        desk.page("/sweeps/runs/{id_:str}", one),
        desk.act("/sweeps/run", begin, role=Role.OPERATOR),
    ]
