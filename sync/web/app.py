"""The web applications: receivers, health, metrics, and a page that explains the addresses.

One address serves all, or webhooks have one of their own, see ``create_admin``."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.enums import MediaType
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from sync import __version__
from sync.ports import Source
from sync.store.inbox import Inbox
from sync.web.api import api_routes
from sync.web.body import Room
from sync.web.health import Insight, Readiness, health_routes, live_route, seen
from sync.web.notices import Hearing, NoticeLimits, notice_receivers, notice_route
from sync.web.pages import page_routes
from sync.web.protocol import Exchange
from sync.web.receiver import Limits, Receiver, receiver_route

log = structlog.get_logger("web")

_STYLE = """
:root { color-scheme: light dark; }
body { max-width: 42rem; margin: 3rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
h1 small { font-size: 1rem; font-weight: 400; opacity: .7; }
dl { margin: 1.5rem 0; }
dt { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
dd { margin: 0 0 .75rem; opacity: .8; }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""

_HOME = """<h1>ticket-sync <small>{version}</small></h1>
<p>Keeps Jira tickets in step with the issues and incidents of Coalesce Quality.</p>
<dl>
{paths}
<dt><a href="/health/ready">/health/ready</a></dt><dd>what is ready, and what is not</dd>
<dt><a href="/health/live">/health/live</a></dt><dd>whether it runs</dd>
<dt><a href="/metrics">/metrics</a></dt><dd>numbers for Prometheus</dd>
</dl>"""

_MISSING = """<h1>There is nothing at this address</h1>
<p>This is ticket-sync. <a href="/">Its first page</a> lists the addresses that there are.</p>"""

_HOST = re.compile(rb"[0-9A-Za-z!$&'()*+,;=\-._~:\[\]@%]*")

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGE_HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; frame-ancestors 'none'"
    )
}

_NOTHING = Insight()


