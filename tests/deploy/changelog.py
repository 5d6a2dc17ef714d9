"""What CHANGELOG.md says of versions."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "CHANGELOG.md").read_text("utf-8")
# What the first version will be called.
FIRST = "0.1.0"


def released() -> list[str]:
    """The versions that have a section, newest first."""
    return re.findall(r"^## \[(\d[^\]]*)\]", TEXT, re.M)


def newest_version() -> str:
    """The version that was released last; until there is one, the first."""
    return next(iter(released()), FIRST)
