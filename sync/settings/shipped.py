"""Files that come with the program: from the wheel, or from the checkout it runs in."""

from __future__ import annotations

from pathlib import Path

import sync

_PACKAGE = Path(sync.__file__).resolve().parent


def shipped(name: str) -> Path:
    """The path of ``mappings`` or ``config.example.toml`` as they were released."""
    packed = _PACKAGE / "_shipped" / name
    return packed if packed.exists() else _PACKAGE.parent / name
