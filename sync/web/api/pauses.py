"""What is paused, pausing, and going on."""

from __future__ import annotations

from dataclasses import dataclass

from sync.operations.accounts import Role
from sync.operations.acts import Done
from sync.operations.pauses import Known, Pauses, Pausing, Wish, go_on, pause, pauses_of
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit


@dataclass(frozen=True, slots=True)
class Pause:
    """What to pause (``kind`` is rule, project or site), until when, and why. ``until`` is a time, such
    as 18:00 or 2026-12-01T08:00+01:00, or a span such as 2h. ``site`` tells projects of one key apart.
    """

    kind: str
    name: str
    until: str
    why: str
    site: str = ""


@dataclass(frozen=True, slots=True)
class GoOn:
    """What to let go on."""

    kind: str
    name: str
    site: str = ""


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/pauses`` and ``/pauses/go-on``."""
    deployment = desk.deployment

    def at(visit: Visit) -> Pausing:
        return Pausing(deployment.store, visit.account, visit.now, deployment.wake)

    def shown(visit: Visit) -> Pauses:
        with deployment.store.read() as session:
            return pauses_of(session, visit.now)

    def paused(visit: Visit) -> Done:
        body = visit.given(Pause)
        wish = Wish(body.kind, body.name, body.site)
        known = Known(deployment.rules(), deployment.settings.sites)
        return pause(at(visit), wish, known, body.until, body.why)

    def gone_on(visit: Visit) -> Done:
        body = visit.given(GoOn)
        return go_on(at(visit), Wish(body.kind, body.name, body.site))

    return [
        Endpoint("GET", "/pauses", "What is paused, and what waits for it", shown, Pauses),
        Endpoint(
            "POST",
            "/pauses",
            "Pause a rule, a project or a site",
            paused,
            Done,
            body=Pause,
            role=Role.OPERATOR,
        ),
        Endpoint(
            "POST",
            "/pauses/go-on",
            "End a pause before its time",
            gone_on,
            Done,
            body=GoOn,
            role=Role.OPERATOR,
        ),
    ]
