"""Durations as people write them: ``10m``, ``7d``, ``1h30m``."""

from __future__ import annotations

import re

from sync.rules.errors import Wrong, said

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_WHOLE = re.compile(r"(?:\s*\d+(?:\.\d+)?\s*[smhdw])+\s*")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_REMEDY = 'Write it as "10m", "7d", "1h30m", or as a number of seconds.'


def seconds_of(value: object) -> float:
    """Seconds in a duration. Raises Wrong on anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Wrong(f"{said(value)} is not a duration", _REMEDY)
    if isinstance(value, str):
        if not _WHOLE.fullmatch(value.lower()):
            raise Wrong(f"{value!r} is not a duration", _REMEDY)
        seconds = sum(float(n) * _UNITS[unit] for n, unit in _PART.findall(value.lower()))
    else:
        seconds = float(value)
    if not 0 <= seconds <= 10 * 365 * 86400:
        raise Wrong(f"{value!r} is no duration that makes sense", "Use one from 0 to ten years.")
    return seconds


def in_words(seconds: float) -> str:
    """``2h 5m``: the two largest units that are not zero; ``0s`` for less than a second."""
    left, parts = int(abs(seconds)), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    words = " ".join(parts[:2]) or "0s"
    return f"-{words}" if seconds <= -1 else words
