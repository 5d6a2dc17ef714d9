"""A server that stands where a load balancer would: it answers everything with cookies."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import Cookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def baking() -> Iterator[tuple[str, list[str]]]:
    """Its address, and the cookies that came with each request. One of its cookies is for the site, and
    one, without a path, for the path asked for."""
    shown: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.append(self.headers.get("Cookie", ""))
            body = b'{"accountId": "1", "deploymentType": "Cloud"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Set-Cookie", "node=a; Path=/")
            self.send_header("Set-Cookie", "route=b")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", shown
    finally:
        server.shutdown()
        thread.join(20)
        server.server_close()


def kept() -> int:
    """How many cookies this process keeps."""
    gc.collect()
    return sum(isinstance(one, Cookie) for one in gc.get_objects())
