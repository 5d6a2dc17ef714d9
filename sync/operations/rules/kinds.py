"""Kinds of change of a field, in words that are the same for many tickets.

Texts are compared by what was added and removed, not by what they say, so that "4 lines more at the end"
of many descriptions is one kind.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from sync.domain.actions import Change
from sync.domain.ticket import FieldKind, remembered
from sync.domain.wording import short

# A value with more characters is compared by what was added and removed.
_SHORT_VALUE = 40


def change_kind(change: Change) -> str:
    """What a field's change has in common with that of other tickets, in words."""
    if change.kind is FieldKind.LABELS:
        parts = [f"+ {label}" for label in change.add] + [f"− {label}" for label in change.remove]
        return f"{change.name}: {', '.join(parts)}"
    before, after = remembered(change.before), remembered(change.after)
    if change.kind is FieldKind.TEXT:
        return f"{change.name}: {text_kind(before or [], after or [])}"
    if _is_long(before) or _is_long(after):
        return f"{change.name}: {_affix_kind(str(before or ''), str(after or ''))}"
    return f"{change.name}: {short(before)} → {short(after)}"


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and (len(value) > _SHORT_VALUE or len(value.split()) > 4)


def text_kind(before: Sequence[str], after: Sequence[str]) -> str:
    """How a text of several lines changes, without saying what they say."""
    if not before or not after:
        return "empty now" if before else "written for the first time"
    matcher = difflib.SequenceMatcher(None, before, after)
    codes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    added = sum(j2 - j1 for _, _, _, j1, j2 in codes)
    gone = sum(i2 - i1 for _, i1, i2, _, _ in codes)
    if not codes:
        return "with other links"
    return f"{_counted(added, gone)}{_place(codes, len(before))}"


def changed_parts(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The lines that went, with "-", and those that came, with "+", place by place."""
    matcher = difflib.SequenceMatcher(None, before, after)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            yield from (("-", line) for line in before[i1:i2])
            yield from (("+", line) for line in after[j1:j2])


def _counted(added: int, gone: int) -> str:
    if added and gone:
        return f"{_lines_word(gone)} other" if added == gone else f"{gone} → {_lines_word(added)}"
    return f"{_lines_word(added)} more" if added else f"{_lines_word(gone)} less"


def _place(codes: Sequence[tuple[str, int, int, int, int]], length: int) -> str:
    if len(codes) > 1:
        return f" in {len(codes)} places"
    _, start, end, _, _ = codes[0]
    return " at the end" if end == length else " at the beginning" if start == 0 else ""


def _lines_word(number: int) -> str:
    return f"{number} {'line' if number == 1 else 'lines'}"


def _affix_kind(before: str, after: str) -> str:
    """How one long line changes: what it begins or ends with, or just that it does."""
    if not before or not after:
        return "empty now" if before else "written for the first time"
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    went, came = before[start : len(before) - end], after[start : len(after) - end]
    if start + end < min(len(before), len(after)) / 2 or max(len(went), len(came)) > _SHORT_VALUE:
        return "other words"
    place = " at the beginning" if not start else " at the end" if not end else ""
    if went and came:
        return f"“{went}” → “{came}”{place}"
    return f"{'+' if came else '−'} “{came or went}”{place}"


def _common(left: str, right: str) -> int:
    most = min(len(left), len(right))
    return next((at for at in range(most) if left[at] != right[at]), most)
