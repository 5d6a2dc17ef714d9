"""The pages: a file and a template each, on one frame."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from sync.web.pages import (
    adopt,
    connections,
    deliveries,
    log,
    noise,
    overview,
    parked,
    pauses,
    rules,
    settings,
    sign_in,
    sweeps,
    ticket,
    tickets,
)
from sync.web.pages.assets import asset_route
from sync.web.pages.frame import Desk


def page_routes(desk: Desk) -> list[HTTPRouteHandler]:
    """The routes of all pages."""
    return [
        asset_route(),
        *overview.routes(desk),
        *tickets.routes(desk),
        *ticket.routes(desk),
        *adopt.routes(desk),
        *parked.routes(desk),
        *pauses.routes(desk),
        *deliveries.routes(desk),
        *rules.routes(desk),
        *noise.routes(desk),
        *sweeps.routes(desk),
        *connections.routes(desk),
        *settings.routes(desk),
        *log.routes(desk),
        *sign_in.routes(desk),
    ]
