"""The lines of crontab that the schedule takes: minute, hour, day, month, weekday."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()

    def number(self, text: str | None) -> int | None:
        """The number that a text stands for; None for no text, -1 for a text that is no number or name
        of this field."""
        if text is None:
            return None
        if text.lower() in self.names:
            return self.names.index(text.lower()) + self.least
        return int(text) if text.isdecimal() and len(text) < 4 else -1

    def takes(self, part: str) -> bool:
        if part.lower() == "last" and self.name == "day":
            return True
        found = _PART.fullmatch(part)
        if found is None:
            return False
        first, last, step = map(self.number, found.group("first", "last", "step"))
        if len({text.isdecimal() for text in found.group("first", "last") if text}) > 1:
            # The schedule takes no range from a number to a name.
            return False
        start = self.least if first is None else first
        end = last if last is not None else self.most
        within = self.least <= start <= end <= self.most
        return within and (step is None or 0 < step <= end - start)


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, tuple(_MONTHS)),
    _Field("weekday", 0, 6, tuple(_WEEKDAYS)),
)


def cron_fault(line: str) -> str:
    """What is wrong with a line of crontab, "" for nothing.

    >>> cron_fault("61 * * * *")
    "has '61', which is no minute: it may be 0 to 59"
    """
    texts = line.split()
    if len(texts) != len(_FIELDS):
        return "does not have the five fields of cron"
    for field, text in zip(_FIELDS, texts, strict=True):
        for part in text.split(","):
            if not field.takes(part):
                names = f", or {field.names[0]} to {field.names[-1]}" if field.names else ""
                return (
                    f"has {part!r}, which is no {field.name}: it may be {field.least} to "
                    f"{field.most}{names}"
                )
    return ""
