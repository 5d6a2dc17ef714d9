"""Text and JSON that every database takes.

Titles from outside may hold characters that no database takes: half of a surrogate pair, a NUL, a NaN.
PostgreSQL refuses all of these, SQLite some. They are replaced before they are written (by U+FFFD or
null), so that one odd character never makes a row impossible to write.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sync.domain.text import storable

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def to_json(value: Any) -> str:
    """JSON that both databases take and every parser reads: no NaN, no NUL, no lone surrogate."""
    with suppress(ValueError):
        written = _encode(value)
        if "\\u0000" not in written and (written.isascii() or storable(written) == written):
            return written
    return _encode(storable_value(value))


def storable_value(value: Any) -> Any:
    """The value with all text, numbers and keys in it storable: a JSON value, or the parameters of a
    statement. Mappings become dicts, sequences lists."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {storable(str(key)): storable_value(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [storable_value(one) for one in value]
    return value
