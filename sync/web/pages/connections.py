"""Both sides: what each site says, and the way of deliveries from their sender to tickets."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from sync.operations.accounts import Role
from sync.operations.acts import Act, perform
from sync.operations.connections import check_of, connections_of, sentence, site_of
from sync.operations.doctor import examine
from sync.operations.sending import send_test
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Answer, Redirect, Shown, Visit, after


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
        data = {
            "here": "/connections",
            "sentence": "Deliveries, from their sender to tickets",
            "source": found.source,
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

    return [
        desk.page("/connections", look),
        desk.page("/connections/{name:str}", one),
        desk.page("/connections/{name:str}/check", checked),
        desk.page("/connections/coalesce/doctor", doctor),
        desk.act("/connections/coalesce/test", test, role=Role.OPERATOR),
    ]
