"""Mistakes in rule files, in words: where, which key, what is wrong, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file, from 1. Line 0 stands for the file as a whole."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class RuleError:
    """One mistake. ``key`` is the key as it is written, with the tables it is in."""

    file: str
    line: int
    key: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        what = f"{self.key}: {self.problem}" if self.key else self.problem
        text = f"{Place(self.file, self.line)}: {what}".rstrip(".") + "."
        return f"{text} {self.remedy}".rstrip()


class RuleErrors(Exception):
    """The rules cannot be used. ``errors`` has every mistake of every file, in reading order."""

    def __init__(self, errors: Sequence[RuleError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(map(str, self.errors)))


class Wrong(Exception):
    """A value cannot be used; whoever knows the place makes a RuleError of it.

    ``line`` counts lines into the value, from 0.
    """

    def __init__(self, problem: str, remedy: str = "", *, key: str = "", line: int = 0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.key = key
        self.line = line


class Mistakes:
    """Collects mistakes. One that many rules inherit is reported once."""

    def __init__(self) -> None:
        self._found: dict[RuleError, None] = {}

    def add(self, place: Place, key: str, problem: str, remedy: str = "") -> None:
        self._found.setdefault(RuleError(place.file, place.line, key, problem, remedy))

    def wrong(self, place: Place, key: str, fault: Wrong) -> None:
        """Record ``fault`` of the value of ``key``, which begins at ``place``."""
        at = Place(place.file, place.line + fault.line) if place.line else place
        self.add(at, f"{key}.{fault.key}" if fault.key else key, fault.problem, fault.remedy)

    def __bool__(self) -> bool:
        return bool(self._found)

    def listed(self) -> list[RuleError]:
        return sorted(self._found)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or ""."""
    by_fold = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[close[0]] if close else ""


def meant(word: str, known: Iterable[str]) -> str:
    """``Did you mean 'x'?``, or the list of what there is."""
    names = list(known)
    close = nearest(word, names)
    if close:
        return f"Did you mean {close!r}?"
    return f"Known here: {', '.join(names)}." if names else ""


def said(value: object, limit: int = 60) -> str:
    """A wrong value as it may be shown."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
