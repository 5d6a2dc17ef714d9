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

Besides, an application may take a body and give an answer at once, see ``Exchange``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
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


_AT_ONCE = "ticket_sync.at_once"

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
    parts, it takes and gives either at once. ``at_once`` finds it in the scope of the request.
    """

    def whole_body(self, limit: int) -> bytes | None:
        """The body, where all of it is here and is no longer than ``limit``. To be called once."""
        if self.more_body or self.disconnected or self.waiting_for_100_continue:
            return None
        if len(self.body) > limit:
            return None
        body, self.body = bytes(self.body), bytearray()
        return body

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """Send an answer by one call to the system. The names of ``headers`` are in lower case. False
        where the sender does not read, and the answer must wait."""
        if self.disconnected:
            return True
        if self.response_started or self.flow.write_paused:
            return False
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
        return True


def at_once(scope: Mapping[str, Any]) -> Exchange | None:
    """The exchange of a request, None where another server than this one took it."""
    extension = (scope.get("extensions") or {}).get(_AT_ONCE)
    return None if extension is None else extension["exchange"]


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
        self.scope["extensions"] = {_AT_ONCE: {"exchange": self.cycle}}
        if before is None or before.response_complete:
            # As uvicorn does it; older versions have no method of their own for it.
            task = self.loop.create_task(self.cycle.run_asgi(self.app))
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)
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
