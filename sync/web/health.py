"""Health and metrics: what is running, what is not ready, and the numbers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from litestar import HttpMethod, Response, route
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sync.store.errors import StoreUnavailable

if TYPE_CHECKING:
    from sync.web.gate.hosts import KnownHosts
    from sync.web.pages.frame import Desk

log = structlog.get_logger("web")

PROBE_SECONDS = 4.0
FRESH_SECONDS = 1.0

# A route to look at. Load balancers and monitors look with HEAD; the server leaves the body out.
seen = partial(route, http_method=[HttpMethod.GET, HttpMethod.HEAD], status_code=200)


@dataclass(frozen=True, slots=True)
class Check:
    """How one part of the program is. ``words`` say what is wrong, and what to do.

    A part that is not ``vital`` is reported, and does not make the program unready: deliveries must come
    in while a Jira site is down.
    """

    ok: bool
    words: str = ""
    vital: bool = True


Probe = Callable[[], Check]


@dataclass(frozen=True, slots=True)
class Insight:
    """What tells people and monitors how the program is. ``probes`` check by name how each part is, for
    ``/health/ready``; each is called in a thread. ``refresh_metrics`` is called in a thread before the
    metrics are written. ``desk`` makes the pages and the API; without one a page lists addresses, unless
    ``off``. ``hosts`` are the names under which all this may be asked for, None for any."""

    probes: Mapping[str, Probe] = field(default_factory=dict)
    refresh_metrics: Callable[[], None] = lambda: None
    desk: Desk | None = None
    off: bool = False
    hosts: KnownHosts | None = None


class Readiness:
    """Probes all parts, each in a thread of its own. The answers are reused for a second."""

    def __init__(self, probes: Mapping[str, Probe], *, seconds: float = PROBE_SECONDS) -> None:
        self._probes = dict(probes)
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(max(1, len(self._probes)), thread_name_prefix="probe")
        self._asking: dict[str, asyncio.Future[Check]] = {}
        self._checks: dict[str, Check] = {}
        self._at = float("-inf")
        self._turn = asyncio.Lock()

    async def checks(self) -> Mapping[str, Check]:
        """Each part's check by name."""
        async with self._turn:
            if time.monotonic() - self._at > FRESH_SECONDS:
                names = list(self._probes)
                found = await asyncio.gather(*(self._ask(name) for name in names))
                self._checks = dict(zip(names, found, strict=True))
                self._at = time.monotonic()
            return self._checks

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, name: str) -> Check:
        # A probe that hangs is not started again, so hanging probes cannot use up the threads.
        asking = self._asking.get(name)
        if asking is None:
            loop = asyncio.get_running_loop()
            asking = loop.run_in_executor(self._threads, self._probes[name])
            self._asking[name] = asking
        done, _ = await asyncio.wait([asking], timeout=self._seconds)
        if not done:
            return Check(False, f"gave no answer within {self._seconds:g} s")
        del self._asking[name]
        try:
            return asking.result()
        except StoreUnavailable as error:
            return Check(False, str(error))
        except Exception as error:
            # A part that cannot be asked is not ready; the other parts are still told of.
            log.exception("a probe failed", probe=name)
            return Check(False, f"could not be asked: {type(error).__name__}")


def live_route() -> HTTPRouteHandler:
    """``/health/live``, which says nothing but that the program runs."""

    @seen("/health/live", name="live")
    async def live() -> dict[str, bool]:
        return {"live": True}

    return live


def health_routes(
    readiness: Readiness, refresh_metrics: Callable[[], None]
) -> list[HTTPRouteHandler]:
    """``/health/ready`` and ``/metrics``."""

    @seen("/health/ready", name="ready")
    async def ready() -> Response[dict[str, Any]]:
        checks = await readiness.checks()
        fit = all(check.ok or not check.vital for check in checks.values())
        parts = {
            name: {
                "ok": check.ok,
                "vital": check.vital,
                **({"words": check.words} if check.words else {}),
            }
            for name, check in checks.items()
        }
        content = {
            "ready": fit,
            "not_ready": [name for name, check in checks.items() if not check.ok],
            "checks": parts,
        }
        return Response(content, status_code=200 if fit else 503, media_type=MediaType.JSON)

    @seen("/metrics", name="metrics")
    async def metrics() -> Response[bytes]:
        text = await asyncio.get_running_loop().run_in_executor(None, _exposition, refresh_metrics)
        return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})

    return [ready, metrics]


def _exposition(refresh: Callable[[], None]) -> bytes:
    try:
        refresh()
    except Exception as error:
        # The counters are written even while the store, which the gauges come from, is unavailable.
        log.warning("refreshing the metrics failed", reason=str(error))
    return generate_latest()
