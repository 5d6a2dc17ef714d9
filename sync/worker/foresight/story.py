"""One line of a ticket's story."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. ``at`` is in seconds since the epoch; ``what`` is ``delivery``, ``jira``
    or ``upstream`` (what people did there), or the action of a journal entry (``create``, ``update``,
    ``park`` …).

    ``side`` is where it happened: ``jira``, ``upstream``, or "" for what we decided or did. ``who`` did
    it, as far as that is known. ``where`` is the line of the rule that decided so, "" for none.
    """

    at: float
    what: str
    words: str
    result: str = ""
    rule: str = ""
    delivery: str = ""
    side: str = ""
    who: str = ""
    where: str = ""
