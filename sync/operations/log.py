"""The log of acts, page by page."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sync.domain.times import stamp
from sync.store import log
from sync.store.admin_tables import LogRow
from sync.store.engine import Store

PAGE = 50
# The most that one answer holds.
MOST = 1000
_KEY = re.compile(r"[A-Z][A-Z0-9_]+-[0-9]+")


@dataclass(frozen=True, slots=True)
class Acted:
    """One act. ``about`` is what it was done to; ``ticket`` is the same where that is a key of Jira.

    ``at`` is ISO 8601, ``seconds`` the same since the epoch. ``refused``: ``words`` say why.
    """

    id: int
    at: str | None
    seconds: float
    account: str
    act: str
    about: str
    ticket: str
    words: str
    refused: bool


@dataclass(frozen=True, slots=True)
class LogPage:
    """Acts, newest first. ``older`` is the ``after`` of the next page, 0 on the last."""

    acts: list[Acted]
    older: int


def log_page(
    store: Store, *, who: str = "", act: str = "", after: int = 0, limit: int = PAGE
) -> LogPage:
    """Acts of one account and with one verb, if given, older than the act ``after``."""
    limit = max(1, min(limit, MOST))
    # SQLite's largest integer has 19 digits.
    after = max(0, min(after, 2**62))
    with store.read() as session:
        rows = log.page(session, account=who, act=act, after=after, limit=limit + 1)
    found = [_acted(row) for row in rows[:limit]]
    return LogPage(found, found[-1].id if len(rows) > limit else 0)


def _acted(row: LogRow) -> Acted:
    return Acted(
        id=row.id or 0,
        at=stamp(row.at),
        seconds=row.at,
        account=row.account,
        act=row.act,
        about=row.about,
        ticket=row.about if _KEY.fullmatch(row.about) else "",
        words=row.words,
        refused=row.refused,
    )
