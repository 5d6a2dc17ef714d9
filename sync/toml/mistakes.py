"""Mistakes in a file that a person wrote: where, which key, what is wrong, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sync.domain.text import cut


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A line of a file, from 1. Line 0 stands for the file as a whole."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake. ``key`` is written as in the file, with its tables, and "" for the file as a whole.
    ``file`` is the name of a file, or ``environment variable NAME``; ``line`` counts as in Position."""

    file: str
    line: int
    key: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        what = f"{self.key}: {self.problem}" if self.key else self.problem
        text = f"{Position(self.file, self.line)}: {what}".rstrip(".") + "."
        return f"{text} {self.remedy}".rstrip()


class MistakesFound(Exception):
    """The files cannot be used. ``mistakes`` holds every mistake that was found, in reading order."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


class Wrong(ValueError):
    """A value cannot be used; the caller that knows where the value stands makes a Mistake of it.

    ``key`` is a key within the value, ``line`` a line within the value, from 0. It is a ValueError,
    because pydantic's validators may raise only such.
    """

    def __init__(self, problem: str, remedy: str = "", *, key: str = "", line: int = 0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.key = key
        self.line = line


class Mistakes:
    """Collects mistakes. A mistake that many rules inherit is reported once."""

    def __init__(self) -> None:
        self._found: dict[Mistake, None] = {}

    def add(self, at: Position, key: str, problem: str, remedy: str = "") -> None:
        self._found.setdefault(Mistake(at.file, at.line, key, problem, remedy))

    def wrong(self, at: Position, key: str, wrong: Wrong) -> None:
        """Record a mistake in the value of ``key``, which begins at ``at``."""
        line = at.line + wrong.line if at.line else 0
        called = f"{key}.{wrong.key}" if wrong.key else key
        self.add(Position(at.file, line), called, wrong.problem, wrong.remedy)

    def __bool__(self) -> bool:
        return bool(self._found)

    def listed(self) -> list[Mistake]:
        """Every mistake, by file, line and key."""
        return sorted(self._found)


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The known word that a misspelt word probably stands for, or ""."""
    by_fold = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=cutoff)
    return by_fold[close[0]] if close else ""


def meant(word: str, known: Iterable[str]) -> str:
    """``Did you mean 'x'?``, or the list of the known words."""
    names = list(known)
    close = nearest(word, names)
    if close:
        return f"Did you mean {close!r}?"
    return f"Known here: {', '.join(names)}." if names else ""


def cannot_be(value: object, known: Iterable[str]) -> Wrong:
    """A mistake: the value is none of the known words."""
    return Wrong(f"cannot be {said(value)}", meant(str(value), known))


def said(value: object) -> str:
    """A wrong value as messages show it: as TOML writes it, in at most 60 characters."""
    try:
        return cut(_as_toml(value), 60)
    except (RecursionError, ValueError):
        # Python cannot print tables that are hundreds of levels deep, or numbers of thousands of digits.
        return "a value too large to show"


def _as_toml(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {_as_toml(one)}" for key, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_as_toml, value))}]"
    return repr(value)
