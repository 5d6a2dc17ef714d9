"""The first page: is it well, and who must act?"""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from sync.operations.overview import Hour, overview, settled_of
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Shown, Visit

# The chart of deliveries, in units of its own: a bar for each hour.
_BAR, _GAP, _HEIGHT = 18, 6, 96


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """The page at ``/``."""

    def look(visit: Visit) -> Shown:
        found = overview(desk.deployment, visit.now)
        data = {
            "here": "/",
            "found": found,
            "status": found.status,
            "sentence": found.sentence,
            "settled": settled_of(found.status),
            "bars": bars(found.hours),
            "most": max((hour.total for hour in found.hours), default=0),
        }
        return Shown("overview.html", data)

    return [desk.page("/", look)]


def bars(hours: list[Hour]) -> list[dict[str, object]]:
    """The rectangles of the chart: for each hour the parts from the bottom up, with their heights."""
    most = max((hour.total for hour in hours), default=0) or 1
    found = []
    for number, hour in enumerate(hours):
        parts, base = [], float(_HEIGHT)
        for name in ("read", "waiting", "dead"):
            count = getattr(hour, name)
            # What is there at all is seen, however many others there are.
            height = max(2.0, count / most * _HEIGHT) if count else 0.0
            base -= height
            if count:
                parts.append({"name": name, "y": round(base, 1), "height": round(height, 1)})
        found.append({"x": number * (_BAR + _GAP), "width": _BAR, "parts": parts, "hour": hour})
    return found
