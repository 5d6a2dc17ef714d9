"""Patterns of conditions: text, ``glob*``, ``/regex/`` and ``/regex/i``."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from sync.toml import Wrong

# How many lines of a text a regex searches, and how many characters of each, by the number of its
# open-ended repeats. Python's engine may take n ** (repeats + 1) steps for n characters, about 10^9
# steps a second: these limits keep the worst text within seconds, and usual ones within microseconds.
REACH = {0: (200, 1_000), 1: (200, 1_000), 2: (20, 1_000), 3: (10, 300)}

_REGEX = re.compile(r"/(.*)/([a-z]*)", re.S)
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern. ``literal`` is the case-folded text of a plain pattern, None for others."""

    source: str
    test: Callable[[str], bool]
    literal: str | None = None


def _inner(args: Any) -> Iterator[Any]:
    """The sub-patterns in the arguments of a node."""
    for arg in args if isinstance(args, tuple | list) else (args,):
        if isinstance(arg, parser.SubPattern):
            yield arg
        elif isinstance(arg, tuple | list):
            yield from _inner(arg)


def _endless(pattern: Any, inside: bool = False) -> int:
    """The number of repeats without an upper limit. Raises Wrong for such a repeat within another."""
    count = 0
    for op, args in pattern:
        repeats = op in _REPEATS and args[1] is codes.MAXREPEAT
        if repeats and inside:
            raise Wrong(
                "has a repeat inside a repeat, which can take for ever on some texts",
                "Write it with one repeat, as in /[a-z_]+/ instead of /([a-z]+_?)+/.",
            )
        varies = op in _REPEATS and args[1] is not codes.MAXREPEAT and args[0] != args[1]
        if inside and varies and args[1] > 1:
            raise Wrong(
                "has a repeat inside a repeat, which can take for ever on some texts",
                "Give one of them an exact number, or write it with one repeat.",
            )
        count += repeats
        for part in _inner(args):
            count += _endless(part, inside or repeats)
    return count


def _regex(source: str, body: str, flags: str) -> Pattern:
    if set(flags) - {"i"}:
        raise Wrong(f"{source!r} ends with {flags!r}", "After the last / only i may stand.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            tree = parser.parse(body)
            compiled = re.compile(body, re.IGNORECASE if flags else 0)
    except (re.error, OverflowError, RecursionError) as error:
        words = error.msg if isinstance(error, re.error) else str(error)
        at = error.pos if isinstance(error, re.error) else None
        where = f" at character {at + 1}" if at is not None else ""
        raise Wrong(
            f"{source!r} is not a regular expression: {words}{where}",
            "Correct it, or leave out the slashes for plain text with * and ?.",
        ) from None
    try:
        endless = _endless(tree)
    except Wrong as fault:
        raise Wrong(f"{source!r} {fault.problem}", fault.remedy) from None
    if endless not in REACH:
        raise Wrong(
            f"{source!r} has {endless} open-ended repeats, which can take very long",
            f"Use at most {max(REACH)} of * and +; several conditions can each have their own.",
        )

    lines, characters = REACH[endless]

    def test(text: str) -> bool:
        return any(
            compiled.search(line[:characters]) is not None
            for line in text.split("\n", lines)[:lines]
        )

    return Pattern(source, test)


def _glob(source: str) -> Pattern:
    # Each star takes the first place where the next piece fits and never comes back, so the time
    # is linear in the text.
    pieces = ["".join("." if c == "?" else re.escape(c) for c in p) for p in source.split("*")]
    first, *middle, last = [piece.casefold() for piece in pieces]
    body = first + "".join(f"(?>.*?{piece})" for piece in middle if piece) + f".*{last}"
    compiled = re.compile(body, re.S)
    return Pattern(source, lambda text: compiled.fullmatch(text.casefold()) is not None)


def pattern(source: str) -> Pattern:
    """Compile one pattern. Raises Wrong for one that cannot be used."""
    if len(source) > 1 and (match := _REGEX.fullmatch(source)):
        return _regex(source, match[1], match[2])
    if "*" in source:
        return _glob(source)
    literal = source.casefold()
    if "?" in source:
        compiled = re.compile("".join("." if c == "?" else re.escape(c) for c in literal), re.S)
        return Pattern(source, lambda text: compiled.fullmatch(text.casefold()) is not None)
    return Pattern(source, lambda text: text.casefold() == literal, literal)


@dataclass(frozen=True, slots=True)
class Patterns:
    """Alternatives: one of them must match one of the values. Empty values never match."""

    all: tuple[Pattern, ...]

    def hold(self, values: Iterable[str]) -> bool:
        return any(value and p.test(value) for value in values for p in self.all)

    @property
    def literals(self) -> tuple[str, ...] | None:
        """The case-folded texts of the patterns; None where one is not plain."""
        found = [p.literal for p in self.all]
        return tuple(x for x in found if x is not None) if None not in found else None

    def __str__(self) -> str:
        return " or ".join(repr(p.source) for p in self.all)
