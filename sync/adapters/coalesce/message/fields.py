"""Reading the fields of a protobuf-JSON message, whatever form they come in."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from sync.domain.text import clean, cut

SHORT = 2_000
LONG = 100_000

_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=512)
def camel(name: str) -> str:
    """``issue_id`` as ``issueId``. For names of ours only: names of a sender would fill the cache."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def snake(name: str) -> str:
    """``issueId`` as ``issue_id``."""
    return _HUMPS.sub("_", name).lower()


def get(message: Mapping[str, Any], name: str) -> Any:
    """A field by its snake_case name, in either casing; null counts as absent, as in protobuf."""
    value = message.get(name)
    return message.get(camel(name)) if value is None else value


def pick(message: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Several fields as ``get`` reads them, absent ones left out.

    >>> pick({"eventId": "e1", "event_time": None}, ("event_id", "event_time"))
    {'event_id': 'e1'}
    """
    return {name: value for name in names if (value := get(message, name)) is not None}


def read(message: Mapping[str, Any], readers: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """Several fields by name, each as its reader returns it. Absent ones are left out."""
    return {name: readers[name](value) for name, value in pick(message, readers).items()}


def texts(message: Mapping[str, Any], *names: str) -> dict[str, str]:
    """Several short texts by name, "" for those that are absent."""
    return {name: text(get(message, name)) for name in names}


def all_texts(message: Mapping[str, Any], most: int) -> dict[str, str]:
    """The texts of the first ``most`` fields by snake_case name, without those that are empty."""
    found: dict[str, str] = {}
    for key in sorted(message)[:most]:
        if value := text(message[key]):
            found.setdefault(text(snake(key), 64), value)
    return found


def child(message: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """A field that is a message; None where it is absent or something else."""
    value = get(message, name)
    return value if isinstance(value, Mapping) else None


def text(value: Any, limit: int = SHORT) -> str:
    """Text, cleaned and cut. A number becomes its digits; any other value becomes ""."""
    if isinstance(value, str):
        # Nothing that can be printed needs cleaning, and most texts can.
        value = value if value.isprintable() else clean(value)
        return value if len(value) <= limit else cut(value, limit)
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return cut(str(value), limit)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < 2**63 else repr(value)
    return ""


def long_text(value: Any) -> str:
    """Text of up to 100,000 characters."""
    return text(value, LONG)


def is_clean(value: str) -> bool:
    """Whether cleaning leaves a text as it is."""
    return value.isprintable() or clean(value) == value


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

    The value comes as a name (with or without ``prefix``, in any case) or as a number. Unspecified is
    "". A name that is not in ``numbers`` is returned unchanged; an unknown number is "#" and the
    number.
    """
    found = number(value)
    if found is not None:
        return "" if found == 0 else numbers.get(found, f"#{found}")
    if not isinstance(value, str):
        return ""
    name = text(value).strip().lower().removeprefix(prefix)
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
