"""Ports of this machine for the tests: one to listen at, and one at which nobody listens."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

# Below those that the system gives to connections going out and to whoever asks for any port: such a one
# could be taken again before the program that is told of it listens.
_PORTS = range(15_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """A port that nobody uses, for a program that has to be told one. None is given twice."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as tried:
            if port in _given:
                continue
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port


@contextmanager
def nobody_listens() -> Iterator[int]:
    """A port that refuses connections. It is taken, so that nobody comes to listen there meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])
