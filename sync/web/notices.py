"""Where sites of trackers send their webhooks: each is verified, and the ticket that it names made due.

Unlike a delivery, a webhook is not kept. The walk of its ticket reads the ticket itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from sync.domain.errors import Unreadable
from sync.domain.text import one_line
from sync.ports import NoticeSource
from sync.store.errors import StoreUnavailable
from sync.store.notices import Notices
from sync.telemetry import LAST_NOTICE, NOTICES
from sync.web.body import Body, NoRoom, Room, SenderGone, TooLarge, TooSlow, read_body

log = structlog.get_logger("web")

# Jira sends none that is larger. One that is larger all the same is read to its end and thrown away,
# because Jira never repeats what was answered 413.
LARGEST = 25 * 1024 * 1024

_REFUSED = {"error": "the signature or the secret is missing or wrong"}
_LATER = {"error": "it cannot be stored now; try again"}


@dataclass(frozen=True, slots=True)
class Hearing:
    """The sites whose webhooks are taken, and the notices that take them."""

    sites: Sequence[NoticeSource]
    notices: Notices


@dataclass(frozen=True, slots=True)
class NoticeLimits:
    """Limits on one webhook, in bytes and seconds. ``retry_after`` is what senders are told to wait."""

    body_bytes: int = LARGEST
    body_seconds: float = 10.0
    store_seconds: float = 10.0
    retry_after: int = 5


class _Answer(NamedTuple):
    """The HTTP status, a word for logs and metrics, and the body (None: the word itself)."""

    status: int
    outcome: str
    body: dict[str, str] | None = None


@dataclass(slots=True)
class _Came:
    """One request. ``facts`` are for its line in the log."""

    headers: dict[str, str]
    receive: Callable[[], Any]
    in_path: str
    facts: dict[str, Any] = field(default_factory=dict)


class NoticeReceiver:
    """Takes the webhooks of one site."""

    def __init__(
        self,
        source: NoticeSource,
        notices: Notices,
        limits: NoticeLimits,
        room: Room,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``room`` is the memory for bodies that are being read, shared by all receivers of an app."""
        self._source = source
        self._notices = notices
        self._limits = limits
        self._room = room
        self._clock = clock

    async def take(self, request: Request[Any, Any, Any], in_path: str) -> Response[dict[str, str]]:
        """Answer one webhook; one line in the log. Never raises, and never says the path, because a
        secret may stand in it."""
        began = time.perf_counter()
        came = _Came(_joined(request.headers.multi_items()), request.receive, in_path)
        try:
            answer = await self._answer(came)
        except Exception as error:
            log.error("a webhook of a site failed", site=self._source.site, exc_info=error)
            answer = _Answer(500, "failed", {"error": "an error of ours; the log says more"})
        NOTICES.labels(self._source.site, answer.outcome).inc()
        if answer.status < 300:
            LAST_NOTICE.labels(self._source.site).set(self._clock())
        came.facts["ms"] = round((time.perf_counter() - began) * 1000, 1)
        self._tell(request, answer, came.facts)
        body = answer.body if answer.body is not None else {"outcome": answer.outcome}
        headers = {"retry-after": str(self._limits.retry_after)} if answer.status == 503 else {}
        return Response(body, status_code=answer.status, headers=headers)

    def _tell(
        self, request: Request[Any, Any, Any], answer: _Answer, facts: dict[str, Any]
    ) -> None:
        facts = {"site": self._source.site, "outcome": answer.outcome, **facts}
        if answer.status >= 400:
            sender = request.client.host if request.client else ""
            log.warning("notice", status=answer.status, sender=sender, **facts)
        elif "reason" in facts:
            log.warning("notice", **facts)
        else:
            log.info("notice", **facts)

    async def _answer(self, came: _Came) -> _Answer:
        verifier = self._source.verifier(came.headers, came.in_path)
        try:
            body = await read_body(
                came,
                limit=self._limits.body_bytes,
                seconds=self._limits.body_seconds,
                room=self._room,
                heed=verifier.update,
            )
        except TooLarge:
            return _Answer(413, "too_large", {"error": "the body is too large"})
        except TooSlow:
            return _Answer(408, "too_slow", {"error": "the body did not come in time"})
        except NoRoom:
            return _Answer(503, "busy", {"error": "too much is coming in; try again"})
        except SenderGone:
            return _Answer(400, "gone", {"error": "the body is not complete"})
        came.facts["bytes"] = body.size
        found = verifier.verdict(self._clock())
        if not found.ok:
            # The reason is in our log only: a forger must not learn which check failed.
            came.facts["reason"] = found.reason
            return _Answer(401, "unverified", _REFUSED)
        return await self._heed(body, came.facts)

    async def _heed(self, body: Body, facts: dict[str, Any]) -> _Answer:
        """Make the ticket due that a verified body names."""
        if body.digest:
            facts["reason"] = (
                "the body is larger than any of Jira's; the sweep of Jira finds the change"
            )
            return _Answer(202, "unread")
        if not body.data:
            return _Answer(202, "empty")
        try:
            notice = self._source.read(body.data)
        except Unreadable as error:
            facts["reason"] = str(error)
            return _Answer(202, "unreadable")
        facts["what"] = one_line(notice.event, 100)
        if not notice.ticket:
            return _Answer(202, "nothing")
        facts["ticket"] = notice.ticket
        try:
            async with asyncio.timeout(self._limits.store_seconds):
                ours = await self._notices.take(self._source.site, notice)
        except StoreUnavailable as error:
            facts["reason"] = str(error)
            return _Answer(503, "unavailable", _LATER)
        except TimeoutError:
            facts["reason"] = f"not stored within {self._limits.store_seconds:g} s"
            return _Answer(503, "slow_store", _LATER)
        return _Answer(202, "due" if ours else "foreign")


def notice_receivers(
    hearing: Hearing, limits: NoticeLimits, room: Room, clock: Callable[[], float]
) -> dict[str, NoticeReceiver]:
    """The receiver of each site, by its path."""
    return {
        site.path: NoticeReceiver(site, hearing.notices, limits, room, clock)
        for site in hearing.sites
    }


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers by lower-case name. One that is sent on several lines counts as one line."""
    found: dict[str, str] = {}
    for name, value in headers:
        found[name] = f"{found[name]} {value}" if name in found else value
    return found


def notice_route(receiver: NoticeReceiver, path: str) -> HTTPRouteHandler:
    """The route at ``path`` and one step below it, where a sender may put a secret."""

    @post([path, f"{path}/{{in_path:str}}"], name=f"notice {path}", request_max_body_size=None)
    async def take(request: Request[Any, Any, Any]) -> Response[dict[str, str]]:
        return await receiver.take(request, request.path_params.get("in_path", ""))

    return take
