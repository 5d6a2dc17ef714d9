"""Parsing a body: bytes to a JSON object, or the reason why they are none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sync.adapters.coalesce.message.fields import kind_of
from sync.domain.errors import Unreadable

# A real message is less than ten levels deep.
DEEPEST = 64
_DIGITS = 40
# A subject's id is two levels down: ``issue_created.issue.issue_id``.
_ENVELOPE = 2


def parse(body: bytes) -> Mapping[str, Any]:
    """The object in a body. If a key occurs twice, its last value counts. Raises Unreadable."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"the body is not UTF-8 (byte {error.start})") from None
    try:
        value = json.loads(text, parse_int=_whole, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise Unreadable(f"the body is not JSON ({where}: {error.msg})") from None
    except RecursionError:
        raise Unreadable(f"the body is nested more than {DEEPEST} levels deep") from None
    if _too_deep(text, value):
        raise Unreadable(f"the body is nested more than {DEEPEST} levels deep")
    if not isinstance(value, Mapping):
        raise Unreadable(f"the body is {kind_of(value)}, where an object should be")
    return value


def beginning(head: bytes) -> Mapping[str, Any]:
    """The complete members of a body that was cut off and, of an object in which the cut lies, its own
    complete members. Never raises."""
    return _members(head.decode("utf-8-sig", "ignore"), 0, _ENVELOPE)


def _members(text: str, start: int, depth: int) -> dict[str, Any]:
    """The complete members of the object that begins at ``start``, down to ``depth`` further levels."""
    found: dict[str, Any] = {}
    key = ""
    at = _skip(text, start)
    try:
        while text[at] in "{,":
            key, at = _lenient.raw_decode(text, _skip(text, at + 1))
            start = _skip(text, _skip(text, at) + 1)
            value, at = _lenient.raw_decode(text, start)
            at = _skip(text, at)
            # A number may go on behind the cut, so nothing is whole that ends with the text.
            if isinstance(key, str) and text[at] in ",}":
                found[key] = value
    except (ValueError, IndexError, RecursionError):
        if depth and text[start : start + 1] == "{" and isinstance(key, str) and key not in found:
            found[key] = _members(text, start, depth - 1)
    return found


def _skip(text: str, at: int) -> int:
    """The place of the next character that is no white space."""
    return len(text) - len(text[at:].lstrip()) if text[at : at + 1].isspace() else at


def _whole(digits: str) -> int | str:
    # Python refuses to read numbers of thousands of digits; no field needs one as a number.
    return int(digits) if len(digits) <= _DIGITS else digits[:_DIGITS]


def _no_number(_name: str) -> None:
    """NaN and the infinities, which JSON does not allow, are read as null."""


_lenient = json.JSONDecoder(parse_int=_whole, parse_constant=_no_number)


def _too_deep(text: str, value: Any) -> bool:
    if text.count("{") + text.count("[") <= DEEPEST:
        return False
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)
