"""How long a ticket waits before the next try. Pure: the caller brings the randomness."""

from __future__ import annotations

FIRST_SECONDS = 2.0
CAP_SECONDS = 15 * 60.0


def delay(attempts: int, *, jitter: float, retry_after: float | None = None) -> float:
    """Seconds until try number ``attempts + 1``.

    Exponential from 2 s, capped at 15 min, spread by ``jitter`` in [0, 1) over the upper half of
    the interval. Never shorter than ``retry_after``, which is what the other side asked for.
    """
    step = min(CAP_SECONDS, FIRST_SECONDS * 2.0 ** min(max(attempts - 1, 0), 16))
    wait = step / 2 + step / 2 * jitter
    return max(wait, retry_after * (1 + jitter / 10)) if retry_after is not None else wait


def search_delay(attempts: int) -> float:
    """Seconds between looks for what a call did whose reply was lost: from 1 s, doubled up to 60 s."""
    return min(60.0, 2.0 ** min(attempts, 6))
