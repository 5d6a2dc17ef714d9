"""Files that come with the program, in the wheel or in the checkout that it runs from."""

from __future__ import annotations

from pathlib import Path

import sync

_PACKAGE = Path(sync.__file__).resolve().parent


def shipped(name: str) -> Path:
    """The path of ``mappings``, ``docs`` or ``config.example.toml``, as released with the program."""
    packed = _PACKAGE / "_shipped" / name
    return packed if packed.exists() else _PACKAGE.parent / name
