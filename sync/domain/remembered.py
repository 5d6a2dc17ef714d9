"""A memory of bounded size, for what can be found out again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Keeps at most ``most`` entries; the one that was used longest ago goes first. Safe to share
    between threads. Where entries are of different sizes, ``weight`` tells that of a key and value, and
    ``most`` bounds their sum; an entry heavier than that is not kept at all."""

    def __init__(self, most: int, weight: Callable[[K, V], int] = lambda _key, _value: 1) -> None:
        self._most = most
        self._weight = weight
        self._total = 0
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """The value of a key, None where there is none."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def made(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key; where there is none, what ``make`` gives, which is kept. Threads that
        make a value for one key at the same time all get the same value."""
        found = self.get(key)
        return self._put(key, make(), over=False) if found is None else found

    def put(self, key: K, value: V) -> V:
        """Keep a value, which is returned."""
        return self._put(key, value, over=True)

    def _put(self, key: K, value: V, *, over: bool) -> V:
        weight = self._weight(key, value)
        with self._lock:
            if not over and key in self._kept:
                return self._kept[key][0]
            self._drop(key)
            self._kept[key] = value, weight
            self._total += weight
            while self._total > self._most:
                self._drop(next(iter(self._kept)))
        return value

    def forget(self, key: K) -> None:
        """Keep nothing of a key."""
        with self._lock:
            self._drop(key)

    def forget_where(self, which: Callable[[K, V], bool]) -> int:
        """Keep nothing of the entries for which ``which`` is true; how many there were."""
        with self._lock:
            gone = [key for key, (value, _) in self._kept.items() if which(key, value)]
            for key in gone:
                self._drop(key)
            return len(gone)

    def _drop(self, key: Any) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._total -= found[1]
