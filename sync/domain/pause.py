"""A pause that a person asked for: a rule, a project or a site is left alone until a time.

Not to be confused with the pause that a Jira site asks for (``SiteHealth.paused_for``), which is over
within minutes, nor with ``rules pause``, which lets the tickets of one edit wait.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sync.domain.durations import seconds_in
from sync.domain.times import moment

# Nobody remembers a pause for longer, and a slip of the pen is noticed.
LONGEST_SECONDS = 366 * 86_400.0
LONGEST_WHY = 500
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})\s*(Z|[+-]\d{2}:?\d{2})?", re.ASCII)


class PauseKind(StrEnum):
    """What is paused."""

    RULE = "rule"
    PROJECT = "project"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class Pause:
    """What is left alone until ``until`` (seconds since the epoch), who asked for that and why.

    ``at`` is when they asked. ``name`` is a rule's, a project's key or a site's name. ``site`` is that
    of the project or the site itself, "" for a rule. ``rules`` are those whose new tickets are for the
    project: such a ticket has no project on record before it is made.
    """

    kind: PauseKind
    name: str
    site: str
    until: float
    by: str
    why: str
    at: float
    rules: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """What is paused, in words."""
        of = f" of {self.site}" if self.kind is PauseKind.PROJECT else ""
        name = repr(self.name) if self.kind is PauseKind.RULE else self.name
        return f"{self.kind} {name}{of}"

    @property
    def words(self) -> str:
        """What is paused until when, by whom and why."""
        return f"{self.what} is paused until {moment(self.until)} UTC by {self.by}: {self.why}"

    def covers(self, rule: str, site: str, project: str) -> bool:
        """Whether a ticket waits for this pause. In SQL: ``affected`` in ``sync/store/paused.py``."""
        if self.kind is PauseKind.RULE:
            return rule == self.name
        if site != self.site:
            return False
        if self.kind is PauseKind.SITE:
            return True
        return project == self.name or (not project and rule in self.rules)


def active(pauses: Iterable[Pause], now: float) -> tuple[Pause, ...]:
    """Those that are not over at ``now`` (seconds since the epoch)."""
    return tuple(one for one in pauses if one.until > now)


def covering(pauses: Iterable[Pause], rule: str, site: str, project: str) -> Pause | None:
    """The pause that ends last of those that a ticket waits for."""
    found = (one for one in pauses if one.covers(rule, site, project))
    return max(found, key=lambda one: one.until, default=None)


def end_of(text: str, now: float) -> float:
    """When a pause ends (seconds since the epoch) that a person asks for at ``now`` in these words:

    ``2h`` or ``1d12h`` from now; ``18:00``, the next time that it is so late; ``2026-12-01`` or
    ``2026-12-01T08:00``. Times without a zone are UTC, as all times that are shown. Raises ValueError
    with a sentence.
    """
    given = text.strip()
    until = _until(given, now)
    if until is None:
        raise ValueError(
            f"{given!r} is no time. Write 2h, 18:00, 2026-12-01T08:00, or 2026-12-01T08:00+01:00; "
            "without a zone it is UTC."
        )
    if until <= now:
        raise ValueError(f"{given!r} is over. It is {moment(now)} UTC.")
    if until - now > LONGEST_SECONDS:
        # Said in the words that were given: it may be a year that no calendar has.
        raise ValueError(
            f"A pause until {given!r} would be too long; a year is the most. Turn a rule off instead, "
            "or take it out of its file."
        )
    return until


def _until(given: str, now: float) -> float | None:
    if (span := seconds_in(given)) is not None:
        return now + span
    try:
        if clock := _CLOCK.fullmatch(given):
            return _next(clock, now)
        at = datetime.fromisoformat(given)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _next(clock: re.Match[str], now: float) -> float:
    """The next time that a clock shows this. Raises ValueError for a time that no clock shows."""
    hour, minute, zone = clock.groups()
    given = datetime.fromisoformat(f"2000-01-01T{int(hour):02}:{minute}{zone or '+00:00'}")
    today = datetime.fromtimestamp(now, given.tzinfo)
    at = today.replace(hour=given.hour, minute=given.minute, second=0, microsecond=0)
    return (at if at.timestamp() > now else at + timedelta(days=1)).timestamp()
