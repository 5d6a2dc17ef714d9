"""Callbacks as deliveries bring them: an address, and a command ready to be posted there.

Whoever has the address may act on the issue, so the address is a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sync.adapters.coalesce.message.fields import child, get, text
from sync.domain.text import clean

_MOST = 50
# A letter of a JSON string may be written as itself or by its number.
_NAME = "".join(
    rf"(?:{letter}|\\u00(?:{ord(letter):x}|{ord(letter.upper()):x}))" for letter in "url"
)
_ADDRESS = re.compile(rf'("{_NAME}"\s*:\s*)"(?:[^"\\]|\\.)*"?', re.IGNORECASE | re.DOTALL)


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


def _cleaned(value: Any) -> Any:
    # The recursion is bounded: ``parse`` refuses bodies that are nested too deep.
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(key): _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner) for inner in value]
    return value


def without_addresses(body: bytes) -> str:
    """A body as text for people, without the addresses of its callbacks. Bytes that are no text are
    escaped.

    Every value named ``url`` is left out, also those of owners: in a body that was cut off, or is no
    JSON, nobody can tell where the callbacks are. It does not matter how the name is written, nor in
    which encoding of JSON.
    """
    readable = body.decode(json.detect_encoding(body), "backslashreplace")
    return _ADDRESS.sub(r'\1"***"', readable)
