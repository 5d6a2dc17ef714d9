"""TOML files that people write: read once, every mistake named in words.

``config.toml`` and the rule files share this room: a mistake with its file, line, key and remedy, the
positions of keys, pydantic's findings in words, and hints at what was probably meant.
"""

from sync.toml.document import Document, read, text_of
from sync.toml.mistakes import (
    Mistake,
    Mistakes,
    MistakesFound,
    Position,
    Wrong,
    cannot_be,
    meant,
    nearest,
    said,
)
from sync.toml.positions import Path

__all__ = [
    "Document",
    "Mistake",
    "Mistakes",
    "MistakesFound",
    "Path",
    "Position",
    "Wrong",
    "cannot_be",
    "meant",
    "nearest",
    "read",
    "said",
    "text_of",
]
