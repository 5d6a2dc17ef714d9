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
        mistakes.add(*_not_toml(file, text, error))
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


# What people usually did wrong, and the remedy, by what the parser says about it.
_TOML = {
    "Invalid value": ("a value is missing, or text stands without quotes", "Put text in quotes."),
    "Illegal character '\\n'": ("a text has no closing quote", "Close it on the same line."),
    "Cannot overwrite a value": ("a key is written twice", "Keep one of them."),
    "Unclosed array": ("a list has no closing bracket", "Close it with ]."),
    "Unclosed inline table": ("an inline table has no closing brace", "Close it with }."),
    "Unterminated string": ("a text has no closing quotes", "Close it as it was opened."),
    "Expected '=' after a key in a key/value pair": ("a key has no =", "Write key = value."),
}


def _not_toml(
    file: str, text: str, error: tomllib.TOMLDecodeError
) -> tuple[Position, str, str, str]:
    """Position, key, problem and remedy of a syntax error in the file."""
    words = str(error)
    found = re.search(r" \((?:at line (\d+), column (\d+)|at end of document)\)$", words)
    words = words[: found.start()] if found else words
    at = found[1] if found else None
    where = f" (column {found[2]})" if found and at else " (at the end of the file)"
    usual = words[:1].lower() + words[1:]
    problem, remedy = _TOML.get(words, (usual, "Tables stand in brackets, text in quotes."))
    line = int(at) if at else max(len(text.splitlines()), 1)
    return Position(file, line), "", f"is not TOML: {problem}{where}", remedy
