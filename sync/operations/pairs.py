"""A CSV of subjects and tickets, read as a whole: nothing is done where a line of it is wrong."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sync.operations.errors import Refused

# How many wrong lines are told of at once.
_TOLD = 10
# How much of a wrong line is shown, in characters.
_SHOWN = 120
_HEADING = ["subject", "ticket"]
_REFERENCE = re.compile(r"(?:[^\s:]+:(?:issue|incident):)?[^\s:]+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEY = re.compile(r"[A-Z][A-Z0-9_]*-[0-9]+", re.IGNORECASE)


@dataclass(slots=True)
class _Pairs:
    """The pairs of the lines so far, and by subject the line that first named it, with its ticket.
    ``begun``: there was a line before. ``ahead``: subjects that nobody knows are recorded, so that only
    a UUID will do."""

    ahead: bool
    found: list[tuple[str, str]] = field(default_factory=list)
    first: dict[str, tuple[int, str]] = field(default_factory=dict)
    begun: bool = False

    def take(self, number: int, cells: list[str]) -> str:
        """Take the line in; what is wrong with it, "" for nothing."""
        begun, self.begun = self.begun, True
        if [cell.casefold() for cell in cells[:2]] == _HEADING:
            return "is the heading once more. Remove the line." if begun else ""
        if wrong := self._wrong(cells):
            return wrong
        subject, ticket = cells
        id_ = subject.rpartition(":")[2].casefold()
        line, before = self.first.setdefault(id_, (number, ticket))
        if before.casefold() != ticket.casefold():
            return f"gives {id_} another ticket than line {line} ({before}). Remove one of the two."
        if line == number:
            self.found.append((subject, ticket))
        return ""

    def _wrong(self, cells: list[str]) -> str:
        if len(cells) != 2 or not all(cells):
            split = len(cells) == 1 and len(re.split(r"[;\t]", cells[0])) == 2
            more = " Separate the two by a comma." if split else ""
            return (
                "is not subject,ticket. Write the id of the issue or incident, a comma, and the "
                f"ticket's key.{more}"
            )
        subject, ticket = cells
        if not (_REFERENCE.fullmatch(subject) and subject.isprintable()):
            return f"has no id of an issue or incident: {subject!r}. Copy the id from its address."
        if self.ahead and not _UUID.fullmatch(subject.rpartition(":")[2]):
            return (
                f"cannot be recorded ahead: {subject!r} is no UUID, as every issue and incident has "
                "for its id. Copy the id from its address."
            )
        if not _KEY.fullmatch(ticket):
            return f"has no key of a ticket: {ticket!r}. Write it as in DATA-123."
        return ""


def lines_of(text: str, where: str = "line", *, ahead: bool = False) -> list[tuple[str, str]]:
    """(Subject, ticket) of each line of a CSV; the first line may be the heading subject,ticket. A pair
    that is there twice is given once. With ``ahead``, only a UUID will do for a subject. ``where`` is
    what a line is called by, such as the name of the file.

    Raises Refused, which names each wrong line.
    """
    pairs, wrong = _Pairs(ahead), []
    for number, cells in _rows(text, where):
        if why := pairs.take(number, cells):
            wrong.append(f"{where}:{number}: {','.join(cells)[:_SHOWN]!r} {why}")
    if wrong:
        more = len(wrong) - _TOLD
        told = [*wrong[:_TOLD], *([f"And {more} more lines."] if more > 0 else [])]
        raise Refused("\n".join(told))
    if not pairs.found:
        raise Refused(f"{where}: there are no lines of subject,ticket.")
    return pairs.found


def _rows(text: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not empty, by the number of the line on which each ends."""
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield rows.line_num, cells
    except csv.Error as error:
        raise Refused(f"{where}:{rows.line_num}: it is not CSV: {error}.") from None
