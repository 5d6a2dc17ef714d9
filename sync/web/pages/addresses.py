"""Addresses with filters and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from sync.operations.errors import NotFound


def address(path: str, filters: Mapping[str, object], **changed: object) -> str:
    """A path with these filters, some of them changed; empty ones are left out."""
    asked = {
        name: value for name, value in {**filters, **changed}.items() if value not in ("", 0, None)
    }
    return f"{path}?{urlencode(asked)}" if asked else path


def number_in(text: str, what: str) -> int:
    """The number of a row in an address. Raises NotFound for what is none."""
    # The largest integer of SQLite has 19 digits.
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFound(f"{text!r} is no number of {what}.")
    return int(text)
