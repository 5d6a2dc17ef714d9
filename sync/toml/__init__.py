"""TOML files that people write: read once, and every mistake in them put into words.

config.toml and the rule files share this room: mistakes with file, line, key and remedy, the lines of
keys, pydantic's findings in words, and suggestions for misspelt words.
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
