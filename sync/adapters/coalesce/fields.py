"""Reading single fields of a protobuf-JSON message, whatever form they come in."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sync.domain.text import clean, cut

SHORT = 2_000
LONG = 100_000

_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=512)
def camel(name: str) -> str:
    """``issue_id`` as ``issueId``. For names of our own: what was sent would fill the cache."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def snake(name: str) -> str:
    """``issueId`` as ``issue_id``."""
    return _HUMPS.sub("_", name).lower()


def get(message: Mapping[str, Any], name: str) -> Any:
    """A field by its snake_case name, in either casing; null counts as absent, as in protobuf."""
    value = message.get(name)
    return message.get(camel(name)) if value is None else value


def child(message: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """A field that is a message; None where it is absent or something else."""
    value = get(message, name)
    return value if isinstance(value, Mapping) else None


def text(value: Any, limit: int = SHORT) -> str:
    """Text, cleaned and cut. A number is taken for its digits; anything else is no text: ""."""
    if isinstance(value, str):
        return cut(clean(value), limit)
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return cut(str(value), limit)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < 2**63 else repr(value)
    return ""


def number(value: Any) -> int | None:
    """A small whole number, also as text (``"11"``) or as a float (``11.0``)."""
    if isinstance(value, str):
        stripped = value.strip()
        digits = stripped.removeprefix("-")
        return int(stripped) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**31 else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def word(value: Any, prefix: str, numbers: Mapping[int, str]) -> str:
    """An enum's value as a short lower-case word.

    It comes as a name (with or without ``prefix``, in any case) or as a number. Unspecified is "". A
    name not in ``numbers`` comes back as it is, for the caller to know or not; an unknown number is
    "#" and the number.
    """
    found = number(value)
    if found is not None:
        return "" if found == 0 else numbers.get(found, f"#{found}")
    if not isinstance(value, str):
        return ""
    name = clean(value).strip().lower().removeprefix(prefix)
    return "" if name == "unspecified" else name


def kind_of(value: Any) -> str:
    """What a JSON value is, for people."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"
