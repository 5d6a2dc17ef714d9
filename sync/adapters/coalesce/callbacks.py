"""Callbacks: what a delivery offers us to do upstream, and doing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.adapters.coalesce.characters import clean
from sync.adapters.coalesce.fields import child, get, text

_MOST = 50


def read_callbacks(value: Any) -> tuple[Mapping[str, Any], ...]:
    """The callbacks of an event: ``url``, ``action_name`` and ``issues_command`` (as it came)."""
    if not isinstance(value, list):
        return ()
    found = []
    for item in value[:_MOST]:
        if not isinstance(item, Mapping) or not (url := text(get(item, "url"))):
            continue
        command = child(item, "issues_command")
        found.append(
            {
                "url": url,
                "action_name": text(get(item, "action_name")),
                "issues_command": _cleaned(command) if command is not None else None,
            }
        )
    return tuple(found)


def _cleaned(value: Any) -> Any:
    # Bounded: what is nested too deep was refused before.
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(key): _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner) for inner in value]
    return value
