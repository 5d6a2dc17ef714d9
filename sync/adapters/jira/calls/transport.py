"""The transport of real sockets. It tells what failed before the first byte of a request was sent.

The class of an exception of ``requests`` or ``urllib3`` does not tell: behind a proxy, for example, a
connection that ends while the answer is awaited raises the ``ProxyError`` of a proxy that is not there.
So the connections themselves note when a request begins to go out.
"""

from __future__ import annotations

import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError


class _Progress(threading.local):
    """Whether the call that this thread makes has begun to send its request."""

    begun = True


_progress = _Progress()


def _begin(connection: HTTPConnection) -> None:
    """Finish what precedes a request: the connection, a proxy's CONNECT and the TLS handshake."""
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

    Nothing is retried.
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

    def send(self, request: requests.PreparedRequest, **given: Any) -> requests.Response:  # type: ignore[override]
        _progress.begun = False
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
