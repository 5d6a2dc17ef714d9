"""When the deliveries came whose tickets are not settled yet: for the metrics of this process alone."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

# The subjects that are remembered at most. Most have no ticket to wait for, and are pushed out.
MOST = 10_000


class Arrivals:
    """By subject, the earliest delivery since its ticket was last settled. Shared by threads.

    A metric of delays must not cost each walk a question to the store. What another process reads is
    unknown here, so the metric counts the tickets whose deliveries this one has read.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._at: OrderedDict[str, float] = OrderedDict()

    def note(self, refs: Iterable[str], at: float) -> None:
        """A delivery about these subjects came ``at`` (seconds since the epoch)."""
        with self._lock:
            for ref in refs:
                if ref:
                    self._at.setdefault(ref, at)
            while len(self._at) > self._most:
                self._at.popitem(last=False)

    def earliest(self, refs: Iterable[str]) -> float | None:
        """The earliest of these subjects; None where none is known."""
        with self._lock:
            return min((self._at[ref] for ref in refs if ref in self._at), default=None)

    def forget(self, refs: Iterable[str]) -> None:
        """The ticket of these subjects is settled."""
        with self._lock:
            for ref in refs:
                self._at.pop(ref, None)


ARRIVALS = Arrivals()
