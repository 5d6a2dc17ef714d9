"""Amounts: conditions on a number, such as ``">= 10"``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sync.toml import Wrong, said

_COMPARED: dict[str, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "": operator.eq,
}
_WRITTEN = re.compile(r"\s*(>=|<=|>|<|)\s*([0-9]{1,9})\s*", re.ASCII)
_REMEDY = 'Write a number, as 0, or a comparison: ">= 10", "> 10", "<= 10" or "< 10".'


@dataclass(frozen=True, slots=True)
class Amount:
    """What a number must be. Prints itself as it is written."""

    sign: str
    number: int

    def holds(self, number: int) -> bool:
        """Whether a number is as it must be."""
        return _COMPARED[self.sign](number, self.number)

    def __str__(self) -> str:
        return f"{self.sign} {self.number}".strip()


def amount(value: Any) -> Amount:
    """The amount that a rule file writes. Raises Wrong.

    >>> str(amount(">=10"))
    '>= 10'
    """
    written = value if isinstance(value, str) else str(value) if type(value) is int else ""
    found = _WRITTEN.fullmatch(written)
    if found is None:
        raise Wrong(f"must be a number or a comparison with one, not {said(value)}", _REMEDY)
    return Amount(found[1], int(found[2]))
