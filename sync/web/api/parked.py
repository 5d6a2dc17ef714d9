"""What is set aside, and having it tried again."""

from __future__ import annotations

from dataclasses import dataclass

from sync.operations.accounts import Role
from sync.operations.parked import Parked, ParkedQuery, Retried, parked_of, try_again, try_one_again
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit


@dataclass(frozen=True, slots=True)
class Retry:
    """Which parked tickets to try again; ``shown`` is how many the caller has seen, None for any number.
    ``ticket`` names a single one, parked or not."""

    ticket: str = ""
    rule: str = ""
    project: str = ""
    site: str = ""
    group: str = ""
    shown: int | None = None


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/parked`` and ``/retry``."""
    store, wake = desk.deployment.store, desk.deployment.wake

    def groups(visit: Visit) -> Parked:
        return parked_of(store, visit.asked(ParkedQuery))

    def retry(visit: Visit) -> Retried:
        body = visit.given(Retry)
        if body.ticket:
            return try_one_again(store, visit.account, body.ticket, visit.now, wake=wake)
        query = ParkedQuery(body.rule, body.project, body.site, body.group)
        return try_again(store, visit.account, query, visit.now, shown=body.shown, wake=wake)

    return [
        Endpoint("GET", "/parked", "What is stuck, and why?", groups, Parked, ParkedQuery),
        Endpoint(
            "POST", "/retry", "Try tickets again", retry, Retried, body=Retry, role=Role.OPERATOR
        ),
    ]
