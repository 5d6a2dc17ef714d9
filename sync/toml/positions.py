"""The line of each key in a TOML text. The text is valid: tomllib has read it before."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\s#]+(?: \d[^,\]}\s#]*)?")
_STRINGS = (
    re.compile(r'"""(?:\\.|[^\\])*?"""(?:"{0,2})', re.S),
    re.compile(r"'''.*?'''(?:'{0,2})", re.S),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)


class _Scanner:
    """Reads a TOML text from its beginning to its end, and notes in which line each key stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.found: dict[Path, int] = {}
        self.texts: dict[Path, int] = {}
        self.arrays: dict[Path, int] = {}

    def to(self, end: int) -> str:
        """Move on to ``end``. Returns the text in between."""
        passed = self.text[self.at : end]
        self.line += passed.count("\n")
        self.at = end
        return passed

    def blank(self) -> None:
        match = _BLANK.match(self.text, self.at)
        self.to(match.end() if match else self.at)

    def sees(self, what: str) -> bool:
        return self.text.startswith(what, self.at)

    def string(self) -> str | None:
        for pattern in _STRINGS:
            if match := pattern.match(self.text, self.at):
                return self.to(match.end())
        return None

    def key(self) -> Path:
        parts: list[str] = []
        while True:
            self.blank()
            quoted = self.string() if self.text[self.at] in "\"'" else None
            if quoted is not None:
                parts.append(str(tomllib.loads(f"k = {quoted}")["k"]))
            elif match := _BARE.match(self.text, self.at):
                parts.append(self.to(match.end()))
            self.blank()
            if not self.sees("."):
                return tuple(parts)
            self.to(self.at + 1)

    def note(self, path: Path, line: int, *, since: int = 1) -> None:
        for length in range(since, len(path) + 1):
            self.found.setdefault(path[:length], line)

    def pair(self, table: Path) -> None:
        line, path = self.line, table + self.key()
        self.note(path, line, since=len(table) + 1)
        self.to(self.at + 1)  # the equals sign
        self.blank()
        self.value(path)

    def value(self, path: Path) -> None:
        if self.sees("["):
            self.items(path)
        elif self.sees("{"):
            self.pairs(path)
        else:
            self.plain(path)

    def plain(self, path: Path) -> None:
        line, opening = self.line, self.text[self.at : self.at + 5]
        if self.string() is not None:
            # A line break right after the opening quotes is not part of the text.
            self.texts[path] = line + bool(re.match(r"(?:\"\"\"|''')\r?\n", opening))
        elif match := _SCALAR.match(self.text, self.at):
            self.to(match.end())

    def items(self, path: Path) -> None:
        self.to(self.at + 1)
        number = 0
        while True:
            self.blank()
            if self.sees("]"):
                self.to(self.at + 1)
                return
            self.note((*path, number), self.line, since=len(path) + 1)
            self.value((*path, number))
            number += 1
            self.blank()
            if self.sees(","):
                self.to(self.at + 1)

    def pairs(self, path: Path) -> None:
        self.to(self.at + 1)
        while True:
            self.blank()
            if self.sees("}"):
                self.to(self.at + 1)
                return
            self.pair(path)
            self.blank()
            if self.sees(","):
                self.to(self.at + 1)

    def resolved(self, path: Path) -> Path:
        """A table header's path, with the numbers of the tables in arrays filled in."""
        done: Path = ()
        for part in path:
            done = (*done, part)
            if done in self.arrays:
                done = (*done, self.arrays[done])
        return done

    def header(self) -> Path:
        line = self.line
        array = self.sees("[[")
        self.to(self.at + (2 if array else 1))
        keys = self.key()
        self.to(self.at + (2 if array else 1))
        if not array:
            table = self.resolved(keys)
        else:
            name = (*self.resolved(keys[:-1]), keys[-1])
            self.arrays[name] = self.arrays.get(name, -1) + 1
            table = (*name, self.arrays[name])
        self.note(table, line)
        return table

    def scan(self) -> Positions:
        table: Path = ()
        while True:
            self.blank()
            if self.at >= len(self.text):
                return Positions(self.found, self.texts)
            if self.sees("["):
                table = self.header()
            else:
                self.pair(table)


@dataclass(frozen=True, slots=True)
class Positions:
    """Lines by path, from 1: where each key begins, and where each text's first line is.

    ``[[rule]]`` tables and the items of lists are numbered from 0.
    """

    keys: Mapping[Path, int]
    texts: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of a key; of the table that holds the key, where the key is missing; 0 where both
        are."""
        while path:
            if path in self.keys:
                return self.keys[path]
            path = path[:-1]
        return 0

    def text(self, path: Path) -> int:
        """The line of the first line of a text."""
        return self.texts.get(path) or self.line(path)


def positions(text: str) -> Positions:
    """The lines of everything in a valid TOML text. The time is linear in the length of the text."""
    return _Scanner(text).scan()
