"""The pages and the API, on the daemon that runs."""

from __future__ import annotations

from sync.operations.deployment import Deployment
from sync.web.gate.local import LocalGate
from sync.web.pages.frame import Desk


def desk_of(deployment: Deployment) -> Desk:
    """What makes the pages."""
    return Desk(deployment, LocalGate())
