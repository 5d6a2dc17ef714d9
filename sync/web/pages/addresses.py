"""Addresses with filters."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode


def address(path: str, filters: Mapping[str, object], **changed: object) -> str:
    """A path with these filters, some of them changed; empty ones are left out."""
    asked = {
        name: value for name, value in {**filters, **changed}.items() if value not in ("", 0, None)
    }
    return f"{path}?{urlencode(asked)}" if asked else path
