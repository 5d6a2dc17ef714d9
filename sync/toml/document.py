"""A TOML file, read once: its text, its data, and the line of each key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from sync.toml.mistakes import Mistakes, Position
from sync.toml.positions import Path, Positions, positions
from sync.toml.syntax import explained


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read. ``file`` is the name that messages use for it."""

    file: str
    text: str = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)
    positions: Positions = field(repr=False)

    def position(self, path: Path) -> Position:
        """The line of the key at ``path``; of the table that would hold the key, where the key is
        missing."""
        return Position(self.file, self.positions.line(path))

    def text_position(self, path: Path) -> Position:
        """The line of the first line of the text at ``path``."""
        return Position(self.file, self.positions.text(path))


def text_of(path: FilePath, file: str, mistakes: Mistakes) -> str | None:
    """The text of a file, named ``file`` in messages. None where it cannot be read: that is recorded
    as a mistake."""
    try:
        content = path.read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        mistakes.add(Position(file), "", f"cannot be read: {why}", "Check path and rights.")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        mistakes.add(Position(file, line), "", "is not UTF-8 text", "Save it as UTF-8.")
        return None


def read(file: str, text: str, mistakes: Mistakes) -> Document | None:
    """The document of a text. None where the text is not TOML: that is recorded as a mistake."""
    try:
        return Document(file, text, tomllib.loads(text), positions(text))
    except tomllib.TOMLDecodeError as error:
        line, problem, remedy = explained(text, error)
        mistakes.add(Position(file, line), "", problem, remedy)
    except RecursionError:
        problem = "has lists or tables within each other, hundreds deep"
        mistakes.add(Position(file), "", problem, "Nothing here is nested so deep; remove them.")
    except ValueError:
        # Python refuses numbers of thousands of digits, and does not say where the number stands.
        digits = re.search(r"[0-9_]{4000,}", text)
        line = text.count("\n", 0, digits.start()) + 1 if digits else 0
        problem = "has a number of thousands of digits"
        mistakes.add(Position(file, line), "", problem, "No value is so large; correct it.")
    return None
