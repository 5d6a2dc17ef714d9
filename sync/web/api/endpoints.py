"""The JSON API: one endpoint is a function and the types of what goes in and comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import structlog
from litestar import HttpMethod, Request, Response, route
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler

from sync.operations.accounts import Role
from sync.operations.errors import OperationError
from sync.store.errors import StoreUnavailable
from sync.web.gate.entry import SignInNeeded, TurnedAway
from sync.web.pages.frame import Desk, Reply, needs, status_for, visit_of
from sync.web.pages.visit import Visit

log = structlog.get_logger("web")

ROOT = "/api/v1"
_JSON = "application/json"
_HEADERS = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call of the API.

    ``path`` comes after ``/api/v1``; its ``{name:str}`` are in ``Visit.path``. ``do`` gives a value of
    the type ``returns``. ``query`` and ``body`` are the dataclasses that ``do`` reads by ``Visit.asked``
    and ``Visit.given``.
    """

    method: str
    path: str
    summary: str
    do: Callable[[Visit], Any]
    returns: Any
    query: type | None = None
    body: type | None = None
    role: Role = Role.VIEWER


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a call was not answered, or an act not done, in a sentence."""

    error: str


def routes_of(desk: Desk, endpoints: Sequence[Endpoint]) -> list[HTTPRouteHandler]:
    """The routes of these endpoints."""
    return [_route(desk, one) for one in endpoints]


def _route(desk: Desk, endpoint: Endpoint) -> HTTPRouteHandler:
    methods = [HttpMethod(endpoint.method)]
    if endpoint.method == "GET":
        methods.append(HttpMethod.HEAD)

    @route(
        f"{ROOT}{endpoint.path}",
        http_method=methods,
        name=f"{endpoint.method} {ROOT}{endpoint.path}",
        status_code=200,
    )
    async def called(request: Request[Any, Any, Any]) -> Response[Any]:
        body = await request.body() if endpoint.method not in ("GET", "HEAD") else b""
        work = partial(_answered, desk, endpoint, request, body)
        busy = partial(problem, "Many calls are being answered at this moment.", 503)
        return (await desk.in_thread(work, busy)).response()

    return called


def _answered(
    desk: Desk, endpoint: Endpoint, request: Request[Any, Any, Any], body: bytes
) -> Reply:
    try:
        entry = desk.gate.enter(request)
        if endpoint.method != "GET":
            desk.gate.check_form(request, entry, request.headers.get("x-csrf-token", ""))
        needs(entry, endpoint.role)
        found = endpoint.do(visit_of(request, entry, desk.now(), body=body or b"{}"))
        text = msgspec.json.encode(found, enc_hook=_plain)
        return Reply(text, media_type=_JSON, headers=_HEADERS, cookies=entry.cookies)
    except SignInNeeded:
        return problem("Sign in, or send a token: Authorization: Bearer …", 401)
    except TurnedAway as error:
        return problem(str(error), error.status)
    except OperationError as error:
        return problem(str(error), status_for(error))
    except ClientException as error:
        return problem(error.detail, error.status_code)
    except StoreUnavailable as error:
        return problem(str(error), 503)
    except Exception:
        log.exception("a call of the API failed", path=request.url.path)
        return problem("An error of ours; the log says more.", 500)


def _plain(value: object) -> str:
    """A text of ours that knows more than its characters, such as a name with its id, as a text."""
    if isinstance(value, str):
        return str(value)
    # What msgspec asks of a hook for a value that the hook cannot turn into another.
    raise NotImplementedError


def problem(words: str, status: int) -> Reply:
    """An answer that says why there is no other."""
    headers = {**_HEADERS, **({"retry-after": "5"} if status == 503 else {})}
    return Reply(msgspec.json.encode(Problem(words)), status, _JSON, headers)
