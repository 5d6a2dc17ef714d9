"""The JSON API: everything that the pages show and do."""

from __future__ import annotations

import functools
from typing import Any

from litestar.handlers import HTTPRouteHandler

from sync.web.api import (
    accounts,
    adopt,
    connections,
    deliveries,
    noise,
    overview,
    parked,
    pauses,
    rules,
    rules_preview,
    settings,
    sweeps,
    tickets,
)
from sync.web.api.document import document
from sync.web.api.endpoints import Endpoint, routes_of
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit


def api_routes(desk: Desk) -> list[HTTPRouteHandler]:
    """The routes of the API, and of the document that describes it."""
    there = endpoints(desk)

    @functools.cache
    def found() -> dict[str, Any]:
        return document(there)

    # Made when first asked for: to look through all types takes long, and a start need not wait.
    def described(visit: Visit) -> dict[str, Any]:
        return found()

    own = Endpoint("GET", "/openapi.json", "This document", described, dict[str, Any])
    return routes_of(desk, [*there, own])


def endpoints(desk: Desk) -> list[Endpoint]:
    """All endpoints."""
    return [
        *overview.endpoints(desk),
        *tickets.endpoints(desk),
        *adopt.endpoints(desk),
        *parked.endpoints(desk),
        *pauses.endpoints(desk),
        *deliveries.endpoints(desk),
        *noise.endpoints(desk),
        *sweeps.endpoints(desk),
        *connections.endpoints(desk),
        *settings.endpoints(desk),
        *rules.endpoints(desk),
        *rules_preview.endpoints(desk),
        *accounts.endpoints(desk),
    ]