class App(Litestar):
    """Litestar, with a short way for deliveries past its routing and its layers.

    Litestar's way costs more CPU than all else that a delivery needs, see
    docs/decisions/0017-deliveries-past-the-framework.md. It gets every request but a POST to the very
    path of a receiver.
    """

    receivers: Mapping[str, Receiver]

    def at_once(self, exchange: Exchange) -> bool:
        """Take a delivery whose body is here. False for what ``__call__`` has to take."""
        receiver = self._receiver(exchange.scope)
        return receiver is not None and receiver.at_once(exchange)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        receiver = self._receiver(scope) if scope["type"] == "http" else None
        if receiver is not None:
            await receiver(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def _receiver(self, scope: Any) -> Receiver | None:
        """The receiver of a request, None where Litestar is to answer it."""
        receiver = self.receivers.get(scope["path"]) if scope["method"] == "POST" else None
        return receiver if receiver is not None and _names_a_host(scope["headers"]) else None


def create_app(
    *,
    sources: Mapping[str, Source],
    inbox: Inbox,
    hearing: Hearing | None = None,
    insight: Insight | None = _NOTHING,
    limits: Limits | None = None,
    clock: Callable[[], float] = time.time,
) -> App:
    """The application that takes the deliveries of each source at ``/webhooks/<name of the source>``,
    and with ``hearing`` the webhooks of each site at the site's path.

    With an ``insight`` it also serves what ``create_admin`` does. With None, ``/health/live`` is all
    that there is to see.
    """
    limits = limits or Limits()
    room = Room(limits.bodies_bytes)
    receivers = {
        f"/webhooks/{name}": Receiver(source, inbox, limits, room, clock)
        for name, source in sources.items()
    }
    of_notices = NoticeLimits(body_seconds=limits.body_seconds)
    hearers = notice_receivers(hearing, of_notices, room, clock) if hearing is not None else {}
    routes: list[HTTPRouteHandler] = [
        *(receiver_route(receiver, path) for path, receiver in receivers.items()),
        *(notice_route(hearer, path) for path, hearer in hearers.items()),
        live_route(),
    ]
    ended: list[Callable[[], Any]] = [receiver.ended for receiver in receivers.values()]
    if insight is not None:
        readiness = Readiness(insight.probes)
        paths = dict.fromkeys(receivers, "where signed deliveries go")
        paths |= dict.fromkeys(hearers, "where a Jira site sends its webhooks")
        routes.extend(_for_people(insight, readiness, paths))
        ended += _ends(insight, readiness)
    app = App(routes, on_shutdown=ended, **_like_all(insight))
    app.receivers = receivers
    return app


def create_admin(insight: Insight) -> Litestar:
    """The application for people and monitors: pages and API, health and metrics.

    It is for an address that the senders of webhooks need not reach.
    """
    readiness = Readiness(insight.probes)
    routes: list[HTTPRouteHandler] = [*_for_people(insight, readiness, {}), live_route()]
    return Litestar(routes, on_shutdown=_ends(insight, readiness), **_like_all(insight))


def _for_people(
    insight: Insight, readiness: Readiness, webhooks: Mapping[str, str]
) -> list[HTTPRouteHandler]:
    """The routes of pages, API, health and metrics, each behind the guard of hosts.

    Without a router around them: Litestar copies all that is in one, and registers each route twice.
    """
    desk = insight.desk
    if desk is not None:
        pages = [*page_routes(desk), *api_routes(desk)]
    else:
        pages = [] if insight.off else [_home(webhooks)]
    health = health_routes(readiness, insight.refresh_metrics)
    routes = [*pages, *health]
    if insight.hosts:
        for route in routes:
            route.guards = [insight.hosts.guard, *(route.guards or [])]
    return routes


def _ends(insight: Insight, readiness: Readiness) -> list[Callable[[], Any]]:
    return [readiness.close, *([insight.desk.close] if insight.desk else [])]


def _home(webhooks: Mapping[str, str]) -> HTTPRouteHandler:
    """The first page. ``webhooks`` says by path what sends there."""
    paths = "\n".join(f"<dt>POST {path}</dt><dd>{words}</dd>" for path, words in webhooks.items())

    @seen("/", name="home", media_type=MediaType.HTML)
    async def home() -> Response[str]:
        return _page("ticket-sync", _HOME.format(version=__version__, paths=paths))

    return home


def _page(title: str, body: str, status: int = 200) -> Response[str]:
    return Response(
        _PAGE.format(title=title, style=_STYLE, body=body),
        status_code=status,
        media_type=MediaType.HTML,
        headers=_PAGE_HEADERS,
    )


def _names_a_host(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the header with the host, if there is one, can be right. Litestar refuses others."""
    for name, value in headers:
        if name == b"host":
            return _HOST.fullmatch(value) is not None
    return True


def _failure(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, str]]:
    log.error("a request failed", path=request.url.path, method=request.method, exc_info=error)
    return Response({"error": "an error of ours; the log says more"}, status_code=500)


def _like_all(insight: Insight | None) -> Mapping[str, Any]:
    """What holds for each application."""
    desk, off = (insight.desk, insight.off) if insight else (None, False)

    def refusal(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
        if error.status_code >= 500:
            return _failure(request, error)
        if "text/html" in request.headers.get("accept", ""):
            if error.status_code == 404 and desk is not None:
                words = "The first page leads to everything that there is."
                return desk.trouble(words, 404).response()
            if error.status_code == 404 and not off:
                return _page("Not here: ticket-sync", _MISSING, status=404)
            if error.status_code == 421 and desk is not None:
                return desk.trouble(error.detail, 421).response()
        return Response(
            {"error": error.detail}, status_code=error.status_code, headers=error.headers or {}
        )

    return {
        "exception_handlers": {HTTPException: refusal, Exception: _failure},
        "openapi_config": None,
        "logging_config": None,
        "debug": False,
    }
