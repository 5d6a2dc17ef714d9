"""Both sides: what each site says, and the way of deliveries from their sender to tickets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from litestar.handlers import HTTPRouteHandler

from sync.domain.admission import Admission
from sync.operations.accounts import Role
from sync.operations.acts import Act, perform
from sync.operations.connections import check_of, connections_of, sentence, site_of
from sync.operations.doctor import examine
from sync.operations.sending import send_test
from sync.operations.telling import decide
from sync.operations.untold import notes, untold
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Answer, Redirect, Shown, Visit, after


@dataclass(frozen=True, slots=True)
class Decision:
    """The form of a decision on what waits to be told: of a rule ("" for all), of which ``shown``
    tickets were seen."""

    decision: Literal["accepted", "rejected"]
    rule: str = ""
    shown: int | None = None


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """``/connections``, ``/connections/SITE`` and ``/connections/coalesce``."""
    deployment = desk.deployment

    def look(visit: Visit) -> Shown:
        found = connections_of(deployment, visit.now)
        data = {"here": "/connections", "sentence": sentence(found), "found": found}
        return Shown("connections.html", data)

    def one(visit: Visit) -> Answer:
        name = visit.path["name"]
        if name == "coalesce" and name not in deployment.settings.sites:
            return _source(visit)
        view = site_of(deployment, name, visit.now)
        words = f"{name} is {view.site.state}"
        return Shown("connection.html", {"here": "/connections", "sentence": words, "view": view})

    def checked(visit: Visit) -> Shown:
        found = check_of(deployment, visit.path["name"], desk.asking)
        words = (
            f"{found.site} has all that the rules name" if found.well else f"Check of {found.site}"
        )
        data = {"here": "/connections", "sentence": words, "check": found}
        return Shown("connection_check.html", data)

    def _source(visit: Visit) -> Shown:
        found = connections_of(deployment, visit.now)
        with deployment.store.read() as session:
            waits = untold(session)
        data = {
            "here": "/connections",
            "sentence": "Deliveries, from their sender to tickets",
            "source": found.source,
            "untold": waits,
            "notes": notes(waits),
        }
        return Shown("coalesce.html", data)

    def doctor(visit: Visit) -> Shown:
        found = examine(deployment.store, deployment.apis, visit.now, desk.asking)
        data = {"here": "/connections", "sentence": found.words, "found": found}
        return Shown("doctor.html", data)

    def test(visit: Visit) -> Redirect:
        done = perform(
            deployment.store,
            visit.account,
            Act("send", "ping"),
            lambda: send_test(deployment.settings),
            visit.now,
        )
        return after("/connections/coalesce", done)

    def decided(visit: Visit) -> Redirect:
        form = visit.given(Decision)
        done = decide(
            deployment.store,
            visit.account,
            Admission(form.decision),
            visit.now,
            rule=form.rule,
            shown=form.shown,
        )
        return after("/connections/coalesce", done)

    return [
        desk.page("/connections", look),
        desk.page("/connections/{name:str}", one),
        desk.page("/connections/{name:str}/check", checked),
        desk.page("/connections/coalesce/doctor", doctor),
        desk.act("/connections/coalesce/test", test, role=Role.OPERATOR),
        desk.act("/connections/coalesce/decide", decided, role=Role.OPERATOR),
    ]
