"""A transport that connects a ``requests`` session to the simulated Jira without a socket."""

from __future__ import annotations

import http.client
import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPResponse
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProtocolError

from sync.sandbox.jira.server import JiraSandbox
from sync.sandbox.jira.site.call import Response, WireResult

# What the exceptions of ``urllib3`` name as their connection: here there is none.
_NO_CONNECTION: Any = None


class SandboxTransport(BaseAdapter):
    """Use as ``session.mount("http://jira.sandbox", SandboxTransport(sandbox))``.

    A call without a reply raises the exception that ``requests`` raises for it on a real socket.
    """

    def __init__(self, sandbox: JiraSandbox) -> None:
        super().__init__()
        self.sandbox = sandbox

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        parts = urlsplit(request.url or "")
        body = request.body or b""
        answer = self.sandbox.handle(
            request.method or "GET",
            str(parts.path),
            str(parts.query),
            {**request.headers, "Host": str(parts.netloc)},
            body.encode() if isinstance(body, str) else bytes(body),
        )
        if answer.wire is WireResult.READ_TIMEOUT and isinstance(timeout, tuple):
            self.sandbox.clock.sleep(timeout[1] or 0.0)
        if answer.wire is not WireResult.REPLY:
            raise _exception(answer, request)
        return _response(answer, request)

    def close(self) -> None:
        """Nothing to close: there are no sockets."""


def _exception(answer: Response, request: requests.PreparedRequest) -> Exception:
    match answer.wire:
        case WireResult.REFUSE:
            refused = NewConnectionError(_NO_CONNECTION, "[Errno 111] Connection refused")
            refused.__cause__ = ConnectionRefusedError(111, "Connection refused")
            return requests.exceptions.ConnectionError(_given_up(refused), request=request)
        case WireResult.CONNECT_TIMEOUT:
            late = ConnectTimeoutError(_NO_CONNECTION, "Connection timed out")
            return requests.exceptions.ConnectTimeout(_given_up(late), request=request)
        case WireResult.READ_TIMEOUT:
            return requests.exceptions.ReadTimeout("Read timed out", request=request)
        case WireResult.CUT:
            return requests.exceptions.ChunkedEncodingError(
                "Connection broken: IncompleteRead", request=request
            )
        case _:
            ended = http.client.RemoteDisconnected("Remote end closed connection without response")
            return requests.exceptions.ConnectionError(
                ProtocolError("Connection aborted.", ended), request=request
            )


def _given_up(reason: Exception) -> MaxRetryError:
    pool: Any = None
    return MaxRetryError(pool, "/", reason)


def _response(answer: Response, request: requests.PreparedRequest) -> requests.Response:
    out = requests.Response()
    out.status_code = answer.status
    out.headers = CaseInsensitiveDict(answer.headers)
    out.encoding = get_encoding_from_headers(out.headers)
    out.url = request.url or ""
    out.request = request
    out.reason = http.client.responses.get(answer.status, "")
    body = answer.body
    out.raw = HTTPResponse(
        io.BytesIO(body), headers=answer.headers, status=answer.status, preload_content=False
    )
    content: Any = body
    out._content = content
    return out
