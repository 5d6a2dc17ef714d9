"""Text and JSON that every database takes.

Senders put in titles what no database takes: half of a surrogate pair, a NUL, a NaN. PostgreSQL refuses
all of these, SQLite some. They are replaced before they are written (by U+FFFD or null), so that one
odd character never makes a row impossible to write.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sync.domain.text import storable


def to_json(value: Any) -> str:
    """JSON that both databases take and every parser reads: no NaN, no NUL, no lone surrogate."""
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        written = ""
    if written and "\\u0000" not in written and (written.isascii() or storable(written) == written):
        return written
    return json.dumps(_clean(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def storable_parameters(parameters: Any) -> Any:
    """Statement parameters (a mapping, a tuple, or a list of either) with storable text."""
    if isinstance(parameters, list):
        return [storable_parameters(one) for one in parameters]
    if isinstance(parameters, Mapping):
        if all(map(_is_storable, parameters.values())):
            return parameters
        return {key: _replaced(value) for key, value in parameters.items()}
    if isinstance(parameters, tuple) and not all(map(_is_storable, parameters)):
        return tuple(map(_replaced, parameters))
    return parameters


def _is_storable(value: Any) -> bool:
    return type(value) is not str or storable(value) is value


def _replaced(value: Any) -> Any:
    return storable(value) if type(value) is str else value


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {storable(str(key)): _clean(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_clean(one) for one in value]
    return value
