"""What is set, and where each value comes from."""

from __future__ import annotations

from itertools import groupby

from litestar.handlers import HTTPRouteHandler

from sync.operations.settings import SettingLine, sentence, settings_in_force
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Shown, Visit


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """``/settings``."""

    def look(visit: Visit) -> Shown:
        found = settings_in_force(desk.deployment.settings)
        data = {
            "here": "/settings",
            "sentence": sentence(found),
            "given": _by_table(found.given),
            "defaults": _by_table(found.defaults),
        }
        return Shown("settings.html", data)

    return [desk.page("/settings", look)]


def _by_table(lines: list[SettingLine]) -> list[tuple[str, list[SettingLine]]]:
    return [(table, list(those)) for table, those in groupby(lines, key=lambda one: one.table)]
