"""The simulated Coalesce Quality as its own process: a story of issues that goes on, and its API.

``python -m benchmarks.growing.source RECEIVER CHANGES`` prints the address of its API, waits until
something listens at the receiver's address, and then makes so many changes a second.
"""

from __future__ import annotations

import socket
import sys
import time
from urllib.parse import urlsplit

from proof.processes import SECRET
from sync.bootstrap.http import Background
from sync.bootstrap.signals import stop_on_signals
from sync.sandbox.coalesce import (
    FORMATS,
    CoalesceRest,
    CoalesceSandbox,
    DeliveryFaults,
    HttpPost,
    Outbox,
    Outcome,
    Sender,
    Stream,
)
from sync.sandbox.coalesce.app import create_app
from sync.web.server import listen

# As in production, some deliveries come twice, late, or never.
_ON_THE_WAY = DeliveryFaults(silent=0.02, doubled=0.05, late=0.05, delay=2.0)


def main(receiver: str, changes: float) -> None:
    """Run until a signal comes; prints how many deliveries have arrived, every second."""
    upstream = CoalesceSandbox(secret=SECRET, seed=1)
    outbox = Outbox(upstream, forms=FORMATS, faults=_ON_THE_WAY, scale=0.1, seed=1)
    api = Background(
        create_app(CoalesceRest(outbox)), listen("127.0.0.1", 0), name="api", grace=1.0
    )
    post = HttpPost(receiver)
    sender = Sender(outbox, post)
    with stop_on_signals() as stop:
        api.start()
        print("api", api.url, flush=True)
        _await(receiver)
        sender.start()
        Stream(upstream, seed=1).run(stop, per_second=changes)
        sender.stop()
        post.close()
        print("delivered", outbox.outcomes()[Outcome.DELIVERED], flush=True)
        api.stop(1.0)


def _await(receiver: str) -> None:
    host, port = urlsplit(receiver).hostname, urlsplit(receiver).port
    while True:
        try:
            socket.create_connection((host, port), 1.0).close()
            return
        except OSError:
            time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
