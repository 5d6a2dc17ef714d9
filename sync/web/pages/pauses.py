"""What is paused until when, by whom and why; pausing, and going on."""

from __future__ import annotations

from dataclasses import dataclass

from litestar.handlers import HTTPRouteHandler

from sync.operations.accounts import Role
from sync.operations.errors import NotFound, Refused
from sync.operations.pauses import Known, Pausing, Wish, go_on, pause, pauses_of
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Answer, Redirect, Shown, Visit, after


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form begins with."""

    kind: str = "rule"
    name: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """The form that pauses."""

    kind: str = "rule"
    name: str = ""
    until: str = ""
    why: str = ""
    site: str = ""


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """``/pauses``, and its acts."""
    deployment = desk.deployment

    def at(visit: Visit) -> Pausing:
        return Pausing(deployment.store, visit.account, visit.now, deployment.wake)

    def shown(visit: Visit, form: Pause, trouble: str = "") -> Shown:
        with deployment.store.read() as session:
            found = pauses_of(session, visit.now)
        rules = deployment.rules().rules
        data = {
            "here": "/pauses",
            "sentence": found.words,
            "found": found,
            "asked": form,
            "trouble": trouble,
            "names": {
                "rule": [one.name for one in rules],
                "project": sorted({one.project for one in rules if one.project}),
                "site": sorted(deployment.settings.sites),
            },
            # The page says it all by itself.
            "pauses": (),
        }
        return Shown("pauses.html", data, status=422 if trouble else 200)

    def look(visit: Visit) -> Shown:
        asked = visit.asked(Asked)
        return shown(visit, Pause(asked.kind, asked.name, site=asked.site))

    def paused(visit: Visit) -> Answer:
        form = visit.given(Pause)
        known = Known(deployment.rules(), deployment.settings.sites)
        wish = Wish(form.kind, form.name, form.site)
        try:
            return after("/pauses", pause(at(visit), wish, known, form.until, form.why))
        except (Refused, NotFound) as fault:
            # What was typed stays.
            return shown(visit, form, str(fault))

    def gone_on(visit: Visit) -> Redirect:
        form = visit.given(Asked)
        return after("/pauses", go_on(at(visit), Wish(form.kind, form.name, form.site)))

    return [
        desk.page("/pauses", look),
        desk.act("/pauses/pause", paused, role=Role.OPERATOR),
        desk.act("/pauses/go-on", gone_on, role=Role.OPERATOR),
    ]
