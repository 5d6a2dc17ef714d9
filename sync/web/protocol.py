"""HTTP with limits that uvicorn's protocol on httptools lacks.

Without them a connection that never finishes its headers stays open for ever, headers may be of any
size, and idle connections use up the file descriptors. The limits:

- headers must be complete within ``header_seconds`` of their first byte (or of the connection), and
  within ``header_bytes`` and ``header_count`` (else 431);
- beyond ``connections``, a new connection closes the one whose sender has been waited for longest:
  idle, or with a request that it has not finished;
- a body that continues after its answer ends the connection;
- at most ``pipelined`` requests wait on one connection for an earlier answer (else 400);
- an offer to change the protocol (``Upgrade``) is ignored, and its request read as any other;
- a sender that closes its side after a whole request still gets the answer.

Besides, whoever is asked by ``guarded`` may take a request whose body is here without the messages and
the task of ASGI, see ``Exchange``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits on connections: seconds, bytes and counts."""

    header_seconds: float = 10.0
    header_bytes: int = 32 * 1024
    header_count: int = 100
    connections: int = 4096
    keep_alive_seconds: int = 30
    # Requests are parsed as they arrive; a sender that never reads its answers must not queue more.
    pipelined: int = 32


_FLOOD = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class _Flood(Exception):
    """More headers than are taken."""


class _NotTaken(Exception):
    """A request that is refused, whatever its headers."""


