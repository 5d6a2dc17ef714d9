"""Epics that rules name: ``parent = { epic = "Data quality: orders" }``."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sync.domain.text import SUMMARY_LIMIT, ticket_line

# How the labels begin by which epics that we made are found after a lost reply.
LABEL = "ticket-sync-epic-"


class Foreseen(str):
    """In place of a value that a forecast does not know yet: what it will be, in words."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class EpicWish:
    """An epic as a rule names it. ``make``: it is made where the project has none of that name.
    ``issue_type`` is its issue type, "" for the project's epics."""

    name: str
    make: bool = True
    issue_type: str = ""

    @property
    def folded(self) -> str:
        """The name as names of epics are compared: in any case of letters, and spaced in any way."""
        return folded(self.name)

    @property
    def digest(self) -> str:
        """What tells the epics of one project apart."""
        text = f"{self.folded}\n{self.issue_type.strip().casefold()}"
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:40]

    def label(self, project: str) -> str:
        """The label by which an epic that we made is found after a lost reply."""
        text = f"{project}\n{self.digest}"
        return LABEL + hashlib.sha256(text.encode()).hexdigest()[:20]

    def __str__(self) -> str:
        return f"epic {self.name!r}"


# Gives the key of the epic that a rule names, a ``Foreseen`` in forecasts, "" for no parent.
EpicOf = Callable[[EpicWish], str]


def folded(name: str) -> str:
    """A summary as names of epics are compared."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def epic_wish(value: Any) -> EpicWish | None:
    """The epic that a field's value names. None for a value of another kind, and for an empty name.

    >>> epic_wish({"epic": " Data  quality "})
    EpicWish(name='Data quality', make=True, issue_type='')
    """
    if not isinstance(value, Mapping) or "epic" not in value:
        return None
    name = ticket_line(" ".join(str(value["epic"] or "").split()), SUMMARY_LIMIT)
    if not name:
        return None
    return EpicWish(name, bool(value.get("make", True)), str(value.get("issue_type") or "").strip())
