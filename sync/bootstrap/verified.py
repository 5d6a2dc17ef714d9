"""One step of ``init --verify``: what was tried, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """``skipped``: the step could not be tried, or need not be, and ``words`` say why."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """What was tried, what came of it in words, and what to do, "" for nothing."""

    name: str
    result: Result
    words: str
    remedy: str = ""


def ok(name: str, words: str) -> Step:
    """A step that works."""
    return Step(name, Result.OK, words)


def failed(name: str, words: str, remedy: str = "") -> Step:
    """A step that does not work."""
    return Step(name, Result.FAILED, words, remedy)


def skipped(name: str, words: str, remedy: str = "") -> Step:
    """A step that was not tried."""
    return Step(name, Result.SKIPPED, words, remedy)
