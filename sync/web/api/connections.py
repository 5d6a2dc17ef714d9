"""Both sides as documents: sites and their checks, and the way of deliveries."""

from __future__ import annotations

from sync.operations.accounts import Role
from sync.operations.acts import Act, Done, perform
from sync.operations.connections import Connections, SiteCheck, check_of, connections_of
from sync.operations.doctor import Diagnosis, examine
from sync.operations.sending import send_test
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/connections``, ``/doctor`` and a test delivery."""
    deployment = desk.deployment

    def both(visit: Visit) -> Connections:
        return connections_of(deployment, visit.now)

    def check(visit: Visit) -> SiteCheck:
        return check_of(deployment, visit.path["name"], desk.asking)

    def doctor(visit: Visit) -> Diagnosis:
        return examine(deployment.store, deployment.apis, visit.now, desk.asking)

    def test(visit: Visit) -> Done:
        def work() -> str:
            return send_test(deployment.settings)

        return perform(deployment.store, visit.account, Act("send", "ping"), work, visit.now)

    return [
        Endpoint("GET", "/connections", "Can it reach both sides?", both, Connections),
        Endpoint("GET", "/connections/{name:str}/check", "What a site says", check, SiteCheck),
        Endpoint("GET", "/doctor", "Where deliveries end on their way", doctor, Diagnosis),
        Endpoint("POST", "/send-test", "Send a test delivery", test, Done, role=Role.OPERATOR),
    ]
