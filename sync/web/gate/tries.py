"""How often somebody may try to sign in: by the address that tries, and by the name that is tried."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

WINDOW_SECONDS = 300.0
# Many people may be behind one address.
BY_ADDRESS = 50
BY_NAME = 10
_REMEMBERED = 20_000


class Tries:
    """Counts tries in memory, for each key by itself. Safe to share between threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._turn = threading.Lock()
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Count a try at ``now`` (seconds). 0 where it may go on, else after how many seconds it may."""
        with self._turn:
            found = self._tries.setdefault(key, deque())
            self._tries.move_to_end(key)
            while found and found[0] <= now - WINDOW_SECONDS:
                found.popleft()
            if len(found) >= self._most:
                return max(1.0, found[0] + WINDOW_SECONDS - now)
            found.append(now)
            while len(self._tries) > _REMEMBERED:
                self._tries.popitem(last=False)
            return 0.0

    def forgive(self, key: str) -> None:
        """Forget the last try of a key: it was right."""
        with self._turn:
            found = self._tries.get(key)
            if found:
                found.pop()
