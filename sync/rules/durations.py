"""Durations in rules, with mistakes in the rules' own words."""

from __future__ import annotations

from sync.domain.durations import seconds_in
from sync.toml import Wrong, said

_REMEDY = 'Write it as "10m", "7d", "1h30m", or as a number of seconds.'


def seconds_of(value: object) -> float:
    """The seconds of a duration. Raises Wrong for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Wrong(f"{said(value)} is not a duration", _REMEDY)
    seconds = seconds_in(value) if isinstance(value, str) else float(value)
    if seconds is None:
        raise Wrong(f"{value!r} is not a duration", _REMEDY)
    if not 0 <= seconds <= 10 * 365 * 86400:
        raise Wrong(f"{value!r} is no duration that makes sense", "Use one from 0 to ten years.")
    return seconds
