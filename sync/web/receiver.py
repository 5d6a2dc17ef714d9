"""The receiver: a delivery is verified, made durable and answered. It needs no rules and no Jira."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, NamedTuple, cast

import msgspec
import structlog
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send
from prometheus_client import Counter

from sync import tracing
from sync.domain.subject import Event, EventType
from sync.ports import Source, Verifier
from sync.store.errors import StoreUnavailable
from sync.store.inbox import Accepted, Cut, Inbox, InboxFull, Receipt
from sync.telemetry import DELIVERIES
from sync.web.body import BEYOND, Body, NoRoom, Room, SenderGone, TooLarge, TooSlow, read_body
from sync.web.protocol import Exchange

log = structlog.get_logger("web")

_json = msgspec.json.Encoder()
_JSON = (b"content-type", b"application/json")
# How often (seconds) the end of the program looks whether all is answered.
_LOOK_SECONDS = 0.05


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


class _Coming(NamedTuple):
    """A request whose body is still to come (implements ``body.Coming``)."""

    headers: Mapping[str, str]
    receive: Receive


# What a sender gets: HTTP status, headers and body.
_Reply = tuple[int, list[tuple[bytes, bytes]], bytes]


@dataclass(slots=True, eq=False)
class _Request:
    """One request; ``reply`` gives its answer to the sender. ``facts`` are for its line in the log.
    ``until`` is when it is answered at the latest (``time.perf_counter``), although its delivery still
    waits for the store."""

    scope: Scope
    headers: Mapping[str, str]
    reply: Callable[[int, list[tuple[bytes, bytes]], bytes], object]
    began: float = field(default_factory=time.perf_counter)
    facts: dict[str, Any] = field(default_factory=dict)
    until: float = 0.0
    over: bool = False


class Receiver:
    """Takes deliveries of one source into the inbox: an ASGI application, with a shorter way for a
    delivery whose body is here."""

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
        # The requests whose deliveries wait for the store, oldest first, and the timer that looks for
        # those that wait too long. A timer for each request would cost more than all else here.
        self._waiting: deque[_Request] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def at_once(self, exchange: Exchange) -> bool:
        """Take a delivery whose body is here; the exchange is answered later. False where it is not."""
        body = exchange.whole_body(self._limits.body_bytes)
        if body is None:
            return False
        scope = cast("Scope", exchange.scope)
        request = _Request(scope, _joined(scope["headers"]), exchange.answer)
        try:
            verifier = self._source.verifier(request.headers)
            verifier.update(body)
            self._take(request, verifier, Body(body, len(body)))
        except Exception as error:
            self._failed(request, error)
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; one log line."""
        replied: asyncio.Future[_Reply] = asyncio.get_running_loop().create_future()

        def reply(*given: Any) -> None:
            # The task may have been cancelled meanwhile.
            if not replied.done():
                replied.set_result(given)

        request = _Request(scope, _joined(scope["headers"]), reply)
        try:
            verifier = self._source.verifier(request.headers)
            body = await self._body(request, receive, verifier)
            if isinstance(body, Answer):
                self._answer(request, body)
            else:
                self._take(request, verifier, body)
        except Exception as error:
            self._failed(request, error)
        status, headers, content = await replied
        headers.append((b"content-length", b"%d" % len(content)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content, "more_body": False})

    async def ended(self) -> None:
        """Wait until every request is answered whose delivery waits for the store."""
        while any(not request.over for request in self._waiting):
            await asyncio.sleep(_LOOK_SECONDS)

    async def _body(self, request: _Request, receive: Receive, verifier: Verifier) -> Body | Answer:
        """The body, or what to answer where it does not come."""
        limits = self._limits
        try:
            return await read_body(
                _Coming(request.headers, receive),
                limit=limits.body_bytes,
                seconds=limits.body_seconds,
                room=self._room,
                heed=verifier.update,
            )
        except TooLarge:
            words = f"the body is over {limits.body_bytes * BEYOND} bytes"
            return Answer(413, "too_large", {"error": words}, close=True)
        except TooSlow:
            return Answer(408, "too_slow", {"error": "the body did not come in time"}, close=True)
        except NoRoom:
            return Answer(503, "busy", {"error": "too much is coming in; try again"}, close=True)
        except SenderGone:
            return Answer(400, "gone", {"error": "the body is not complete"}, close=True)

    def _take(self, request: _Request, verifier: Verifier, body: Body) -> None:
        """Refuse a body that nobody we know has signed; otherwise have it stored, and then answer."""
        facts = request.facts
        facts["bytes"] = body.size
        found = verifier.verdict(self._clock())
        if not found.ok:
            # The reason is in our log only: a forger must not learn which check failed.
            facts["reason"] = found.reason
            refusal = {"error": "the signature is missing or wrong"}
            self._answer(request, Answer(401, "unverified", refusal))
            return
        accepted = self._head(body) if body.digest else self._whole(body.data)
        facts["type"] = _for_log(accepted.event_type)
        facts["event_id"] = _for_log(accepted.event_id)
        new = "head" if accepted.cut else "stored"
        try:
            self._inbox.accept_soon(accepted, partial(self._settle, request, new))
        except Exception as error:
            self._settle(request, new, error)
        else:
            self._await(request)

    def _await(self, request: _Request) -> None:
        """Have the request answered when its delivery has waited too long for the store."""
        waiting, seconds = self._waiting, self._limits.store_seconds
        request.until = time.perf_counter() + seconds
        # The inbox stores in the order of arrival, so those that are over are at the front.
        while waiting and waiting[0].over:
            waiting.popleft()
        waiting.append(request)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        waiting, now = self._waiting, time.perf_counter()
        # A timer of the loop counts in milliseconds.
        while waiting and (waiting[0].over or waiting[0].until < now + 0.001):
            request = waiting.popleft()
            if not request.over:
                self._settle(request, "", TimeoutError())
        self._timer = None
        if waiting:
            left = waiting[0].until - now
            self._timer = asyncio.get_running_loop().call_later(left, self._look)

    def _settle(self, request: _Request, new: str, outcome: Receipt | Exception) -> None:
        """Answer by what came of storing the delivery; ``new`` is the word for one that was stored."""
        if request.over:
            # It was answered when it had waited too long.
            return
        request.over = True
        if isinstance(outcome, Receipt):
            request.facts["id"] = outcome.id
            word = new if outcome.stored else "duplicate"
            self._answer(request, Answer(202, word, {"id": outcome.id}))
        else:
            self._answer(request, self._refusal(outcome, request.facts))

    def _refusal(self, error: Exception, facts: dict[str, Any]) -> Answer:
        if isinstance(error, InboxFull):
            facts["reason"] = str(error)
            return Answer(503, "full", {"error": "too much is coming in; try again"})
        outcome = "unavailable"
        if isinstance(error, TimeoutError):
            # The delivery may still be stored; the sender's next attempt is then a duplicate.
            facts["reason"] = f"not stored within {self._limits.store_seconds:g} s"
            outcome = "slow_store"
        elif isinstance(error, StoreUnavailable):
            facts["reason"] = str(error)
        else:
            # Nothing confirms that the delivery is stored, so the sender has to try again.
            log.error("storing a delivery failed", exc_info=error)
        return Answer(503, outcome, {"error": "it cannot be stored now; try again"})

    def _failed(self, request: _Request, error: Exception) -> None:
        log.error("a request failed", path=request.scope["path"], method="POST", exc_info=error)
        words = {"error": "an error of ours; the log says more"}
        self._answer(request, Answer(500, "failed", words))

    def _answer(self, request: _Request, answer: Answer) -> None:
        """Count, log and send."""
        facts = request.facts
        _counter(answer.outcome).inc()
        seconds = time.perf_counter() - request.began
        facts["ms"] = round(seconds * 1000, 1)
        if tracing.traces is not None and answer.status == 202:
            of = {"outcome": answer.outcome, "source": self._source.name, "event": facts["type"]}
            tracing.traces.accepted(answer.body["id"], seconds, of)
        if answer.outcome == "head":
            log.warning("delivery", outcome="head", reason="it is larger than max_body", **facts)
        elif answer.status >= 400:
            client = request.scope["client"]
            facts["sender"] = client[0] if client else ""
            log.warning("delivery", outcome=answer.outcome, status=answer.status, **facts)
        else:
            log.info("delivery", outcome=answer.outcome, **facts)
        headers = [_JSON]
        if answer.status == 503:
            headers.append((b"retry-after", b"%d" % self._limits.retry_after))
        if answer.close:
            headers.append((b"connection", b"close"))
        request.reply(answer.status, headers, _json.encode(answer.body))

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
