"""Callbacks as deliveries bring them: an address, and a command ready to be posted there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync.adapters.coalesce.message.fields import child, get, text
from sync.domain.subject import Status
from sync.domain.text import clean

_MOST = 50
_MARKS = {
    Status.INVESTIGATING: "mark_investigating",
    Status.EXPECTED: "mark_expected",
    Status.FIXED: "mark_fixed",
    Status.NO_ACTION_NEEDED: "mark_no_action_needed",
}


def read_callbacks(value: Any) -> tuple[Mapping[str, Any], ...]:
    """The callbacks of an event: ``url``, ``action_name`` and ``issues_command`` (unchanged)."""
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
                "issues_command": _cleaned(command),
            }
        )
    return tuple(found)


def callback_that_marks(
    callbacks: Sequence[Mapping[str, Any]], status: Status
) -> Mapping[str, Any] | None:
    """The first callback whose command sets this status; None if there is none."""
    name = _MARKS.get(status)
    for callback in callbacks:
        command = callback.get("issues_command")
        if name and isinstance(command, Mapping) and child(command, name) is not None:
            return callback
    return None


def _cleaned(value: Any) -> Any:
    # The recursion is bounded: ``parse`` refuses bodies that are nested too deep.
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(key): _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner) for inner in value]
    return value
