"""One address before several daemons, as a Kubernetes service with an ingress before it."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

Address = tuple[str, int]
# What does not answer at all, though it took the request, is what an ingress answers 502 for.
_BROKEN = 502


class Balancer:
    """Passes each request on to one of its ``members`` in turn.

    A member that refuses the connection is passed over, and without any the answer is 503. A request
    that was taken and not answered is answered 502: nobody can know what became of it.
    """

    def __init__(self) -> None:
        self.members: list[Address] = []
        self._turn = count()
        # The requests under way, by a number of each.
        self._numbers = count()
        self._under_way: set[int] = set()
        self._changed = threading.Condition()
        balancer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, said = balancer.passed_on(self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> Address:
        return ("127.0.0.1", self._server.server_port)

    def leave(self, member: Address) -> None:
        """Pass nothing on to a member any more; returns when all that may be on its way is answered."""
        with self._changed:
            self.members.remove(member)
            before = set(self._under_way)
            assert self._changed.wait_for(lambda: not before & self._under_way, 60)

    def passed_on(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """What a member answers: status and body."""
        with self._changed:
            number, members = next(self._numbers), list(self.members)
            self._under_way.add(number)
        try:
            return self._answered(members, path, headers, body)
        finally:
            with self._changed:
                self._under_way.discard(number)
                self._changed.notify_all()

    def _answered(
        self, members: list[Address], path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes]:
        first = next(self._turn)
        for number in range(len(members)):
            connection = http.client.HTTPConnection(
                *members[(first + number) % len(members)], timeout=30
            )
            try:
                connection.connect()
            except OSError:
                continue
            try:
                connection.request("POST", path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                return _BROKEN, b"no answer"
            finally:
                connection.close()
        return 503, b"nobody is there"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
