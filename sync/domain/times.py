"""Points and spans of time in words, and for machines."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


def ago(seconds: float | None) -> str:
    """An age in words, "never" for None.

    >>> ago(7300)
    '2 h ago'
    """
    return "never" if seconds is None else f"{lasting(seconds)} ago"


def lasting(seconds: float) -> str:
    """A span in words, in the largest unit of which there are two.

    >>> lasting(200)
    '3 min'
    """
    for unit, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def moment(at: float | None) -> str:
    """A time (seconds since the epoch) as ``2026-03-01 12:30:05`` UTC; "" for None."""
    if at is None:
        return ""
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def stamp(at: float | None) -> str | None:
    """The same for machines: ISO 8601 with the zone; None for None."""
    return None if at is None else datetime.fromtimestamp(at, tz=UTC).isoformat()
