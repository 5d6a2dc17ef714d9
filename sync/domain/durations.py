"""Durations as people write them (``10m``, ``7d``, ``1h30m``), and as they are shown to people."""

from __future__ import annotations

import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_WHOLE = re.compile(r"(?:\s*\d+(?:\.\d+)?\s*(?:ms|[smhdw]))+\s*", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])", re.ASCII)


def seconds_in(text: str) -> float | None:
    """Seconds in numbers with units (ms, s, m, h, d, w), which add up. None for any other text."""
    folded = text.lower()
    if not _WHOLE.fullmatch(folded):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(folded))


def written(seconds: float) -> str:
    """A duration of 0 or more as a file would give it: ``1h30m``, to the millisecond; ``0s`` for 0."""
    left, parts = round(seconds * 1000), []
    for unit in ("d", "h", "m", "s", "ms"):
        count, left = divmod(left, round(_UNITS[unit] * 1000))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def in_words(seconds: float) -> str:
    """``2h 5m``: the two largest units that are not zero; ``0s`` for less than a second."""
    words = " ".join(re.findall(r"\d+[a-z]", written(int(abs(seconds))))[:2])
    return f"-{words}" if seconds <= -1 else words
