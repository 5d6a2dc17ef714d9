"""Mistakes and warnings of an edit, as one kind of value: where, what is wrong, what to do.

``quick`` reads the texts alone. ``names`` also holds them against Jira.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sync.rules import Defaults, RuleErrors, RuleSet, Texts, parse
from sync.toml import Mistake

MISTAKE, WARNING = "mistake", "warning"
_COLUMN = re.compile(r" \(column (\d+)\)")
_MEANT = re.compile(r"Did you mean ((?:'[^']+'(?: or )?)+)\?")
_SAID = re.compile(
    r"(?:cannot be|must be [^,]*, not|there is no [a-z ]+?|is no) '([^']*)'|^'([^']*)'"
)


@dataclass(frozen=True, slots=True)
class Fix:
    """A press that mends a mistake: the characters from ``column`` to ``end`` (from 1, ``end`` not
    included) of the line ``line`` become ``text``."""

    label: str
    line: int
    column: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """One mistake or warning (``level``). ``line`` is 0 for the file as a whole; ``column`` and ``end``
    (from 1) tell which part of the line is meant, 0 where that is not known. ``words`` is the whole
    sentence, as on the command line. ``source`` is "rules", or the site that was asked."""

    level: str
    file: str
    line: int
    column: int
    end: int
    key: str
    what: str
    remedy: str
    fixes: tuple[Fix, ...]
    words: str
    source: str = "rules"


@dataclass(frozen=True, slots=True)
class Read:
    """What reading texts gave: the rules, None where there are mistakes."""

    rules: RuleSet | None
    told: tuple[Told, ...]


def quick(texts: Texts, defaults: Defaults) -> Read:
    """Read the texts of rule files; asks nobody."""
    try:
        rules = parse(texts.by_name, defaults, texts.mistakes)
    except RuleErrors as error:
        return Read(None, tuple(told_of(error.mistakes, texts.by_name, MISTAKE)))
    return Read(rules, tuple(told_of(rules.warnings, texts.by_name, WARNING)))


def told_of(mistakes: Iterable[Mistake], texts: Mapping[str, str], level: str) -> list[Told]:
    """Mistakes in the rules, for an editor."""
    return [_told(one, texts.get(one.file, ""), level) for one in mistakes]


def _told(one: Mistake, text: str, level: str) -> Told:
    line = _line(text, one.line)
    column, end = _place(line, one)
    what = f"{one.key}: {one.problem}" if one.key else one.problem
    fixes = _fixes(line, one)
    if not column and fixes:
        column, end = fixes[0].column, fixes[0].end
    shown = f"{what}.", one.remedy
    return Told(level, one.file, one.line, column, end, one.key, *shown, tuple(fixes), str(one))


def _line(text: str, number: int) -> str:
    lines = text.split("\n")
    return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""


def _place(line: str, one: Mistake) -> tuple[int, int]:
    """The columns that a mistake is about, (0, 0) where they are not known."""
    if found := _COLUMN.search(one.problem):
        column = min(int(found[1]), len(line) + 1)
        return column, max(column + 1, len(line) + 1)
    return _found(line, _wrong(one)) or _found(line, one.key.rpartition(".")[2]) or (0, 0)


def _wrong(one: Mistake) -> str:
    """The value that a mistake is about, or the misspelt key."""
    if "is not a " in one.problem and one.problem.endswith("here"):
        return one.key.rpartition(".")[2]
    if found := _SAID.search(one.problem):
        return found[1] or found[2] or ""
    return ""


def _found(line: str, word: str) -> tuple[int, int] | None:
    """Where a word stands in a line, if it stands there once."""
    if not word:
        return None
    places = [m.start() for m in re.finditer(rf"(?<![\w-]){re.escape(word)}(?![\w-])", line)]
    return (places[0] + 1, places[0] + 1 + len(word)) if len(places) == 1 else None


def _fixes(line: str, one: Mistake) -> list[Fix]:
    meant, place = _MEANT.search(one.remedy), _found(line, _wrong(one))
    if meant is None or place is None or "belongs in" in one.remedy:
        return []
    return [
        Fix(f"Did you mean {word}", one.line, *place, word)
        for word in re.findall(r"'([^']+)'", meant[1])
        if '"' not in word and "\\" not in word
    ]
