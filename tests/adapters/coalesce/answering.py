"""A server on this machine that answers as a test says, and keeps what came."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sync.adapters.coalesce import ApiAccess, CoalesceApi
from tests.clock import SimulatedClock


@dataclass
class Came:
    """One request as it came."""

    method: str
    path: str
    body: Any
    host: str


@dataclass
class Answering:
    """``answers`` has the status by the last part of a path, 200 by default; 0 ends the connection after
    the request was read. ``there`` are the ids of the subjects that the API knows. ``headers`` go with
    each answer that is no 2xx. ``garbled``: acts are answered by a page for people."""

    url: str = ""
    answers: dict[str, int] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    headers: Mapping[str, str] = field(default_factory=dict)
    came: list[Came] = field(default_factory=list)
    tokens: int = 0
    garbled: bool = False

    @property
    def told(self) -> list[Came]:
        """What came beside requests for tokens and questions."""
        return [one for one in self.came if not one.path.endswith(("/token", "/by-id"))]

    def api(self, clock: SimulatedClock) -> CoalesceApi:
        """A client."""
        return CoalesceApi(ApiAccess("id", "s3cr3t-of-api", url=self.url), clock)

    def answer(self, one: Came) -> tuple[int, Any]:
        self.came.append(one)
        last = one.path.partition("?")[0].rpartition("/")[2]
        if last == "token":
            self.tokens += 1
            return 200, {"access_token": f"t{self.tokens}", "expires_in": 3600}
        status = self.answers.get(last, 200)
        if last == "by-id":
            noun = one.path.split("/")[2]
            ids = one.body.get(f"{noun[:-1]}Ids", [])
            return status, {noun: {id_: {"name": "n"} for id_ in ids if id_ in self.there}}
        return status, {"commentId": "c-1"} if last == "comment" else {}


@contextmanager
def answering(tls: ssl.SSLContext | None = None) -> Iterator[Answering]:
    """A server that listens on 127.0.0.1."""
    script = Answering()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            form = "form" in self.headers.get("content-type", "")
            body = raw.decode() if form or not raw else json.loads(raw)
            came = Came(self.command, self.path, body, self.headers["host"])
            status, content = script.answer(came)
            if not status:
                self.close_connection = True
                return
            data = json.dumps(content).encode()
            if script.garbled and came in script.told:
                data = b"<html>"
            self.send_response(status)
            for name, value in script.headers.items() if status >= 300 else ():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_PATCH = do_GET = do_POST  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    script.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
