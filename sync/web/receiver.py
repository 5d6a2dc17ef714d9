"""The receiver: a delivery is verified, made durable and answered. It needs no rules and no Jira."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import structlog
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send
from prometheus_client import Counter

from sync.domain.subject import Event, EventType
from sync.ports import Source, Verifier
from sync.store.errors import StoreUnavailable
from sync.store.inbox import Accepted, Cut, Inbox, InboxFull
from sync.telemetry import DELIVERIES
from sync.web.body import BEYOND, Body, NoRoom, Room, SenderGone, TooLarge, TooSlow, read_body
from sync.web.protocol import Exchange, at_once

log = structlog.get_logger("web")

_json = msgspec.json.Encoder()
_JSON = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on one request: bytes and seconds."""

    body_bytes: int = 1024 * 1024
    body_seconds: float = 15.0
    # Well below the time after which senders give up, so that they still get the 503.
    store_seconds: float = 10.0
    retry_after: int = 5
    bodies_bytes: int = 64 * 1024 * 1024


class Answer(NamedTuple):
    """The answer to a request: HTTP status, a word for logs and metrics, and the body."""

    status: int
    outcome: str
    body: dict[str, str]
    close: bool = False


@dataclass(slots=True)
class _Request:
    """One request. ``facts`` are for its line in the log."""

    headers: Mapping[str, str]
    receive: Receive
    exchange: Exchange | None
    facts: dict[str, Any] = field(default_factory=dict)


class Receiver:
    """Takes deliveries of one source into the inbox (an ASGI application)."""

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; one log line."""
        began = time.perf_counter()
        exchange = at_once(scope)
        request = _Request(_joined(scope["headers"]), receive, exchange)
        facts = request.facts
        try:
            answer = await self._answer(request)
        except Exception as error:
            log.error("a request failed", path=scope["path"], method="POST", exc_info=error)
            answer = Answer(500, "failed", {"error": "an error of ours; the log says more"})
        _counter(answer.outcome).inc()
        facts["ms"] = round((time.perf_counter() - began) * 1000, 1)
        if answer.outcome == "head":
            log.warning("delivery", outcome="head", reason="it is larger than max_body", **facts)
        elif answer.status >= 400:
            client = scope["client"]
            facts["sender"] = client[0] if client else ""
            log.warning("delivery", outcome=answer.outcome, status=answer.status, **facts)
        else:
            log.info("delivery", outcome=answer.outcome, **facts)
        body = _json.encode(answer.body)
        headers = [_JSON]
        if answer.status == 503:
            headers.append((b"retry-after", b"%d" % self._limits.retry_after))
        if answer.close:
            headers.append((b"connection", b"close"))
        if exchange is not None and exchange.answer(answer.status, headers, body):
            return
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _answer(self, request: _Request) -> Answer:
        limits, facts = self._limits, request.facts
        verifier = self._source.verifier(request.headers)
        try:
            body = await self._body(request, verifier)
        except TooLarge:
            words = f"the body is over {limits.body_bytes * BEYOND} bytes"
            return Answer(413, "too_large", {"error": words}, close=True)
        except TooSlow:
            return Answer(408, "too_slow", {"error": "the body did not come in time"}, close=True)
        except NoRoom:
            return Answer(503, "busy", {"error": "too much is coming in; try again"}, close=True)
        except SenderGone:
            return Answer(400, "gone", {"error": "the body is not complete"}, close=True)
        facts["bytes"] = body.size
        found = verifier.verdict(self._clock())
        if not found.ok:
            # The reason is in our log only: a forger must not learn which check failed.
            facts["reason"] = found.reason
            return Answer(401, "unverified", {"error": "the signature is missing or wrong"})
        accepted = self._head(body) if body.digest else self._whole(body.data)
        facts["type"] = _for_log(accepted.event_type)
        facts["event_id"] = _for_log(accepted.event_id)
        return await self._store(accepted, facts)

    async def _body(self, request: _Request, verifier: Verifier) -> Body:
        """Raises TooLarge, TooSlow, NoRoom, SenderGone."""
        limits = self._limits
        if request.exchange is not None:
            # A usual delivery is here already, and needs no limits of time and memory.
            whole = request.exchange.whole_body(limits.body_bytes)
            if whole is not None:
                verifier.update(whole)
                return Body(whole, len(whole))
        return await read_body(
            request,
            limit=limits.body_bytes,
            seconds=limits.body_seconds,
            room=self._room,
            heed=verifier.update,
        )

    def _whole(self, body: bytes) -> Accepted:
        try:
            event_id, event_type = self._source.identify(body)
        except Exception:
            # The delivery is stored all the same: triage finds out what is wrong with it.
            log.exception("identifying a delivery failed")
            event_id = event_type = ""
        return Accepted(self._source.name, event_id, event_type, body, self._clock())

    def _head(self, body: Body) -> Accepted:
        """The dead letter for a body that is not kept whole."""
        name = self._source.name
        try:
            shown = self._source.outline(body.data)
        except Exception:
            # The head is stored all the same: the sweep, or a person, finds out what is wrong with it.
            log.exception("reading the head of a delivery failed")
            shown = Event("", EventType.UNKNOWN, 0, "")
        words = (
            f"{body.size} bytes came, of which the first {len(body.data)} are kept. With access to "
            f"the API of {name}, the sweep of heads fetches the rest. Otherwise raise max_body in "
            "[server] and have the delivery sent again"
        )
        cut = Cut(body.digest, str(shown.about or ""), words)
        return Accepted(name, shown.id, shown.type.value, body.data, self._clock(), cut)

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
        outcome = "head" if accepted.cut else "stored"
        return Answer(202, outcome if receipt.stored else "duplicate", {"id": receipt.id})


# There are fewer outcomes than this.
@lru_cache(maxsize=32)
def _counter(outcome: str) -> Counter:
    return DELIVERIES.labels(outcome)


def _for_log(text: str) -> str:
    """A sender's words, cut, and without control characters that a terminal would obey."""
    text = text[:100]
    return text if text.isprintable() else ascii(text)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers as text. One that is sent on several lines counts as one line."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]} {value}" if name in found else value
    return found


def receiver_route(receiver: Receiver, path: str) -> HTTPRouteHandler:
    """The route at ``path``: what Litestar answers there by itself, and deliveries to other spellings
    of the path, such as one with a slash at its end."""

    @post(path, name=f"receive {path}", status_code=202, request_max_body_size=None)
    async def receive() -> ASGIApp:
        return receiver

    return receive
