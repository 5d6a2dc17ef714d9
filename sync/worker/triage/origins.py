"""Which delivery a walk comes of: for the traces of this process alone."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

# The subjects that are remembered at most. Most have no ticket to wait for, and are pushed out.
MOST = 10_000


class Origins:
    """By subject, the newest delivery since its ticket was last settled. Shared by threads.

    A trace must not cost each walk a question to the store. What another process reads is unknown here.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._from: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def note(self, refs: Iterable[str], at: float, delivery: str) -> None:
        """A delivery about these subjects came ``at`` (seconds since the epoch)."""
        with self._lock:
            for ref in refs:
                if ref:
                    self._from[ref] = max((at, delivery), self._from.get(ref, (at, delivery)))
                    self._from.move_to_end(ref)
            while len(self._from) > self._most:
                self._from.popitem(last=False)

    def newest(self, refs: Iterable[str]) -> str:
        """The id of the newest delivery about these subjects; "" where none is known."""
        with self._lock:
            return max((self._from[ref] for ref in refs if ref in self._from), default=(0.0, ""))[1]

    def forget(self, refs: Iterable[str], delivery: str) -> None:
        """The ticket of these subjects is settled by a walk that came of this delivery. What came while
        it walked stays."""
        with self._lock:
            newest = max((self._from[ref] for ref in refs if ref in self._from), default=None)
            if newest and newest[1] == delivery:
                for ref in refs:
                    self._from.pop(ref, None)


ORIGINS = Origins()
