"""The transport of real sockets. It tells what failed before the first byte of a request was sent.

The class of an exception of ``requests`` or ``urllib3`` does not tell: behind a proxy, for example, a
connection that ends while the answer is awaited raises the ``ProxyError`` of a proxy that is not there.
So the connections themselves note when a request begins to go out.
"""

from __future__ import annotations

import base64
import threading
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError


def basic(user: str, password: str) -> str:
    """The value of a header that logs in by user and password, in UTF-8.

    ``requests`` takes Latin-1 only, and fails with texts that hold the header.
    """
    pair = f"{user}:{password}".encode("utf-8", "surrogateescape")
    return f"Basic {base64.b64encode(pair).decode()}"


class _Progress(threading.local):
    """Whether the call that this thread makes has begun to send its request, and whether it does so on a
    connection that an earlier call left open."""

    begun = True
    kept_alive = False


_progress = _Progress()


def _begin(connection: HTTPConnection) -> None:
    """Finish what precedes a request: the connection, a proxy's CONNECT and the TLS handshake."""
    _progress.kept_alive = connection.sock is not None
    if connection.sock is None:
        connection.connect()
    _progress.begun = True


class _Connection(HTTPConnection):
    def request(self, *args: Any, **given: Any) -> None:
        _begin(self)
        super().request(*args, **given)


class _TLSConnection(HTTPSConnection):
    def request(self, *args: Any, **given: Any) -> None:
        _begin(self)
        super().request(*args, **given)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


_POOLS = {"http": _Pool, "https": _TLSPool}


class Transport(HTTPAdapter):
    """Raises ``urllib3.exceptions.NewConnectionError`` inside of a ``requests.ConnectionError`` for
    everything that fails before the request begins to go out, with the failure as its ``__cause__``.

    A server may close an idle connection in the moment in which the next request goes out on it. A GET
    that meets this is sent once more, on a new connection (RFC 9110, section 9.2.2). Nothing else is
    retried: of any other request nobody can tell whether it was carried out.
    """

    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **given: Any) -> None:
        super().init_poolmanager(*args, **given)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **given: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **given)
        if proxy.lower().startswith("socks"):
            # Such connections are of another kind, which note nothing: every failure proves nothing.
            _progress.begun = True
        else:
            manager.pool_classes_by_scheme = _POOLS
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        parts = urlsplit(proxy)
        if not parts.username:
            return {}
        user, password = unquote(parts.username), unquote(parts.password or "")
        return {"Proxy-Authorization": basic(user, password)}

    def send(self, request: requests.PreparedRequest, **given: Any) -> requests.Response:  # type: ignore[override]
        try:
            return self._send_once(request, **given)
        except requests.ConnectionError:
            if request.method != "GET" or not _progress.kept_alive:
                raise
        return self._send_once(request, **given)

    def _send_once(self, request: requests.PreparedRequest, **given: Any) -> requests.Response:
        _progress.begun, _progress.kept_alive = False, False
        try:
            return super().send(request, **given)
        except Exception as error:
            if _progress.begun:
                raise
            words = f"nothing was sent ({type(error).__name__})"
            none_yet: Any = None
            unsent = NewConnectionError(none_yet, words)
            unsent.__cause__ = error
            raise requests.ConnectionError(unsent, request=request) from None
        finally:
            _progress.begun = True
