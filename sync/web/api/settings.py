"""The settings in force as a document."""

from __future__ import annotations

from sync.operations.settings import SettingsInForce, settings_in_force
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/settings``."""

    def found(visit: Visit) -> SettingsInForce:
        return settings_in_force(desk.deployment.settings)

    return [Endpoint("GET", "/settings", "What is set, and by whom?", found, SettingsInForce)]
