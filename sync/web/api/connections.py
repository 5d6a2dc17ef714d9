"""Both sides as documents: sites and their checks, and the way of deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sync.domain.admission import Admission
from sync.operations.accounts import Role
from sync.operations.acts import Act, Done, perform
from sync.operations.connections import Connections, SiteCheck, check_of, connections_of
from sync.operations.doctor import Diagnosis, examine
from sync.operations.sending import send_test
from sync.operations.telling import Decided, decide
from sync.operations.untold import Untold, untold
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit


@dataclass(frozen=True, slots=True)
class Decide:
    """What is to become of what waits (of a rule; "" for all), of which the caller has seen ``shown``
    tickets (None for any number)."""

    decision: Literal["accepted", "rejected"]
    rule: str = ""
    shown: int | None = None


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

    def waits(visit: Visit) -> Untold:
        with deployment.store.read() as session:
            return untold(session)

    def decided(visit: Visit) -> Decided:
        body = visit.given(Decide)
        return decide(
            deployment.store,
            visit.account,
            Admission(body.decision),
            visit.now,
            rule=body.rule,
            shown=body.shown,
        )

    return [
        Endpoint("GET", "/upstream", "What waits to be told upstream", waits, Untold),
        Endpoint(
            "POST",
            "/upstream/decide",
            "Accept or reject what waits to be told",
            decided,
            Decided,
            body=Decide,
            role=Role.OPERATOR,
        ),
        Endpoint("GET", "/connections", "Can it reach both sides?", both, Connections),
        Endpoint("GET", "/connections/{name:str}/check", "What a site says", check, SiteCheck),
        Endpoint("GET", "/doctor", "Where deliveries end on their way", doctor, Diagnosis),
        Endpoint("POST", "/send-test", "Send a test delivery", test, Done, role=Role.OPERATOR),
    ]
