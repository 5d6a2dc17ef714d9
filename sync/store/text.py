"""Text and JSON that every database takes.

What a sender puts in a title is not always text: half of a surrogate pair, a NUL, a NaN. PostgreSQL
refuses these, SQLite some of them. They are replaced on the way in (U+FFFD, null), so that one odd
character can never make a row impossible to write.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sync.domain.text import storable


def to_json(value: Any) -> str:
    """JSON that both databases take and any parser reads back: no NaN, no NUL, no lone surrogate."""
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        written = ""
    if written and "\\u0000" not in written and (written.isascii() or storable(written) == written):
        return written
    return json.dumps(_clean(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def storable_parameters(parameters: Any) -> Any:
    """Statement parameters (a mapping, a sequence, or a list of either) with storable text."""
    if isinstance(parameters, Mapping):
        if any(type(v) is str and storable(v) is not v for v in parameters.values()):
            return {k: storable(v) if type(v) is str else v for k, v in parameters.items()}
        return parameters
    if isinstance(parameters, list):
        return [storable_parameters(one) for one in parameters]
    if isinstance(parameters, tuple) and any(
        type(v) is str and storable(v) is not v for v in parameters
    ):
        return tuple(storable(v) if type(v) is str else v for v in parameters)
    return parameters


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
