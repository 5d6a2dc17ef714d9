"""Sending deliveries as upstream does: signed, and again until they are answered with 2xx."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable

from proof.processes import SECRET
from sync.adapters.coalesce.webhook.signature import signed_headers

PATH = "/webhooks/coalesce"
Address = Callable[[], tuple[str, int] | None]


class Sending:
    """A number of senders at work on one list of deliveries.

    ``address`` says where the daemon is now, None while it is not there. ``answers`` counts HTTP
    statuses, 0 for none. Upstream waits longer between its tries; the order of events is the same.
    """

    def __init__(
        self, bodies: Iterable[bytes], address: Address, *, senders: int = 8, within: float = 600.0
    ) -> None:
        self._bodies = deque(bodies)
        self._address = address
        self._end = time.monotonic() + within
        self._lock = threading.Lock()
        self.answers: Counter[int] = Counter()
        self.accepted = 0
        self.unsent = 0
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(senders)]
        for thread in self._threads:
            thread.start()

    @property
    def done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def wait(self) -> int:
        """Wait until all are accepted; how many. Raises AssertionError where time ran out."""
        for thread in self._threads:
            thread.join(max(0.1, self._end - time.monotonic() + 10))
        if self.unsent or not self.done:
            raise AssertionError(f"not accepted in time: {self.unsent}, answers {self.answers}")
        return self.accepted

    def _send(self) -> None:
        connection: http.client.HTTPConnection | None = None
        place: tuple[str, int] | None = None
        while True:
            with self._lock:
                if not self._bodies:
                    return
                body = self._bodies.popleft()
            while True:
                if time.monotonic() > self._end:
                    with self._lock:
                        self.unsent += 1
                    return
                now = self._address()
                if now is None:
                    time.sleep(0.02)
                    continue
                if connection is None or now != place:
                    connection, place = http.client.HTTPConnection(*now, timeout=30), now
                status = _post(connection, body)
                if status == 0:
                    connection.close()
                    connection = None
                with self._lock:
                    self.answers[status] += 1
                    self.accepted += status == 202
                if 200 <= status < 300 or 400 <= status < 500:
                    break
                time.sleep(0.05)


def _post(connection: http.client.HTTPConnection, body: bytes) -> int:
    headers = signed_headers(SECRET, body) | {"Content-Type": "application/json"}
    try:
        connection.request("POST", PATH, body, headers)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return 0
    return response.status