class Exchange(RequestResponseCycle):
    """One request and its answer. Beside the messages of ASGI, in which a body and an answer come in
    parts, it takes and gives either at once.
    """

    # Of the connection: what must end before the server does.
    tasks: set[asyncio.Task[None]]

    def whole_body(self, limit: int) -> bytes | None:
        """The body, where all of it is here and is no longer than ``limit``. To be called once."""
        if self.more_body or self.disconnected or self.waiting_for_100_continue:
            return None
        if len(self.body) > limit:
            return None
        body, self.body = bytes(self.body), bytearray()
        return body

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """Send an answer by one call to the system, as soon as the sender reads. A second answer is not
        sent. The names of ``headers`` are in lower case."""
        if self.disconnected or self.response_started:
            return
        if self.flow.write_paused:
            task = asyncio.get_running_loop().create_task(self._answer_later(status, headers, body))
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)
            return
        lines = [b"%b: %b\r\n" % header for header in (*self.default_headers, *headers)]
        if (b"connection", b"close") in headers:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        length = b"content-length: %d\r\n\r\n" % len(body)
        self.transport.write(b"".join((STATUS_LINE[status], *lines, length, body)))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    async def _answer_later(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> None:
        await self.flow.drain()
        self.answer(status, headers, body)


class GuardedProtocol(HttpToolsProtocol):
    """One connection within limits."""

    limits: ClassVar[ConnectionLimits]
    at_once: ClassVar[Callable[[Exchange], bool]]
    # Connections on which nothing can happen before their sender goes on, the longest wait first. The
    # wait begins with the connection, with each request's first byte and with each answer; more bytes
    # of the same request do not begin it anew. Addresses do not count: behind a proxy, all senders
    # have the same one.
    waiting: ClassVar[dict[GuardedProtocol, None]]

    _deadline: asyncio.TimerHandle | None = None
    _in_headers: bool = False
    _header_bytes: int = 0
    _flooded: bool = False
    # True from a head with an offer to upgrade until that head is parsed again without the offer.
    _offered: bool = False
    # Whole requests that are not answered yet.
    _owed: int = 0
    # The request that is to be started once all that came with its head is read.
    _next: Exchange | None = None
    # Since when (time of the loop) no request is in hand, None while one is.
    _idle_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.waiting[self] = None
        self._deadline = self.loop.call_later(self.limits.header_seconds, self._cut_off)
        if len(self.connections) > self.limits.connections:
            longest = next(iter(self.waiting))
            self.waiting.pop(longest)
            longest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        self.waiting.pop(self, None)
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def eof_received(self) -> bool | None:  # type: ignore[override]
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            return None
        cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self._read(data)
        except httptools.HttpParserError:
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)
        if self._next is not None:
            exchange, self._next = self._next, None
            self._start(exchange)
        if self.transport.is_closing():
            return
        if self._in_headers:
            self._header_bytes += len(data)
            if self._header_bytes > self.limits.header_bytes:
                self._refuse_flood()
            elif self._deadline is None:
                self._deadline = self.loop.call_later(self.limits.header_seconds, self._cut_off)
        elif self.cycle is not None and self.cycle.response_complete and self.cycle.more_body:
            self.transport.close()

    def _read(self, data: bytes) -> None:
        # The parser takes every offer for accepted: it stops after the head, and would parse the body
        # as the next request.
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                if not self._offered:
                    raise httptools.HttpParserError("an upgrade that was not offered") from offer
                self._offered = False
                data = self._head_without_offer() + data[offer.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def _head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b" ".join((self.parser.get_method(), self.url, b"HTTP/" + version))]
        lines += [b": ".join(header) for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_headers = True
        self._header_bytes = 0
        self._wait_for_sender()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if (
            len(self.headers) > self.limits.header_count
            or self._header_bytes > self.limits.header_bytes
        ):
            self._flooded = True
            raise _Flood

    def on_headers_complete(self) -> None:
        self._header_bytes += len(self.url)
        if self._header_bytes > self.limits.header_bytes:
            self._flooded = True
            raise _Flood
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise _NotTaken
            self._offered = True
            return
        if len(self.pipeline) >= self.limits.pipelined:
            raise _NotTaken
        # Trailers after a chunked body count from here.
        self._header_bytes = 0
        self._in_headers = False
        self._stop_clock()
        self._begin()

    def _begin(self) -> None:
        """As ``super().on_headers_complete()``, with an ``Exchange``."""
        version, before = self.parser.get_http_version(), self.cycle
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        self.scope |= {
            "method": self.parser.get_method().decode("ascii"),
            "http_version": version,
            "path": unquote(path) if "%" in path else path,
            "raw_path": url.path,
            "query_string": url.query or b"",
        }
        self.cycle = Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self.cycle.tasks = self.tasks
        if before is None or before.response_complete:
            self._next = self.cycle
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _start(self, exchange: Exchange) -> None:
        if type(self).at_once(exchange):
            return
        # As uvicorn does it; older versions have no method of their own for it.
        task = self.loop.create_task(exchange.run_asgi(self.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_body(self, body: bytes) -> None:
        if not self._offered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._offered:
            if self.cycle is not None and not self.cycle.response_complete:
                self._owed += 1
                self.waiting.pop(self, None)
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """As ``super().on_response_complete()``, without a timer of its own for each request."""
        self._owed = max(0, self._owed - 1)
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start(cast("Exchange", self.pipeline.pop()[0]))
        else:
            self._idle_since = self.loop.time()
            if self.timeout_keep_alive_task is None:
                self._look_after(self.timeout_keep_alive)
        self._wait_for_sender()

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def _look_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has been idle for long; otherwise, look again when it would have."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None or self.transport.is_closing():
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        # A timer of the loop counts in milliseconds.
        if left < 0.001:
            self.transport.close()
        else:
            self._look_after(left)

    def _wait_for_sender(self) -> None:
        """Its turn begins, unless we owe it an answer."""
        if not self._owed:
            self.waiting.pop(self, None)
            self.waiting[self] = None

    def send_400_response(self, msg: str) -> None:
        if self._flooded:
            self._refuse_flood()
        else:
            super().send_400_response(msg)

    def _refuse_flood(self) -> None:
        self.transport.write(_FLOOD)
        self.transport.close()

    def _cut_off(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.abort()

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def guarded(
    limits: ConnectionLimits, at_once: Callable[[Exchange], bool] = lambda _exchange: False
) -> type[asyncio.Protocol]:
    """A protocol class for one server, with its own limits and its own connections.

    ``at_once`` is asked about each request, once all that came with its head is read. Where it returns
    True, it has the exchange answered. The application gets all other requests.
    """
    members: dict[str, Any] = {"limits": limits, "waiting": {}, "at_once": staticmethod(at_once)}
    return type("GuardedProtocol", (GuardedProtocol,), members)
