"""Taking over tickets that exist already, and what is recorded ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from sync.operations.accounts import Role
from sync.operations.acts import Done
from sync.operations.adopting import Adopting, Wish, look, start
from sync.operations.recorded import Recorded, recorded, take_back
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit


@dataclass(frozen=True, slots=True)
class ToAdopt(Wish):
    """Which tickets; with ``apply`` they are taken over, else only what would be is found out."""

    apply: bool = False


@dataclass(frozen=True, slots=True)
class TakeBack:
    """What was recorded ahead, by the ids of subjects or the keys of tickets."""

    names: Sequence[str]


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/adopt`` and what is recorded ahead."""
    here = desk.deployment

    def begun(visit: Visit) -> Adopting:
        body = visit.given(ToAdopt)
        wish = Wish(**{one.name: getattr(body, one.name) for one in fields(Wish)})
        return start(here, visit.account, wish, apply=body.apply)

    def so_far(visit: Visit) -> Adopting:
        return look(here, visit.account, visit.path["id"])

    def shown(visit: Visit) -> list[Recorded]:
        return recorded(here.store)

    def taken_back(visit: Visit) -> Done:
        return take_back(here.store, visit.account, visit.given(TakeBack).names, visit.now)

    operator = Role.OPERATOR
    begin, back = "Begin to take over tickets, or to look which", "Take back what is recorded ahead"
    ahead = "Tickets recorded ahead for subjects that are not known yet"
    return [
        Endpoint("POST", "/adopt", begin, begun, Adopting, body=ToAdopt, role=operator),
        Endpoint("GET", "/adopt/recorded", ahead, shown, list[Recorded]),
        Endpoint("GET", "/adopt/{id:str}", "What was begun, so far", so_far, Adopting),
        Endpoint("POST", "/adopt/take-back", back, taken_back, Done, body=TakeBack, role=operator),
    ]
