"""Deliveries as documents, and reading them again."""

from __future__ import annotations

from dataclasses import dataclass

from sync.operations.accounts import Role
from sync.operations.deliveries import (
    DeadLetters,
    DeliveryChoices,
    DeliveryList,
    DeliveryQuery,
    DeliveryView,
    Replayed,
    choices,
    dead_letters,
    deliveries_of,
    delivery_of,
    replay_dead,
    replay_one,
)
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit


@dataclass(frozen=True, slots=True)
class Replay:
    """Which delivery to read again, by its id or how that begins; "" for all dead letters, of which the
    caller has seen ``shown`` (None for any number)."""

    delivery: str = ""
    shown: int | None = None


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/deliveries``, ``/dead`` and ``/replay``."""
    store, wake = desk.deployment.store, desk.deployment.wake_triage

    def some(visit: Visit) -> DeliveryList:
        return deliveries_of(store, visit.asked(DeliveryQuery))

    def dead(visit: Visit) -> DeadLetters:
        return dead_letters(store)

    def values(visit: Visit) -> DeliveryChoices:
        return choices(store)

    def one(visit: Visit) -> DeliveryView:
        return delivery_of(store, visit.path["id_"])

    def replay(visit: Visit) -> Replayed:
        body = visit.given(Replay)
        if body.delivery:
            return replay_one(store, visit.account, body.delivery, visit.now, wake=wake)
        return replay_dead(store, visit.account, visit.now, shown=body.shown, wake=wake)

    return [
        Endpoint("GET", "/deliveries", "Did it come?", some, DeliveryList, DeliveryQuery),
        Endpoint("GET", "/deliveries-choices", "The values to filter by", values, DeliveryChoices),
        Endpoint("GET", "/dead", "The dead letters by reason", dead, DeadLetters),
        Endpoint("GET", "/deliveries/{id_:str}", "What became of a delivery", one, DeliveryView),
        Endpoint(
            "POST", "/replay", "Read again", replay, Replayed, body=Replay, role=Role.OPERATOR
        ),
    ]
