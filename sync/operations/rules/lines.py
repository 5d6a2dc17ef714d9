"""Texts as lines, and how two texts differ.

Lines that stand in a long text very often, such as empty ones, are matched only beside others: to
compare all of them with all would take seconds.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass


def lines_of(text: str) -> list[str]:
    """The lines of a text with their ends. Only a line feed ends a line, as for TOML and for git."""
    found = [f"{line}\n" for line in text.split("\n")]
    last = found.pop()[:-1]
    return [*found, last] if last else found


def with_ends_of(text: str, known: str) -> str:
    """The text with the line ends of another: browsers send CRLF whatever the file has."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return plain.replace("\n", "\r\n") if "\r\n" in known else plain


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a comparison: ``sign`` is "+", "-" or " "; ``old`` and ``new`` are the numbers of the
    line on both sides, 0 where it is not there."""

    sign: str
    text: str
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class FileDiff:
    """How one file differs. ``state`` is "changed", "new" or "removed". ``hunks`` are the parts that
    differ, with three lines around each. ``added`` and ``gone`` count lines."""

    name: str
    state: str
    hunks: tuple[tuple[DiffLine, ...], ...]
    added: int
    gone: int


def differing(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[FileDiff, ...]:
    """The files that differ between two sets of texts by name."""
    return tuple(
        file_diff(name, old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def file_diff(name: str, old: str | None, new: str | None) -> FileDiff:
    """How the text of a file differs; None stands for no file."""
    before, after = lines_of(old or ""), lines_of(new or "")
    state = "new" if old is None else "removed" if new is None else "changed"
    matcher = difflib.SequenceMatcher(None, before, after)
    hunks = tuple(
        tuple(line for code in group for line in _lines(code, before, after))
        for group in matcher.get_grouped_opcodes(3)
    )
    flat = [line.sign for hunk in hunks for line in hunk]
    return FileDiff(name, state, hunks, flat.count("+"), flat.count("-"))


def _lines(
    code: tuple[str, int, int, int, int], before: list[str], after: list[str]
) -> list[DiffLine]:
    tag, i1, i2, j1, j2 = code
    if tag == "equal":
        pairs = zip(range(i1, i2), range(j1, j2), strict=True)
        return [DiffLine(" ", _shown(before[i]), i + 1, j + 1) for i, j in pairs]
    return [
        *(DiffLine("-", _shown(before[i]), i + 1, 0) for i in range(i1, i2)),
        *(DiffLine("+", _shown(after[j]), 0, j + 1) for j in range(j1, j2)),
    ]


def _shown(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def changed_lines(old: str, new: str) -> tuple[int, ...]:
    """The numbers of the lines of ``new`` that differ from ``old``; a line after which lines are gone
    counts."""
    before, after = lines_of(old), lines_of(new)
    found: set[int] = set()
    matcher = difflib.SequenceMatcher(None, before, after)
    for tag, _, _, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            found.update(range(j1 + 1, j2 + 1) if j2 > j1 else [max(j1, 1)])
    return tuple(sorted(found))
