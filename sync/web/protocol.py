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

Besides, the head of an answer is sent together with its body, by one call to the system. uvicorn sends
them by two, and the receiver of the first wakes up for nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
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


class _Cycle(RequestResponseCycle):
    """One request and its answer. The head waits for the body, so that both are sent at once."""

    _start: Any = None

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start" and not (self._start or self.response_started):
            self._start = message
            return
        start, self._start = self._start, None
        if start is None:
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        whole = not self.disconnected and not message.get("more_body")
        head = self._head(start, message) if whole else b""
        if head:
            self._send_whole(head + message["body"])
        else:
            await super().send(start)
            await super().send(message)

    async def send_500_response(self) -> None:
        # In the place of a head whose body never came.
        self._start = None
        await super().send_500_response()

    def _head(self, start: Any, message: Any) -> bytes:
        """The head of an answer whose body is ``message``; b"" for what uvicorn is to send in parts: a
        body in chunks, one that goes on, none at all, and whatever is wrong."""
        body = message.get("body")
        if not body or self.scope["method"] == "HEAD":
            return b""
        headers = [*self.default_headers, *((n.lower(), value) for n, value in start["headers"])]
        if any(HEADER_RE.search(n) or HEADER_VALUE_RE.search(value) for n, value in headers):
            return b""
        said = dict(headers)
        if b"transfer-encoding" in said or said.get(b"content-length") != b"%d" % len(body):
            return b""
        lines = [b"%b: %b\r\n" % header for header in headers]
        if b"close" in said.get(b"connection", b"").lower():
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        return b"".join((STATUS_LINE[start["status"]], *lines, b"\r\n"))

    def _send_whole(self, answer: bytes) -> None:
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(answer)
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


class GuardedProtocol(HttpToolsProtocol):
    """One connection within limits."""

    limits: ClassVar[ConnectionLimits]
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
        self._unset_keepalive_if_required()

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
        """As ``super().on_headers_complete()``, which makes answers in two parts."""
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
        self.cycle = _Cycle(
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
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

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
        self._owed = max(0, self._owed - 1)
        super().on_response_complete()
        if not self.transport.is_closing():
            self._wait_for_sender()

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


def guarded(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """A protocol class for one server, with its own limits and its own connections."""
    members: dict[str, Any] = {"limits": limits, "waiting": {}}
    return type("GuardedProtocol", (GuardedProtocol,), members)
