"""The pages of the rules: what is in force, the editor with the outcome beside it, and the history."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from sync.web.pages.frame import Desk
from sync.web.pages.rules import acts, editor, history, now
from sync.web.pages.rules.room import Room


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """``/rules`` and all below it."""
    room = Room(desk.deployment)
    return [
        *now.routes(desk, room),
        *history.routes(desk, room),
        *editor.routes(desk, room),
        *acts.routes(desk, room),
    ]
