"""Signing in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from sync.operations.errors import OperationError
from sync.store.errors import StoreUnavailable
from sync.web.gate.door import Door, is_local
from sync.web.gate.entry import Entry, SignInNeeded, TurnedAway
from sync.web.gate.forms import AnyRequest, check_token, token_of_browser
from sync.web.gate.oidc import BACK, Provider
from sync.web.gate.users import Passwords, TooManyTries
from sync.web.health import seen
from sync.web.pages.frame import Desk, Reply, form_of, query_of, status_for
from sync.web.pages.signing import Typed, filled, login

log = structlog.get_logger("web")

# Whoever is not signed in can send one.
_LARGEST_FORM = 1024 * 1024

Work = Callable[[AnyRequest, bytes], Reply]


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """The login and the way out, where people sign in here."""
    door = desk.door
    if door is None:
        return []
    found = [
        _looked(desk, door, "/sign-in", partial(_asked, desk, door)),
        _acted(desk, door, "/sign-in/resume", partial(_resumed, desk)),
        _acted(desk, door, "/sign-out", partial(_left, desk, door)),
    ]
    if door.passwords is not None:
        found.append(_acted(desk, door, "/sign-in", partial(_typed, desk, door, door.passwords)))
    if door.provider is not None:
        found.append(_looked(desk, door, "/sign-in/away", partial(_away, door.provider)))
        found.append(_looked(desk, door, BACK, partial(_back, door.provider)))
        found.append(_looked(desk, door, "/sign-in/done", partial(_done, desk)))
    return found


def _asked(desk: Desk, door: Door, request: AnyRequest, _: bytes) -> Reply:
    next_ = _last(query_of(request), "next") or "/"
    if door.sessions.find(request) is not None:
        return _on(next_)
    return login(desk, request, next_=next_)


def _typed(desk: Desk, door: Door, passwords: Passwords, request: AnyRequest, body: bytes) -> Reply:
    form = form_of(body)
    cookies = door.sessions.cookies
    token, _ = token_of_browser(request, cookies)
    check_token(request, token, _last(form, "_token"), cookies.url)
    next_, typed = _last(form, "next"), _typed_before(form)
    try:
        entry = passwords.sign_in(request, _last(form, "name"), _last(form, "password"))
    except TurnedAway as error:
        found = login(
            desk, request, next_=next_, typed=typed, words=str(error), status=error.status
        )
        later = {"retry-after": str(error.seconds)} if isinstance(error, TooManyTries) else {}
        return Reply(
            found.body, error.status, headers={**found.headers, **later}, cookies=found.cookies
        )
    return filled(desk, entry, typed) if typed.act else _on(next_, entry)


def _resumed(desk: Desk, request: AnyRequest, body: bytes) -> Reply:
    """What was typed before the login ended, for somebody who has signed in since. Does nothing."""
    form = form_of(body)
    try:
        entry = desk.gate.enter(request)
    except SignInNeeded:
        words = "You are not signed in yet."
        return login(desk, request, typed=_typed_before(form), words=words, status=401)
    return filled(desk, entry, _typed_before(form))


def _left(desk: Desk, door: Door, request: AnyRequest, body: bytes) -> Reply:
    try:
        entry = desk.gate.enter(request)
    except SignInNeeded:
        return _on("/sign-in")
    desk.gate.check_form(request, entry, _last(form_of(body), "_token"))
    gone = door.sessions.end(request, entry)
    return Reply("", 303, headers={"location": "/sign-in"}, cookies=[gone])


def _away(provider: Provider, request: AnyRequest, _: bytes) -> Reply:
    next_ = _last(query_of(request), "next")
    to, cookie = provider.away(request, next_ if is_local(next_) else "/")
    return Reply("", 303, headers={"location": to, "cache-control": "no-store"}, cookies=[cookie])


def _back(provider: Provider, request: AnyRequest, _: bytes) -> Reply:
    query = {name: values[-1] for name, values in query_of(request).items()}
    entry, next_ = provider.back(request, query)
    return _on(next_, entry)


def _done(desk: Desk, request: AnyRequest, _: bytes) -> Reply:
    words = "Go back to the other tab, and press there again."
    data = {"sentence": "You are signed in", "words": words, "again": "/"}
    return desk.bare("trouble.html", data)


def _on(to: str, entry: Entry | None = None) -> Reply:
    headers = {"location": to if is_local(to) else "/", "cache-control": "no-store"}
    return Reply("", 303, headers=headers, cookies=entry.cookies if entry else ())


def _typed_before(form: Mapping[str, Any]) -> Typed:
    return Typed(*(_last(form, name) for name in ("_act", "_kept", "name")))


def _last(values: Mapping[str, Any], name: str) -> str:
    return str((values.get(name) or [""])[-1])


def _looked(desk: Desk, door: Door, path: str, work: Work) -> HTTPRouteHandler:
    @seen(path, name=f"page {path}")
    async def shown(request: Request[Any, Any, Any]) -> Response[Any]:
        return (await _answer(desk, door, partial(work, request, b""))).response()

    return shown


def _acted(desk: Desk, door: Door, path: str, work: Work) -> HTTPRouteHandler:
    @post(path, name=f"act {path}", status_code=200, request_max_body_size=_LARGEST_FORM)
    async def acted(request: Request[Any, Any, Any]) -> Response[Any]:
        body = await request.body()
        return (await _answer(desk, door, partial(work, request, body))).response()

    return acted


async def _answer(desk: Desk, door: Door, work: Callable[[], Reply]) -> Reply:
    try:
        return await door.in_thread(work)
    except TurnedAway as error:
        return desk.trouble(str(error), error.status)
    except OperationError as error:
        return desk.trouble(str(error), status_for(error))
    except StoreUnavailable as error:
        return desk.store_away(error)
    except Exception:
        log.exception("a sign-in failed")
        return desk.trouble("This failed. The log says more.", 500)
