"""Patterns of conditions: text, ``glob*``, ``/regex/`` and ``/regex/i``.

A regular expression may take longer on some texts than anyone can wait, and no check of the expression
finds all of those that can. Each search therefore has a limit of time. A search that does not end
within it is undecided: it says neither that the pattern holds nor that it does not.
"""

from __future__ import annotations

import hashlib
import re
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

import regex

from sync.domain.errors import Cause, Rejected
from sync.domain.remembered import Remembered
from sync.domain.text import cut, one_line
from sync.rules import dialect
from sync.toml import Wrong

# Seconds of a search's first try, which does not release the GIL. Nearly all searches end within
# microseconds, and releasing the GIL and taking it again would cost them far more.
FIRST_TRY = 0.005
# Seconds of the second try, which releases the GIL, so that other threads can run.
SECOND_TRY = 1.0
# Seconds that one match may spend on searches that outlast their first try.
PATIENCE = 2.0
# Seconds for which a search that did not end is not tried again on the same text.
REMEMBERED = 600.0
_MOST_REMEMBERED = 1_000

T = TypeVar("T")

_REGEX = re.compile(r"/(.*)/([a-z]*)", re.S)
_OVER = (TimeoutError, MemoryError)


_FEWER = "Write the pattern with fewer repeats, as in /[a-z_]+/ instead of /([a-z]+_?)+/."


class Undecided(Rejected):
    """A search did not end in time, so nothing may be concluded from it: neither that the pattern holds
    nor that it does not. ``rule`` and ``site`` are those of the rule that asked, "" where none did.
    ``of_rule``: a rule asked, not a person."""

    def __init__(self, pattern: str, where: str, text: str, *, of_rule: bool = True) -> None:
        begin = cut(one_line(text[:200]), 60)
        so = "whether the rule matches is undecided" if of_rule else "what it finds is not known"
        again = " It is tried again when the rules or the text change, and from time to time."
        super().__init__(
            f"the search for {pattern} ({where}) did not end in time in the text {begin!r}, so {so}",
            cause=Cause.RULE,
            remedy=f"{_FEWER}{again if of_rule else ''}",
        )
        self.rule = ""
        self.site = ""


class Patience:
    """The time that the slow searches of one piece of work may take together. A search is slow if it
    outlasts its first try.

    Once the time is used up, no pattern that was slow before is searched for again.
    """

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        self.slow: set[Callable[[str], bool]] = set()


