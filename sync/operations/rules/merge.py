"""Two edits of one text, brought together line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from sync.operations.rules.lines import lines_of

MINE, BETWEEN, THEIRS = "<<<<<<< mine", "=======", ">>>>>>> theirs"


@dataclass(frozen=True, slots=True)
class Merged:
    """Both edits in one text. ``conflicts`` counts the places that both changed: there the text has
    both, between marks, and cannot be read as rules until a person has chosen."""

    text: str
    conflicts: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines of both sides between two places where all three texts are the same. ``same``: such a
    place."""

    base: list[str]
    mine: list[str]
    theirs: list[str]
    same: bool = False


def merge(base: str, mine: str, theirs: str) -> Merged:
    """Put ``mine`` on top of ``theirs``, which both began from ``base``."""
    if mine == theirs or theirs == base:
        return Merged(mine, 0)
    if mine == base:
        return Merged(theirs, 0)
    found: list[str] = []
    conflicts = 0
    for part in _parts(lines_of(base), lines_of(mine), lines_of(theirs)):
        if part.same or part.mine == part.theirs or part.theirs == part.base:
            found += part.mine
        elif part.mine == part.base:
            found += part.theirs
        else:
            conflicts += 1
            found += _marked(part)
    return Merged(_joined(found), conflicts)


def is_marked(text: str) -> bool:
    """Whether a text still has places to choose from."""
    return any(line.rstrip("\r") in (MINE, THEIRS) for line in text.split("\n"))


def theirs_and_mine(base: str, mine: str, theirs: str) -> tuple[list[int], list[int], list[int]]:
    """The lines of the common text that they changed, that I changed, and that both did, from 1. Lines
    that were added count with the line before them."""
    they, me, both = [], [], []
    line = 1
    for part in _parts(lines_of(base), lines_of(mine), lines_of(theirs)):
        here = list(range(line, line + len(part.base))) or [max(line - 1, 1)]
        if not part.same:
            changed_by_me, changed_by_them = part.mine != part.base, part.theirs != part.base
            if changed_by_me and changed_by_them and part.mine != part.theirs:
                both += here
            else:
                me += here if changed_by_me else []
                they += here if changed_by_them else []
        line += len(part.base)
    return they, me, both


def _parts(base: list[str], mine: list[str], theirs: list[str]) -> Iterator[_Part]:
    """The texts in parts. Edits that touch each other are in one part."""
    kept = zip(range(len(base)), _partners(base, mine), _partners(base, theirs), strict=True)
    # Lines that both sides kept, and the ends of the texts.
    places = [(b, m, t) for b, m, t in kept if m is not None and t is not None]
    b = m = t = 0
    for to_b, to_m, to_t in [*places, (len(base), len(mine), len(theirs))]:
        if (b, m, t) != (to_b, to_m, to_t):
            yield _Part(base[b:to_b], mine[m:to_m], theirs[t:to_t])
        if same := base[to_b : to_b + 1]:
            yield _Part(same, same, same, same=True)
        b, m, t = to_b + 1, to_m + 1, to_t + 1


def _partners(base: list[str], other: list[str]) -> list[int | None]:
    """For each line of the base, the line of another text that it became unchanged."""
    found: list[int | None] = [None] * len(base)
    matcher = difflib.SequenceMatcher(None, base, other)
    for block in matcher.get_matching_blocks():
        for number in range(block.size):
            found[block.a + number] = block.b + number
    return found


def _marked(part: _Part) -> list[str]:
    end = "\r\n" if any(line.endswith("\r\n") for line in (*part.mine, *part.theirs)) else "\n"
    return [
        f"{MINE}{end}",
        *_closed(part.mine, end),
        f"{BETWEEN}{end}",
        *_closed(part.theirs, end),
        f"{THEIRS}{end}",
    ]


def _closed(lines: list[str], end: str) -> list[str]:
    """Lines of which the last one ends, so that a mark can follow."""
    return [line if line.endswith("\n") else line + end for line in lines]


def _joined(lines: list[str]) -> str:
    """Lines as one text. Only the last line of a text may lack its end."""
    return "".join([*_closed(lines[:-1], "\n"), *lines[-1:]])
