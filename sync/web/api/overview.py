"""The first page as a document, and the status."""

from __future__ import annotations

from sync.operations.overview import Overview, overview
from sync.operations.status import Status, status_of
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/overview`` and ``/status``."""

    def whole(visit: Visit) -> Overview:
        return overview(desk.deployment, visit.now)

    def status(visit: Visit) -> Status:
        return status_of(desk.deployment.store, visit.now)

    return [
        Endpoint("GET", "/overview", "Is it well, and who must act?", whole, Overview),
        Endpoint("GET", "/status", "Where everything stands", status, Status),
    ]