_PATIENCE: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextmanager
def patience(seconds: float = PATIENCE) -> Iterator[Patience]:
    """Within the block, all searches of this thread share one Patience. An inner block shares that of
    the outer one."""
    around = _PATIENCE.get()
    if around is not None:
        yield around
        return
    token = _PATIENCE.set(found := Patience(seconds))
    try:
        yield found
    finally:
        _PATIENCE.reset(token)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern. ``literal`` is the case-folded text of a plain pattern, None for others. ``test``
    raises Undecided."""

    source: str
    test: Callable[[str], bool]
    literal: str | None = None


class _Search:
    """The search for a regular expression in any line of a text, within limits of time."""

    def __init__(self, source: str, where: str, compiled: regex.Pattern[str]) -> None:
        self._source = source
        self._where = where
        self._compiled = compiled
        # By digest of a text: what a slow search found, None where it did not end; and until when that
        # is believed.
        self._known: Remembered[bytes, tuple[bool | None, float]] = Remembered(_MOST_REMEMBERED)

    def __call__(self, text: str) -> bool:
        found = self._remembered(text) if self._known else ()
        if found == ():
            found = self._searched(text)
        if found is None:
            raise Undecided(self._source, self._where, text)
        return bool(found)

    def _searched(self, text: str) -> bool | None:
        left = _PATIENCE.get() or Patience(PATIENCE)
        if left.left <= 0 and self in left.slow:
            return None
        try:
            return self._within(FIRST_TRY, text, concurrent=False)
        except _OVER:
            left.slow.add(self)
        seconds, began, found = min(SECOND_TRY, left.left), time.monotonic(), None
        with suppress(*_OVER):
            found = self._within(seconds, text, concurrent=True)
        left.left -= FIRST_TRY + time.monotonic() - began
        if found is not None or seconds == SECOND_TRY:
            self._remember(text, found)
        return found

    def _within(self, seconds: float, text: str, *, concurrent: bool) -> bool:
        until = time.monotonic() + seconds
        for line in text.split("\n"):
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if self._compiled.search(line, timeout=left, concurrent=concurrent) is not None:
                return True
        return False

    def _remembered(self, text: str) -> bool | tuple[()] | None:
        """What a slow search in this text found; ``()`` where nothing is known of it."""
        found, until = self._known.get(_digest(text)) or ((), 0.0)
        return found if until > time.monotonic() else ()

    def _remember(self, text: str, found: bool | None) -> None:
        until = float("inf") if found is not None else time.monotonic() + REMEMBERED
        self._known.put(_digest(text), (found, until))


class Extract:
    """The texts that the group of a regular expression finds: the group named ``group``, else the only
    one there is. Written as in Python, or as ``/regex/i``. Raises Wrong for one that cannot be used."""

    def __init__(self, source: str, where: str, group: str) -> None:
        whole = _REGEX.fullmatch(source) if len(source) > 1 else None
        body, flags = (whole[1], whole[2]) if whole else (source, "")
        self._compiled = _compiled(source, body, flags)
        self._source, self._where = source, where
        named = group in self._compiled.groupindex
        if not named and self._compiled.groups != 1:
            raise Wrong(
                f"{source!r} has {self._compiled.groups} groups",
                f"Put one part in parentheses, or name one: (?P<{group}>…). Other parts: (?:…).",
            )
        self._group = group if named else 1

    def __call__(self, text: str) -> list[str]:
        """What is found in a text, each once, line by line. Raises Undecided where that does not end
        within ``SECOND_TRY``."""
        until = time.monotonic() + SECOND_TRY
        found: dict[str, None] = {}
        try:
            for line in text.split("\n"):
                left = max(0.001, until - time.monotonic())
                for match in self._compiled.finditer(line, timeout=left, concurrent=True):
                    if one := (match[self._group] or "").strip():
                        found[one] = None
        except _OVER:
            raise Undecided(self._source, self._where, text, of_rule=False) from None
        return list(found)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()


def _compiled(source: str, body: str, flags: str) -> regex.Pattern[str]:
    if set(flags) - {"i"}:
        raise Wrong(f"{source!r} ends with {flags!r}", "After the last / only i may stand.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Python's own module says what a pattern is; `regex` only searches.
            known = re.compile(body, re.IGNORECASE if flags else 0)
            options = regex.V0 | (regex.IGNORECASE if flags else 0)
            return regex.compile(dialect.translated(body, known.flags), options)
    except (re.error, regex.error, OverflowError, RecursionError, MemoryError) as error:
        words = getattr(error, "msg", "") or str(error) or "it is too large"
        at = error.pos if isinstance(error, re.error) else None
        place = f" at character {at + 1}" if at is not None else ""
        raise Wrong(
            f"{source!r} is not a regular expression: {words}{place}",
            "Correct it, or leave out the slashes for plain text with * and ?.",
        ) from None


def _regex(source: str, body: str, flags: str, where: str) -> Pattern:
    return Pattern(source, _Search(source, where, _compiled(source, body, flags)))


def _glob(source: str) -> Pattern:
    # Each star takes the first place where the next piece fits and never comes back, so the time
    # is linear in the text.
    pieces = ["".join("." if c == "?" else re.escape(c) for c in p) for p in source.split("*")]
    first, *middle, last = [piece.casefold() for piece in pieces]
    body = first + "".join(f"(?>.*?{piece})" for piece in middle if piece) + f".*{last}"
    compiled = re.compile(body, re.S)
    return Pattern(source, lambda text: compiled.fullmatch(text.casefold()) is not None)


def pattern(source: str, where: str = "a rule") -> Pattern:
    """Compile one pattern, which is written at ``where`` (file and line). Raises Wrong for one that
    cannot be used."""
    if len(source) > 1 and (match := _REGEX.fullmatch(source)):
        return _regex(source, match[1], match[2], where)
    if "*" in source:
        return _glob(source)
    literal = source.casefold()
    if "?" in source:
        compiled = re.compile("".join("." if c == "?" else re.escape(c) for c in literal), re.S)
        return Pattern(source, lambda text: compiled.fullmatch(text.casefold()) is not None)
    return Pattern(source, lambda text: text.casefold() == literal, literal)


def any_holds(test: Callable[[T], bool], items: Iterable[T]) -> bool:
    """Whether the test holds for one of the items. An undecided test matters only where the test holds
    for no other item; then it is raised."""
    return _found(True, test, items)


def all_hold(test: Callable[[T], bool], items: Iterable[T]) -> bool:
    """Whether the test holds for all items. An undecided test matters only where the test holds for all
    others; then it is raised."""
    return not _found(False, test, items)


def _found(wanted: bool, test: Callable[[T], bool], items: Iterable[T]) -> bool:
    """Whether the test gives ``wanted`` for one of the items."""
    undecided: Undecided | None = None
    for item in items:
        try:
            if test(item) is wanted:
                return True
        except Undecided as fault:
            undecided = undecided or fault
    if undecided is not None:
        raise undecided
    return False


@dataclass(frozen=True, slots=True)
class Patterns:
    """Alternatives: one of them must match one of the values. Empty values never match."""

    all: tuple[Pattern, ...]

    def hold(self, values: Iterable[str]) -> bool:
        """Whether one of them does. Raises Undecided."""
        if len(self.all) == 1:
            return any_holds(self.all[0].test, filter(None, values))
        pairs = ((one, value) for value in values if value for one in self.all)
        return any_holds(lambda pair: pair[0].test(pair[1]), pairs)

    @property
    def literals(self) -> tuple[str, ...] | None:
        """The case-folded texts of the patterns; None where one is not plain."""
        found = [p.literal for p in self.all]
        return tuple(x for x in found if x is not None) if None not in found else None

    def __str__(self) -> str:
        return " or ".join(repr(p.source) for p in self.all)
