"""Circuit breaker of the calls to upstream: while a source does not answer, walks do not wait for it.

What Jira needs is done all the same. A ticket of which something is still to be told is walked again
when its source is called again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sync.domain.errors import Fault, Refused, SiteDown, Unknown
from sync.ports import Clock

# Seconds of the first pause. Each further failure in a row doubles it, up to LONGEST.
FIRST, LONGEST = 5.0, 300.0
# A call without an answer may fail because of what it says: only so many in a row are the source's.
UNANSWERED = 3
# Seconds after a pause in which one call finds out whether the source answers, and the others wait.
TRIAL = 60.0


class Untold(Exception):
    """Upstream could not be told or asked now. ``fault`` is why; ``wait`` is how many seconds the source
    is not called, 0 if it is called all the same."""

    def __init__(self, fault: Fault, wait: float) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.wait = wait


@dataclass(slots=True)
class _Trouble:
    """What went wrong since the source last answered. ``at`` is when a failure was last counted, and
    ``until`` when the pause ends, both on the monotonic clock. ``trying``: the pause is over, and one
    call finds out whether the source answers."""

    fault: Fault
    failures: int = 0
    at: float = 0.0
    until: float = 0.0
    trying: bool = False


class Breaker:
    """The breakers of all sources, by name. Safe to share between threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._troubles: dict[str, _Trouble] = {}

    @contextmanager
    def call(self, source: str) -> Iterator[None]:
        """One call to a source is made inside. Raises Untold where the source is not called now or did
        not answer; every other fault is its answer."""
        begun = self._begin(source)
        try:
            yield
        except (Refused, SiteDown, Unknown) as fault:
            raise Untold(fault, self._failed(source, fault, begun)) from fault
        except Fault:
            self._answered(source)
            raise
        self._answered(source)

    def _begin(self, source: str) -> float:
        """When the call begins."""
        with self._lock:
            trouble, now = self._troubles.get(source), self._clock.monotonic()
            if trouble is None or not trouble.until:
                return now
            if now < trouble.until:
                # A call that tries usually has its answer soon.
                wait = trouble.until - now
                raise Untold(trouble.fault, min(wait, FIRST) if trouble.trying else wait)
            trouble.until, trouble.trying = now + TRIAL, True
            return now

    def _failed(self, source: str, fault: Refused | SiteDown | Unknown, begun: float) -> float:
        with self._lock:
            trouble = self._troubles.setdefault(source, _Trouble(fault))
            now, asked = self._clock.monotonic(), fault.retry_after or 0.0
            if begun <= trouble.at and now < trouble.until:
                # Calls that were under way together fail of one trouble, and count once.
                trouble.until = max(trouble.until, now + asked)
                return trouble.until - now
            trouble.fault, trouble.failures, trouble.at = fault, trouble.failures + 1, now
            if isinstance(fault, Unknown) and trouble.failures < UNANSWERED and not asked:
                trouble.until = 0.0
                return 0.0
            wait = max(asked, min(LONGEST, FIRST * 2.0 ** min(trouble.failures - 1, 10)))
            trouble.until, trouble.trying = now + wait, False
            return wait

    def _answered(self, source: str) -> None:
        with self._lock:
            self._troubles.pop(source, None)
