"""The log of acts: who did what, in pages, API and command line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

import msgspec
from litestar.handlers import HTTPRouteHandler

from sync.domain.times import moment
from sync.operations.log import MOST, LogPage, log_page
from sync.web.pages.csv_text import csv_of
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Download, Shown, Visit


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters in the address."""

    who: str = ""
    act: str = ""
    after: int = 0

    def address(self, **other: str | int) -> str:
        """The page with these filters, and others instead of some."""
        changed = replace(self, **{"after": 0, **other})  # type: ignore[arg-type]
        query = {
            name: value
            for name in ("who", "act", "after")
            if (value := getattr(changed, name)) not in ("", 0)
        }
        return f"/log?{urlencode(query)}" if query else "/log"


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """``/log``, and the same table as CSV and as JSON."""

    def found(asked: Asked, limit: int) -> LogPage:
        return log_page(
            desk.deployment.store, who=asked.who, act=asked.act, after=asked.after, limit=limit
        )

    def look(visit: Visit) -> Shown:
        asked = visit.asked(Asked)
        page = found(asked, 50)
        data = {"here": "/log", "sentence": _sentence(page, asked), "page": page, "asked": asked}
        return Shown("log.html", data)

    def as_csv(visit: Visit) -> Download:
        header = ("time (UTC)", "who", "act", "about", "what", "refused")
        rows = (
            (moment(one.seconds), one.account, one.act, one.about, one.words, one.refused)
            for one in found(visit.asked(Asked), MOST).acts
        )
        return Download(csv_of(header, rows), "text/csv", "log.csv")

    def as_json(visit: Visit) -> Download:
        page = found(visit.asked(Asked), MOST)
        return Download(msgspec.json.encode(page), "application/json")

    return [desk.page("/log", look), desk.page("/log.csv", as_csv), desk.page("/log.json", as_json)]


def _sentence(page: LogPage, asked: Asked) -> str:
    if not page.acts:
        return "No act fits" if asked != Asked() else "Nobody has done anything yet"
    if asked.after:
        return "What was done before"
    newest = page.acts[0]
    return (
        f"{newest.account} was the last to act"
        if not newest.refused
        else "The last act was refused"
    )
