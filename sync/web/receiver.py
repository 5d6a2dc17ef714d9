"""The receiver: a delivery is verified, made durable and answered. It needs no rules and no Jira."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from litestar import Request, Response, post
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler

from sync.ports import Source
from sync.store.errors import StoreUnavailable
from sync.store.inbox import Accepted, Inbox, InboxFull
from sync.telemetry import DELIVERIES
from sync.web.body import NoRoom, Room, SenderGone, TooLarge, TooSlow, read_body

log = structlog.get_logger("web")

_json = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on one request: bytes and seconds."""

    body_bytes: int = 1024 * 1024
    body_seconds: float = 15.0
    # Well below the time after which senders give up, so that they still get the 503.
    store_seconds: float = 10.0
    retry_after: int = 5
    bodies_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: HTTP status, a word for logs and metrics, and the body."""

    status: int
    outcome: str
    body: dict[str, str]
    close: bool = False


class Receiver:
    """Takes deliveries of one source into the inbox."""

    def __init__(
        self,
        source: Source,
        inbox: Inbox,
        limits: Limits,
        room: Room,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``room`` is the memory for bodies that are being read, shared by the receivers of an app."""
        self._source = source
        self._inbox = inbox
        self._limits = limits
        self._clock = clock
        self._room = room

    async def receive(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Answer one request; one log line."""
        began = time.perf_counter()
        facts: dict[str, Any] = {}
        answer = await self._answer(request, facts)
        DELIVERIES.labels(answer.outcome).inc()
        facts["ms"] = round((time.perf_counter() - began) * 1000, 1)
        if answer.status >= 400:
            facts["sender"] = request.client.host if request.client else ""
            log.warning("delivery", outcome=answer.outcome, status=answer.status, **facts)
        else:
            log.info("delivery", outcome=answer.outcome, **facts)
        headers = {}
        if answer.status == 503:
            headers["retry-after"] = str(self._limits.retry_after)
        if answer.close:
            headers["connection"] = "close"
        return Response(
            _json.encode(answer.body),
            status_code=answer.status,
            media_type=MediaType.JSON,
            headers=headers,
        )

    async def _answer(self, request: Request[Any, Any, Any], facts: dict[str, Any]) -> Answer:
        limits = self._limits
        try:
            body = await read_body(
                request, limit=limits.body_bytes, seconds=limits.body_seconds, room=self._room
            )
        except TooLarge:
            words = f"the body is over {limits.body_bytes} bytes"
            return Answer(413, "too_large", {"error": words}, close=True)
        except TooSlow:
            return Answer(408, "too_slow", {"error": "the body did not come in time"}, close=True)
        except NoRoom:
            return Answer(503, "busy", {"error": "too much is coming in; try again"}, close=True)
        except SenderGone:
            return Answer(400, "gone", {"error": "the body is not complete"}, close=True)
        facts["bytes"] = len(body)
        if not self._verified(request, body, facts):
            # The reason is in our log only: a forger must not learn which check failed.
            return Answer(401, "unverified", {"error": "the signature is missing or wrong"})
        event_id, event_type = self._identify(body)
        facts["type"] = _for_log(event_type)
        facts["event_id"] = _for_log(event_id)
        accepted = Accepted(self._source.name, event_id, event_type, body, self._clock())
        return await self._store(accepted, facts)

    def _verified(
        self, request: Request[Any, Any, Any], body: bytes, facts: dict[str, Any]
    ) -> bool:
        headers: dict[str, str] = {}
        for raw_name, raw_value in request.scope["headers"]:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            # A header that is sent on several lines counts as one line.
            headers[name] = f"{headers[name]} {value}" if name in headers else value
        try:
            found = self._source.verify(headers, body, self._clock())
        except Exception:
            # A check that fails has verified nothing; the sender tries again, as after a wrong one.
            log.exception("checking a signature failed")
            facts["reason"] = "the check itself failed"
            return False
        if not found.ok:
            facts["reason"] = found.reason
        return found.ok

    def _identify(self, body: bytes) -> tuple[str, str]:
        try:
            return self._source.identify(body)
        except Exception:
            # The delivery is stored all the same: triage finds out what is wrong with it.
            log.exception("identifying a delivery failed")
            return "", ""

    async def _store(self, accepted: Accepted, facts: dict[str, Any]) -> Answer:
        try:
            async with asyncio.timeout(self._limits.store_seconds):
                receipt = await self._inbox.accept_async(accepted)
        except InboxFull as error:
            facts["reason"] = str(error)
            return Answer(503, "full", {"error": "too much is coming in; try again"})
        except StoreUnavailable as error:
            facts["reason"] = str(error)
            return Answer(503, "unavailable", {"error": "it cannot be stored now; try again"})
        except TimeoutError:
            # The delivery may still be stored; the sender's next attempt is then a duplicate.
            facts["reason"] = f"not stored within {self._limits.store_seconds:g} s"
            return Answer(503, "slow_store", {"error": "it cannot be stored now; try again"})
        except Exception:
            # Nothing confirms that the delivery is stored, so the sender has to try again.
            log.exception("storing a delivery failed")
            return Answer(503, "unavailable", {"error": "it cannot be stored now; try again"})
        facts["id"] = receipt.id
        return Answer(202, "stored" if receipt.stored else "duplicate", {"id": receipt.id})


def _for_log(text: str) -> str:
    """A sender's words, cut, and without control characters that a terminal would obey."""
    text = text[:100]
    return text if text.isprintable() else ascii(text)


def receiver_route(receiver: Receiver, path: str) -> HTTPRouteHandler:
    """The route at ``path`` that takes a receiver's deliveries."""

    @post(path, name=f"receive {path}", status_code=202, request_max_body_size=None)
    async def receive(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await receiver.receive(request)

    return receive
