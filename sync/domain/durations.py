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


def in_words(seconds: float) -> str:
    """``2h 5m``: the two largest units that are not zero; ``0s`` for less than a second."""
    left, parts = int(abs(seconds)), []
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, int(_UNITS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    words = " ".join(parts[:2]) or "0s"
    return f"-{words}" if seconds <= -1 else words
