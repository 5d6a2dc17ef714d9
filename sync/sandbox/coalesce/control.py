"""The control API under ``/sandbox/``: other processes play people upstream, and set what goes wrong."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from litestar import Router, delete, get, post, put
from litestar.connection import Request
from litestar.exceptions import ClientException

from sync.sandbox.acts import Unknown, misfit, wanted
from sync.sandbox.coalesce.inventory import ACTORS
from sync.sandbox.coalesce.rest import CoalesceRest
from sync.sandbox.coalesce.robots import Robot, Robots
from sync.sandbox.coalesce.subjects import Incident, Issue, Remark

_ACTIONS = (
    "open_issue", "update_issue", "mark", "close_issue", "reopen_issue", "comment", "open_incident",
    "close_incident", "cancel_incident", "reopen_incident", "comment_incident", "set_members", "forget",
    "ping",
)  # fmt: skip
# By whom, unless a call says otherwise.
_BY_PEOPLE = frozenset(
    {
        "mark", "comment", "close_incident", "cancel_incident", "reopen_incident",
        "comment_incident",
    }
)  # fmt: skip


# Acts that take fields of an issue by name.
_OF_FIELDS = frozenset({"open_issue", "update_issue"})


def _act(rest: CoalesceRest, body: bytes) -> Any:
    """Have a person do something.

    ``body`` is ``{"do": "mark", "args": ["<issue id>", "fixed"], "with": {"actor": {…}}}``.

    Returns the id of what was made, or None. Raises ClientException.
    """
    try:
        one = wanted(body, _ACTIONS)
    except ValueError as why:
        raise ClientException(str(why)) from None
    how = {"actor": ACTORS[0], **one.named} if one.do in _BY_PEOPLE else one.named
    act, fields = getattr(rest.sandbox, one.do), Issue if one.do in _OF_FIELDS else None
    if wrong := misfit(act, one.args, how, fields=fields):
        raise ClientException(wrong)
    try:
        made = act(*one.args, **how)
    except Unknown as why:
        raise ClientException(f"{one.do}: {why}") from None
    return made.id if isinstance(made, Issue | Incident | Remark) else None


def control(rest: CoalesceRest) -> Router:
    """The routes in front of one API."""
    sandbox, robots = rest.sandbox, Robots(rest.sandbox)

    @get("/subjects", sync_to_thread=True)
    def subjects() -> dict[str, Any]:
        with sandbox.lock:
            return {
                "issues": [one.api() for one in sandbox.issues.values()],
                "incidents": [one.api() for one in sandbox.incidents.values()],
            }

    @get("/calls", sync_to_thread=True)
    def calls() -> dict[str, int]:
        with sandbox.lock:
            return dict(rest.asked)

    @post("/act", status_code=200)
    async def do(request: Request[Any, Any, Any]) -> dict[str, Any]:
        return {"result": _act(rest, await request.body())}

    @get("/faults", sync_to_thread=True)
    def faults() -> list[dict[str, Any]]:
        with sandbox.lock:
            return [asdict(one) for one in rest.faults.active]

    @post("/faults")
    async def add_fault(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = await request.json()
        try:
            with sandbox.lock:
                return asdict(rest.faults.add(**given))
        except (TypeError, re.error) as why:
            raise ClientException(f"not a fault: {why}") from None

    @delete("/faults", sync_to_thread=True)
    def clear_faults() -> None:
        with sandbox.lock:
            rest.faults.clear()

    @post("/robots")
    async def robot(request: Request[Any, Any, Any]) -> dict[str, Any]:
        try:
            return asdict(robots.add(Robot(**(await request.json()))))
        except TypeError as why:
            raise ClientException(f"not a rule: {why}") from None

    @put("/access")
    async def access(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = await request.json()
        with sandbox.lock:
            rest.scopes = set(given.get("scopes", rest.scopes))
            rest.off = {name: int(status) for name, status in given.get("off", rest.off).items()}
            rest.token_seconds = int(given.get("token_seconds", rest.token_seconds))
            if given.get("revoke"):
                rest.revoke_tokens()
        return {"scopes": sorted(rest.scopes), "off": rest.off}

    @put("/callbacks")
    async def callbacks(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = await request.json()
        with sandbox.lock:
            sandbox.callbacks.base = str(given.get("base", sandbox.callbacks.base))
            sandbox.callbacks.seconds = given.get("seconds", sandbox.callbacks.seconds)
        return {"base": sandbox.callbacks.base, "seconds": sandbox.callbacks.seconds}

    @put("/comments")
    async def comments(request: Request[Any, Any, Any]) -> dict[str, Any]:
        sandbox.comments_update = bool((await request.json())["update"])
        return {"update": sandbox.comments_update}

    return Router(
        "/sandbox",
        route_handlers=[
            subjects, calls, do, faults, add_fault, clear_faults, robot, access, callbacks, comments,
        ],
    )  # fmt: skip
